"""SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2)."""

import pytest

from pillarbox.store import mailbox_cache
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce
from tests.kit.imap.client import MESSAGE, open_imap
from tests.kit.imap.responses import Status


@pytest.mark.rfc("3501 §6.3.1", "MUST")
def test_select_describes_the_mailbox() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Seen $Important")
        mail.deliver(MESSAGE)
        answer = mail.client().ok("SELECT inbox")
        assert answer.code == b"READ-WRITE"
        assert answer.numbered(b"EXISTS") == [2]
        assert answer.numbered(b"RECENT") == [2]
        codes = answer.codes()
        assert codes[b"UNSEEN"] == b"2"
        assert codes[b"UIDNEXT"] == b"3"
        assert codes[b"PERMANENTFLAGS"] == rb"(\Answered \Flagged \Deleted \Seen \Draft $Important \*)"
        assert {b"UIDVALIDITY", b"HIGHESTMODSEQ", b"MAILBOXID"} <= codes.keys()
        ((flags,),) = answer.data(b"FLAGS")
        assert b"$Important" in flags


@pytest.mark.rfc("9051 §6.3.2", "MUST")
def test_for_rev2_there_is_a_list_response_and_nothing_recent() -> None:
    with open_imap() as mail:
        mail.deliver()
        answer = mail.client(enable="IMAP4rev2").ok("SELECT INBOX")
        assert answer.data(b"LIST") == [[[], b"/", b"INBOX"]]
        assert answer.numbered(b"RECENT") == []
        assert b"UNSEEN" not in answer.codes()
        # what it did not want is still there for a client that does
        assert mail.client().ok("SELECT INBOX").numbered(b"RECENT") == [1]


@pytest.mark.rfc("3501 §2.3.2", "MUST")
def test_recent_goes_to_one_session_and_examine_takes_nothing() -> None:
    with open_imap() as mail:
        mail.deliver()
        examining = mail.client().ok("EXAMINE INBOX")
        assert examining.numbered(b"RECENT") == [1]
        first, second = mail.client(), mail.client()
        assert first.ok("SELECT INBOX").numbered(b"RECENT") == [1]
        assert second.ok("SELECT INBOX").numbered(b"RECENT") == [0]
        assert b"\\Recent" in first.ok("FETCH 1 FLAGS").fetched[1][b"FLAGS"]
        assert b"\\Recent" not in second.ok("FETCH 1 FLAGS").fetched[1][b"FLAGS"]


@pytest.mark.rfc("9051 §6.3.2", "MUST")
def test_a_select_that_fails_leaves_nothing_selected() -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        refused = client.do("SELECT nowhere")
        assert (refused.word, refused.code) == (b"NO", b"NONEXISTENT")
        assert b"CLOSED" in refused.codes()
        assert client.do("FETCH 1 UID").word == b"BAD"


@pytest.mark.rfc("7162 §3.2.11", "MUST")
def test_closed_stands_between_two_mailboxes() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="Archive")
        mail.deliver(mailbox="Archive")
        received = client.ok("SELECT INBOX").responses
        assert isinstance(received[0], Status)
        assert received[0].code == b"CLOSED"


@pytest.mark.rfc("9051 §6.3.3", "MUST")
def test_examine_changes_nothing() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        client = mail.client()
        answer = client.ok("EXAMINE INBOX")
        assert answer.code == b"READ-ONLY"
        assert answer.codes()[b"PERMANENTFLAGS"] == b"()"
        client.ok("FETCH 1 BODY[]")
        assert client.flags(1) == {b"\\Deleted"}
        for command in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Archive"):
            assert client.do(command).word == b"NO", command
        client.ok("COPY 1 Archive")
        client.ok("CLOSE")
        assert mail.provider.messages(0) == 1


@pytest.mark.rfc("3691 §2", "MUST")
@pytest.mark.rfc("9051 §6.4.1", "MUST")
def test_close_expunges_in_silence_and_unselect_does_not() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE, flags="\\Deleted")
        client = mail.client(select="INBOX")
        assert client.ok("UNSELECT").responses == []
        assert mail.provider.messages(0) == 2
        client.ok("SELECT INBOX")
        assert client.ok("CLOSE").responses == []
        assert mail.provider.messages(0) == 0
        assert client.do("CLOSE").word == b"BAD"


