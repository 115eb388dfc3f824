"""CONDSTORE and QRESYNC: coming back to a mailbox (RFC 7162)."""

import pytest

from tests.kit.imap.client import MESSAGE, ImapClient, open_imap
from tests.kit.imap.responses import Fetched, Status


def test_what_one_client_may_ask_another_may_not_before_it_enables_it() -> None:
    command = "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)"
    with open_imap() as mail:
        mail.deliver(MESSAGE)
        mail.client(enable="QRESYNC", select="INBOX").ok(command)
        assert mail.client(select="INBOX").do(command).word == b"BAD"


def known(client: ImapClient) -> tuple[int, int]:
    """UIDVALIDITY and HIGHESTMODSEQ, as a client keeps them."""
    codes = client.ok("SELECT INBOX").codes()
    return int(codes[b"UIDVALIDITY"] or 0), int(codes[b"HIGHESTMODSEQ"] or 0)


@pytest.mark.rfc("7162 §3.2.5", "MUST")
def test_select_with_qresync_sends_vanished_and_changed_flags() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 6)
        phone = mail.client(enable="QRESYNC")
        uid_validity, modseq = known(phone)
        phone.ok("UNSELECT")
        other = mail.client(select="INBOX")
        other.ok("STORE 2,3 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        other.ok("UID STORE 5 +FLAGS (\\Flagged)")
        mail.deliver()
        answer = phone.ok(f"SELECT INBOX (QRESYNC ({uid_validity} {modseq}))")
        assert answer.vanished(earlier=True) == [2, 3]
        flags = {items[b"UID"]: items[b"FLAGS"] for items in answer.fetched.values()}
        assert flags == {5: [b"\\Flagged"], 7: [b"\\Recent"]}
        assert all(b"MODSEQ" in items for items in answer.fetched.values())
        assert list(answer.fetched) == [3, 5]


@pytest.mark.rfc("7162 §3.2.5", "MUST")
def test_qresync_with_another_uidvalidity_sends_no_changes() -> None:
    with open_imap() as mail:
        mail.deliver()
        phone = mail.client(enable="QRESYNC")
        uid_validity, _ = known(phone)
        answer = phone.ok(f"SELECT INBOX (QRESYNC ({uid_validity + 1} 1))")
        assert not answer.fetched
        assert not answer.vanished(earlier=True)


def test_a_client_that_knows_nothing_says_0_and_gets_everything() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        phone = mail.client(enable="QRESYNC")
        uid_validity, _ = known(phone)
        phone.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
        phone.ok("EXPUNGE")
        answer = phone.ok(f"SELECT INBOX (QRESYNC ({uid_validity} 0))")
        assert [items[b"UID"] for items in answer.fetched.values()] == [1, 3]
        assert answer.vanished(earlier=True) == [2]
        # 0 is no UIDVALIDITY: the client has nothing to resynchronize
        answer = phone.ok("SELECT INBOX (QRESYNC (0 0))")
        assert (answer.fetched, answer.vanished(earlier=True)) == ({}, [])
        answer = phone.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0 VANISHED)")
        assert [items[b"UID"] for items in answer.fetched.values()] == [1, 3]
        assert answer.vanished(earlier=True) == [2]


@pytest.mark.rfc("7162 §3.2.5.1", "SHOULD")
def test_only_known_uids_are_spoken_of() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 6)
        phone = mail.client(enable="QRESYNC")
        uid_validity, modseq = known(phone)
        phone.ok("STORE 1:4 +FLAGS.SILENT (\\Deleted)")
        phone.ok("EXPUNGE")
        phone.ok("STORE 1:2 +FLAGS.SILENT (\\Seen)")
        answer = phone.ok(f"SELECT INBOX (QRESYNC ({uid_validity} {modseq} 2:3,6))")
        assert answer.vanished(earlier=True) == [2, 3]
        assert [items[b"UID"] for items in answer.fetched.values()] == [6]


