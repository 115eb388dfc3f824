"""STATUS (RFC 9051 §6.3.11)."""

from typing import Any

import pytest

from tests.kit.imap.client import MESSAGE, Answer, open_imap


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
