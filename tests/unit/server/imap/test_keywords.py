"""FLAGS and PERMANENTFLAGS come before what has a new keyword (RFC 9051 §7.3.5)."""

import pytest

from tests.kit.imap.client import MESSAGE, Answer, ImapClient, open_imap
from tests.kit.imap.responses import Data, Fetched, Status


def announced(answer: Answer) -> list[list[bytes]]:
    """The keywords of each FLAGS response, which stands before all FETCH and is followed by PERMANENTFLAGS."""
    found: list[list[bytes]] = []
    for place, one in enumerate(answer.responses):
        if isinstance(one, Data) and one.name == b"FLAGS":
            assert not [before for before in answer.responses[:place] if isinstance(before, Fetched)]
            permanent = answer.responses[place + 1]
            assert isinstance(permanent, Status)
            assert permanent.code == b"PERMANENTFLAGS"
            found.append([name for name in one.arguments[0] if not name.startswith(b"\\")])
    return found


def test_a_keyword_of_ones_own_is_announced_once() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client = mail.client(select="INBOX")
        answer = client.ok("STORE 1 +FLAGS ($One)")
        assert announced(answer) == [[b"$One"]]
        assert answer.fetched[1][b"FLAGS"] == [b"$One", b"\\Recent"]
        assert announced(client.ok("STORE 2 +FLAGS ($one \\Seen)")) == []
        assert announced(client.ok("STORE 3 +FLAGS.SILENT ($Two)")) == [[b"$One", b"$Two"]]
        assert announced(client.ok("STORE 3 FLAGS ()")) == []
        assert announced(client.ok("STORE 3 FLAGS ($Two)")) == []


@pytest.mark.parametrize("worker", [0, 1])
@pytest.mark.parametrize(
    "command", ["NOOP", "FETCH 1 FLAGS", "FETCH 1 (FLAGS BODY.PEEK[])", "SEARCH KEYWORD $New"]
)
def test_a_keyword_that_another_sets_is_announced(worker: int, command: str) -> None:
    with open_imap() as mail:
        mail.deliver()
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX", worker=worker)
        other.ok("STORE 1 +FLAGS ($New)")
        assert announced(client.ok(command)) == [[b"$New"]]
        assert announced(client.ok("NOOP")) == []


@pytest.mark.parametrize(
    "command", ["APPEND INBOX ($New) {5+}\r\nx: y\n", "COPY 1 INBOX", "MOVE 1 INBOX", "UID COPY 1 INBOX"]
)
def test_a_keyword_of_a_new_message_is_announced(command: str) -> None:
    with open_imap() as mail:
        mail.deliver(mailbox="Archive", flags="$New")
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        idling = mail.client(select="INBOX")
        idling.send(b"i IDLE\r\n")
        other.ok(command)
        assert announced(client.ok("NOOP")) == [[b"$New"]]
        assert announced(Answer(Status(b"", b"", None, None, b""), idling.receive())) == [[b"$New"]]
        assert announced(mail.client().ok("SELECT INBOX")) == [[b"$New"]]


def test_who_examines_is_not_told_that_it_can_be_set() -> None:
    with open_imap() as mail:
        mail.deliver()
        client, other = mail.client(), mail.client(select="INBOX")
        client.ok("EXAMINE INBOX")
        other.ok("STORE 1 +FLAGS ($New)")
        answer = client.ok("NOOP")
        assert announced(answer) == [[b"$New"]]
        assert answer.codes()[b"PERMANENTFLAGS"] == b"()"


def test_a_mailbox_that_is_read_again_has_no_news() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="$Old")
        client: ImapClient = mail.client(select="INBOX")
        session = client.session
        session.caches.mailboxes.forget(session.account_id, session.selected.mailbox)
        assert announced(client.ok("FETCH 1 FLAGS")) == []
        client.ok("STORE 1 FLAGS ()")
        session.caches.mailboxes.forget(session.account_id, session.selected.mailbox)
        assert announced(client.ok("NOOP")) == []
        assert announced(client.ok("STORE 1 FLAGS ($Old)")) == [[b"$Old"]]
