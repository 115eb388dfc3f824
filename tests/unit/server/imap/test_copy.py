"""COPY, MOVE (RFC 9051 §6.4.7, §6.4.8, §6.4.9; RFC 4315, 6851)."""

import pytest

from pillarbox.store.flag_texts import MAX_MAILBOX_OCTETS
from tests.kit.imap.client import MESSAGE, open_imap
from tests.kit.imap.responses import Numbered, Status


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_copy_keeps_flags_and_dates_and_returns_copyuid() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3, flags="\\Flagged $Word")
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        before = client.ok("FETCH 1,3 INTERNALDATE").fetched
        answer = client.ok("COPY 1,3 Archive")
        assert (answer.code or b"").startswith(b"COPYUID ")
        assert (answer.code or b"").endswith(b" 1,3 1:2")
        updates = other.ok("NOOP")
        assert updates.numbered(b"EXISTS") == [2]
        copies = other.ok("FETCH 1:2 (FLAGS INTERNALDATE EMAILID)").fetched
        assert set(copies[1][b"FLAGS"]) == {b"\\Flagged", b"$Word", b"\\Recent"}
        assert copies[2][b"INTERNALDATE"] == before[3][b"INTERNALDATE"]
        assert copies[1][b"EMAILID"] == client.ok("FETCH 1 EMAILID").fetched[1][b"EMAILID"]


@pytest.mark.rfc("9051 §7.1", "MUST")
def test_keywords_beyond_what_a_mailbox_can_have() -> None:
    """RFC 9051 §7.1, LIMIT: the number of flags used in a mailbox."""
    with open_imap() as mail:
        most = MAX_MAILBOX_OCTETS // 1000 + 1
        for number in range(most):
            words = [f"{number}-{word}".ljust(249, "k") for word in range(4)]
            mail.deliver(MESSAGE, flags=" ".join(words), mailbox="Archive" if number == 0 else "INBOX")
        mail.deliver()
        client = mail.client(select="INBOX")
        refusal = (b"NO", b"LIMIT")
        word = "k" * 250
        for command in (f"STORE * FLAGS ({word} {word}2)", f"APPEND INBOX ({word} {word}2) {{3+}}\r\nx\r\n"):
            refused = client.do(command)
            assert (refused.word, refused.code) == refusal, command
        archive = mail.client(select="Archive")
        for command in ("COPY 1 INBOX", "MOVE 1 INBOX"):
            refused = archive.do(command)
            assert (refused.word, refused.code) == refusal, command
        assert archive.uids() == [1]
        # New keywords remain possible, as PERMANENTFLAGS says, and so do system flags
        assert b"\\*" in (client.ok("SELECT INBOX").codes()[b"PERMANENTFLAGS"] or b"")
        client.ok("STORE 1:* +FLAGS (\\Seen)")
        client.ok("STORE 1:* FLAGS (another)")


@pytest.mark.rfc("9051 §6.4.7", "SHOULD")
def test_copy_and_move_never_make_a_mailbox() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        for command in ("COPY 1 nowhere", "UID COPY 1 nowhere", "MOVE 1 nowhere", "UID MOVE 1 nowhere"):
            refused = client.do(command)
            assert (refused.word, refused.code) == (b"NO", b"TRYCREATE"), command


@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_uids_that_no_message_has_are_no_error() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        for command in (
            "UID COPY 77 Archive",
            "UID MOVE 77 Archive",
            "UID STORE 77 +FLAGS (\\Seen)",
            "UID EXPUNGE 77",
        ):
            assert client.ok(command).code is None, command


@pytest.mark.rfc("6851 §4.3", "SHOULD")
def test_move_sends_copyuid_before_expunge() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        received = client.ok("MOVE 1:2 Archive").responses
        assert isinstance(received[0], Status)
        assert received[0].code == b"COPYUID"
        assert received[1:] == [Numbered(1, b"EXPUNGE"), Numbered(1, b"EXPUNGE")]
        assert client.uids() == [3]
        assert other.ok("NOOP").numbered(b"EXPUNGE") == [1, 1]


def test_moving_into_the_same_mailbox_gives_a_new_uid() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client = mail.client(select="INBOX")
        answer = client.ok("MOVE 1 INBOX")
        assert answer.numbered(b"EXPUNGE") == [1]
        assert answer.numbered(b"EXISTS") == [2]
        assert client.uids() == [2, 3]


@pytest.mark.rfc("6851 §4.4", "MUST")
def test_move_sends_vanished_to_qresync_clients() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE)
        phone = mail.client(enable="QRESYNC", select="INBOX")
        answer = phone.ok("UID MOVE 1 Archive")
        assert answer.vanished() == [1]
        assert answer.status.code == b"HIGHESTMODSEQ"


def test_messages_that_are_gone_can_not_be_copied() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 2)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        client.ok("SEARCH ALL")  # must not be sent yet
        refused = client.do("COPY 1 Archive")
        assert (refused.word, refused.code) == (b"NO", b"EXPUNGEISSUED")
        assert refused.numbered(b"EXPUNGE") == [1]
