"""STATUS (RFC 9051 §6.3.11)."""

from typing import Any

import pytest

from tests.kit.imap.client import MESSAGE, Answer, open_imap
from tests.kit.imap.responses import Status


def status(answer: Answer) -> dict[bytes, Any]:
    ((_, items),) = answer.data(b"STATUS")
    return dict(zip(items[::2], items[1::2], strict=True))


@pytest.mark.rfc("9051 §6.3.11", "MUST")
@pytest.mark.rfc("8438 §3", "MUST")
def test_status_counts_without_selecting() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Seen \\Deleted")
        mail.deliver(MESSAGE)
        watcher, client = mail.client(), mail.client()
        items = "MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID"
        counts = status(watcher.ok(f"STATUS INBOX ({items})"))
        assert (counts[b"MESSAGES"], counts[b"RECENT"], counts[b"UIDNEXT"]) == (2, 2, 3)
        assert (counts[b"UNSEEN"], counts[b"DELETED"], counts[b"SIZE"]) == (1, 1, 2 * len(MESSAGE))
        client.ok("SELECT INBOX")
        assert status(watcher.ok("STATUS INBOX (RECENT)")) == {b"RECENT": 0}
        mail.deliver()
        assert status(watcher.ok("STATUS INBOX (RECENT)")) == {b"RECENT": 1}
        assert client.ok("NOOP").numbered(b"RECENT") == [3]
        assert status(watcher.ok("STATUS INBOX (RECENT)")) == {b"RECENT": 0}
        assert watcher.do("STATUS nowhere (MESSAGES)").code == b"NONEXISTENT"


def test_the_selected_mailbox_is_looked_at_in_the_same_transaction() -> None:
    with open_imap() as mail:
        watcher, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        database = mail.provider.world.database
        before = database.calls
        watcher.ok("STATUS Sent (MESSAGES)")
        assert database.calls - before == 1
        mail.deliver()
        assert watcher.ok("STATUS Sent (MESSAGES)").numbered(b"EXISTS") == [1]
        other.ok("NOOP")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        assert watcher.ok("STATUS Sent (MESSAGES)").numbered(b"EXPUNGE") == [1]


def test_a_session_whose_mailbox_was_deleted_ends_with_status() -> None:
    with open_imap() as mail:
        watcher, other = mail.client(), mail.client()
        watcher.ok("CREATE Work")
        watcher.ok("SELECT Work")
        other.ok("DELETE Work")
        ended = watcher.send(b"a STATUS INBOX (MESSAGES)\r\n")[-1]
        assert isinstance(ended, Status)
        assert ended.word == b"BYE"