def test_what_is_selected_again_is_described_anew() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        before = client.ok("SELECT INBOX").codes()
        client.ok("STORE 1 FLAGS (\\Seen NewWord)")
        after = client.ok("SELECT INBOX").codes()
        assert before[b"UNSEEN"] == b"1"
        assert b"UNSEEN" not in after
        assert b"NewWord" in (after[b"PERMANENTFLAGS"] or b"")
        assert int(after[b"HIGHESTMODSEQ"] or 0) > int(before[b"HIGHESTMODSEQ"] or 0)


def test_of_very_many_keywords_some_are_named() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 50)
        client = mail.client(select="INBOX")
        for number in range(1, 51):
            flags = " ".join(f"{letter}{number:03}".ljust(250, "k") for letter in "abc")
            client.ok(f"STORE {number} +FLAGS.SILENT ({flags})")
        (named,) = mail.client().ok("SELECT INBOX").data(b"FLAGS")
        assert {b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Seen", b"\\Draft"} < set(named[0])
        assert 8_000 < len(b" ".join(named[0])) < 10_000


@pytest.mark.parametrize(
    "wrong",
    [
        "SELECT",
        "SELECT ",
        'EXAMINE "a&b"',
        'SELECT "" extra',
        "SELECT a%",
        "SELECT INBOX (NICE)",
        "SELECT INBOX (QRESYNC (1 1))",
        "SELECT INBOX (QRESYNC)",
        f"SELECT {'x' * 5000}",
        f"EXAMINE {'x' * 200_000}",
        'SELECT "a\\b"',
        "SELECT {5000+}",
        "examine ~{1+}",
    ],
)
@pytest.mark.rfc("9051 §6.3.2", "MUST")
def test_a_select_that_is_refused_unread_leaves_nothing_selected_too(wrong: str) -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        client = mail.client(select="INBOX")
        line = wrong.encode() + b"\r\n" + (b"x" * 5000 + b"\r\n" if wrong.endswith("{5000+}") else b"")
        closed, refused = client.send(b"a1 " + line + (b"x\r\n" if wrong.endswith("{1+}") else b""))
        assert isinstance(closed, Status)
        assert isinstance(refused, Status)
        assert (closed.code, refused.tag, refused.word in {b"BAD", b"NO"}) == (b"CLOSED", b"a1", True)
        assert client.do("EXPUNGE").word == b"BAD"
        assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [1]


@pytest.mark.parametrize("failure", [DatabaseUnavailable("x"), DatabaseDamaged("x"), MemoryScarce("x")])
@pytest.mark.rfc("9051 §6.3.2", "MUST")
def test_a_select_that_the_world_fails_leaves_nothing_selected(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        client = mail.client(select="INBOX")
        with monkeypatch.context() as patched:
            patched.setattr(mailbox_cache, "head_by_name", fail)
            refused = client.do("SELECT Archive")
        assert (refused.word, refused.code) == (b"NO", b"UNAVAILABLE")
        assert b"CLOSED" in refused.codes()
        assert client.do("EXPUNGE").word == b"BAD"
        assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [1]


def test_what_is_no_select_leaves_the_mailbox_selected() -> None:
    with open_imap() as mail:
        client = mail.client(select="INBOX")
        for wrong in (
            b"SELECTED x",
            b"a SELECTED x",
            b"()",
            b"x" * 200_000,
            b"a STATUS SELECT",
            b"a UID SELECT x",
        ):
            (refused,) = client.send(wrong + b"\r\n")
            assert isinstance(refused, Status)
            assert refused.word == b"BAD"
            assert client.do("CHECK").word == b"OK"
            assert client.ok("SELECT INBOX").codes()[b"CLOSED"] is None


@pytest.mark.rfc("7162 §3.1.2.1", "MUST")
def test_the_mailbox_that_is_left_is_not_described_again() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        answer = client.ok("SELECT Archive (CONDSTORE)")
        codes = [one.code for one in answer.responses if isinstance(one, Status)]
        assert codes[0] == b"CLOSED"
        assert codes.count(b"HIGHESTMODSEQ") == 1
