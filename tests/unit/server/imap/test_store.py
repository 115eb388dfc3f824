"""STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

import pytest

from tests.kit.imap.client import MESSAGE, open_imap


@pytest.mark.rfc("9051 §6.4.6", "MUST")
def test_flags_are_added_removed_and_replaced() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE, flags="\\Flagged")
        client = mail.client(enable="IMAP4rev2", select="INBOX")
        added = client.ok("STORE 1:2 +FLAGS (\\Seen $Word)")
        assert {number: items[b"FLAGS"] for number, items in added.fetched.items()} == {
            1: [b"\\Flagged", b"\\Seen", b"$Word"],
            2: [b"\\Flagged", b"\\Seen", b"$Word"],
        }
        assert client.ok("STORE 1 -FLAGS (\\Flagged $word)").fetched[1][b"FLAGS"] == [b"\\Seen"]
        assert client.ok("UID STORE 2 FLAGS (\\Draft)").fetched[2] == {b"UID": 2, b"FLAGS": [b"\\Draft"]}
        assert client.ok("STORE 1:2 FLAGS ()").fetched[1][b"FLAGS"] == []


@pytest.mark.rfc("9051 §6.4.6", "MUST")
def test_silent_store_changes_flags_without_fetch_responses() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        assert client.ok("STORE 1 +FLAGS.SILENT (\\Seen)").responses == []
        assert client.flags(1) == {b"\\Seen"}


def test_flags_already_set_are_sent_and_the_modseq_stays() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Seen")
        client = mail.client(enable="CONDSTORE", select="INBOX")
        before = client.ok("FETCH 1 MODSEQ").fetched[1][b"MODSEQ"]
        fetched = client.ok("STORE 1 +FLAGS (\\Seen)").fetched[1]
        assert b"\\Seen" in fetched[b"FLAGS"]
        assert fetched[b"MODSEQ"] == before


@pytest.mark.rfc("2180 §4.2", "MUST")
def test_silence_does_not_hide_what_others_changed() -> None:
    with open_imap() as mail:
        mail.deliver()
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Flagged)")
        fetched = client.ok("STORE 1 +FLAGS.SILENT (\\Seen)").fetched
        assert set(fetched[1][b"FLAGS"]) >= {b"\\Flagged", b"\\Seen"}
        assert set(other.ok("NOOP").fetched[1][b"FLAGS"]) >= {b"\\Flagged", b"\\Seen"}


def test_unchangedsince_protects_flags_set_by_other_sessions() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, flags="\\Seen")
        one, two = mail.client(select="INBOX"), mail.client(select="INBOX")
        one.ok("STORE 1 +FLAGS (\\Draft)")
        two.ok("STORE 1 -FLAGS (\\Seen)")
        assert one.flags(1) == two.flags(1) == {b"\\Draft"}


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_unchangedsince_refuses_what_changed_and_does_the_rest() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 3)
        client, other = mail.client(enable="CONDSTORE", select="INBOX"), mail.client(select="INBOX")
        modseq = client.ok("FETCH 3 MODSEQ").fetched[3][b"MODSEQ"][0]
        other.ok("STORE 2 +FLAGS (\\Flagged)")
        answer = client.ok(f"STORE 1:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)")
        assert answer.code == b"MODIFIED 2"
        assert all(b"MODSEQ" in answer.fetched[number] for number in (1, 3))
        # and the reason of the refusal is sent with it
        assert b"\\Flagged" in answer.fetched[2][b"FLAGS"]
        assert client.flags(2) == {b"\\Flagged"}
        assert client.flags(3) == {b"\\Seen"}
        by_uid = client.ok(f"UID STORE 1:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Draft)")
        assert by_uid.code == b"MODIFIED 1:3"


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_with_condstore_silent_store_sends_the_modseq() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(enable="CONDSTORE", select="INBOX")
        assert client.ok("STORE 1 +FLAGS.SILENT (\\Seen)").fetched[1].keys() == {b"UID", b"MODSEQ"}


def test_store_of_expunged_messages_is_reported() -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 2)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        answer = client.ok("STORE 1:2 +FLAGS (\\Seen)")
        assert answer.code == b"EXPUNGEISSUED"
        assert list(answer.fetched) == [2]
        assert answer.numbered(b"EXPUNGE") == []


@pytest.mark.rfc("9051 §7.1", "MUST")
def test_too_many_keywords_are_refused() -> None:
    with open_imap() as mail:
        mail.deliver()
        client = mail.client(select="INBOX")
        for start in (0, 100):
            words = " ".join(f"word{number}" for number in range(start, start + 100))
            answer = client.do(f"STORE 1 +FLAGS.SILENT ({words})")
        assert (answer.word, answer.code) == (b"NO", b"LIMIT")


def test_flags_are_reported_as_the_change_left_them_in_memory() -> None:
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        alice, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        before = mail.provider.world.database.calls
        answer = alice.ok("STORE 1 +FLAGS ($New)")
        assert answer.fetched[1][b"FLAGS"] == [b"$New", b"\\Recent"]
        assert b"$New" in answer.data(b"FLAGS")[0][0], "a new keyword is announced first"
        assert mail.provider.world.database.calls - before == 1, (
            "the change, which tells whether others made any"
        )
        silent = alice.ok("STORE 1 +FLAGS.SILENT ($Other)")
        assert b"$Other" in silent.data(b"FLAGS")[0][0]
        alice.ok("STORE 1 +FLAGS ($Other)")
        assert mail.provider.world.database.calls - before == 3
        other.ok("STORE 2 +FLAGS (\\Seen)")
        assert alice.ok("STORE 1 +FLAGS (\\Deleted)").fetched.keys() == {1, 2}