@pytest.mark.rfc("7162 §3.2.5.2", "SHOULD")
def test_sequence_match_data_shortens_vanished() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 6)
        phone = mail.client(enable="QRESYNC")
        uid_validity, modseq = known(phone)
        phone.ok("UID STORE 2,5 +FLAGS.SILENT (\\Deleted)")
        phone.ok("EXPUNGE")
        # number 2 is UID 3 already for this client: it has received of what went before
        answer = phone.ok(f"SELECT INBOX (QRESYNC ({uid_validity} {modseq} 1:6 (1,2,5 1,3,6)))")
        assert answer.vanished(earlier=True) == [5]


@pytest.mark.rfc("7162 §3.2.5", "MUST")
def test_qresync_must_be_enabled_first() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client()
        assert client.do("SELECT INBOX (QRESYNC (1 1))").word == b"BAD"
        client.ok("SELECT INBOX")
        assert client.do("UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)").word == b"BAD"


@pytest.mark.rfc("7162 §3.2.6", "MUST")
def test_uid_fetch_vanished_comes_before_any_fetch() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 5)
        phone = mail.client(enable="QRESYNC")
        _, modseq = known(phone)
        phone.ok("STORE 2,5 +FLAGS.SILENT (\\Deleted)")
        phone.ok("EXPUNGE")
        phone.ok("STORE 1 +FLAGS.SILENT (\\Seen)")
        answer = phone.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")
        assert answer.vanished(earlier=True) == [2, 5]
        assert not isinstance(answer.responses[0], Fetched)
        assert [items[b"UID"] for items in answer.fetched.values()] == [1]


@pytest.mark.rfc("7162 §3.2.10.1", "MUST")
def test_what_the_client_still_counts_is_not_earlier() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        phone = mail.client(enable="QRESYNC")
        _, modseq = known(phone)
        other = mail.client(select="INBOX")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        phone.ok("FETCH 1 UID")  # during which it must not be sent
        answer = phone.ok(f"UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)")
        assert answer.vanished(earlier=True) == []
        assert answer.vanished() == [2]


@pytest.mark.rfc("7162 §3.2", "MUST")
def test_qresync_works_from_a_modseq_sent_while_an_expunge_was_pending() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        phone = mail.client(enable="QRESYNC")
        _, before = known(phone)
        other = mail.client(select="INBOX")
        other.ok("STORE 2 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        other.ok("STORE 1 +FLAGS (\\Seen)")
        answer = phone.ok("FETCH 3 UID")
        assert int(answer.codes()[b"HIGHESTMODSEQ"] or 0) == before
        assert answer.fetched[1][b"MODSEQ"][0] > before
        assert phone.ok("NOOP").vanished() == [2]


@pytest.mark.rfc("7162 §3.1.1", "MUST")
@pytest.mark.parametrize(
    "command",
    ["FETCH 1 MODSEQ", "FETCH 1 FLAGS (CHANGEDSINCE 1)", "SEARCH MODSEQ 1", "STATUS INBOX (HIGHESTMODSEQ)"],
)
def test_the_first_condstore_enabling_command_sends_highestmodseq(command: str) -> None:
    with open_imap() as mail:
        mail.deliver()
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        assert b"HIGHESTMODSEQ" in client.ok(command).codes()
        assert b"HIGHESTMODSEQ" not in client.ok(command).codes()
        other.ok("STORE 1 +FLAGS (\\Seen)")
        assert {b"UID", b"FLAGS", b"MODSEQ"} <= client.ok("NOOP").fetched[1].keys()


@pytest.mark.rfc("7162 §3.1.4.1", "MUST")
def test_changedsince_sends_what_changed_with_its_modseq() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client = mail.client()
        _, modseq = known(client)
        client.ok("STORE 2 +FLAGS (\\Seen)")
        answer = client.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")
        assert list(answer.fetched) == [2]
        assert answer.fetched[2][b"MODSEQ"][0] > modseq


@pytest.mark.rfc("7162 §3.2.7", "MUST")
def test_expunge_sends_highestmodseq_to_qresync_clients() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Deleted")
        phone = mail.client(enable="QRESYNC", select="INBOX")
        answer = phone.ok("EXPUNGE")
        assert answer.vanished() == [1]
        assert isinstance(answer.status, Status)
        assert answer.status.code == b"HIGHESTMODSEQ"
        assert phone.ok("EXPUNGE").code is None
