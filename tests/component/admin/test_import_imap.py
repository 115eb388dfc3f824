"""Importing from another IMAP server: Pillarbox itself. Other servers: tests/interop, and scripted ones."""

import imaplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.admin.importing.imap.connection import RemoteRefused
from pillarbox.admin.importing.imap.plan import Selection
from pillarbox.admin.importing.imap.remote import Encryption, Password, Remote
from pillarbox.world.network.system import addresses_of
from pillarbox.world.tls.client import verified
from tests.kit.certificate import certificate_file
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.pulling import Receiver, remote
from tests.kit.server import Server, serve

AT_MS = 837_571_405_000
DATE = '"17-Jul-1996 02:43:25 +0000"'


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("imap") as running:
        yield running


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    yield made
    made.close()


def source(server: Server, password: str = PASSWORD) -> Remote:
    return remote(server.ports["imap"], PEOPLE[0], Password(password))


def client(server: Server) -> imaplib.IMAP4:
    made = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    made.login(PEOPLE[0], PASSWORD)
    return made


def letter(number: int, body: bytes = b"words\r\n") -> bytes:
    return b"Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n%b" % (number, number, body)


def fill(client: imaplib.IMAP4, mailbox: str, *letters: bytes, flags: str = "") -> None:
    for one in letters:
        status, said = client.append(mailbox, flags, DATE, one)
        assert status == "OK", said


def test_messages_come_with_flags_keywords_and_dates(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1), flags=r"\Seen \Answered $Forwarded Label")
        there.create("Work")
        there.create("Work/2026")
        there.create("Entw&APw-rfe")
        fill(there, "Work/2026", letter(2))
        fill(there, "Entw&APw-rfe", letter(3), flags=r"\Draft")
        there.subscribe("Work/2026")

    result = receiver.pull(source(server))

    assert (result.stored, result.skipped) == (3, [])
    assert receiver.held() == {
        "INBOX": [(letter(1), "\\Answered \\Seen $Forwarded Label", AT_MS)],
        "Work/2026": [(letter(2), "", AT_MS)],
        "Entwürfe": [(letter(3), "\\Draft", AT_MS)],
    }
    assert receiver.mailboxes().items() >= {"Work/2026": True, "Work": False, "Entwürfe": False}.items()


def test_nothing_is_changed_there(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(2))
    receiver.pull(source(server))
    with client(server) as there:
        there.select("INBOX")
        assert there.uid("search", "UNSEEN")[1] == [b"1 2"]


def test_a_second_run_brings_what_is_new(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(2))
        assert receiver.pull(source(server)).stored == 2
        assert receiver.pull(source(server)).stored == 0
        fill(there, "INBOX", letter(3))
        assert receiver.pull(source(server)).stored == 1
    assert receiver.bodies() == [letter(1), letter(2), letter(3)]


def test_flags_that_changed_there_are_brought_and_those_that_changed_here_stay(
    server: Server, receiver: Receiver
) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(2), letter(3), flags=r"\Seen Old")
        receiver.pull(source(server))
        receiver.set_flags("INBOX", 1, "\\Flagged \\Seen Old")
        there.select("INBOX")
        there.store("1:2", "+FLAGS", r"(\Answered)")
        there.store("1", "-FLAGS", "(Old)")

        result = receiver.pull(source(server))

    assert (result.stored, result.flags_changed) == (0, 2)
    assert receiver.flags() == ["\\Answered \\Flagged \\Seen", "\\Answered \\Seen Old", "\\Seen Old"]


def test_what_was_deleted_there_is_deleted_here_only_on_request(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(2), letter(3))
        receiver.pull(source(server))
        there.select("INBOX")
        there.store("2", "+FLAGS", r"(\Deleted)")
        there.expunge()

        assert receiver.pull(source(server)).deleted == 0
        assert len(receiver.bodies()) == 3
        assert receiver.pull(source(server), delete=True).deleted == 1

    assert receiver.bodies() == [letter(1), letter(3)]


def test_what_other_accounts_have_imported_does_not_matter(server: Server, receiver: Receiver) -> None:
    """Their mailboxes and messages have the same numbers."""
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(2))
        receiver.pull(source(server))
        anna, receiver.account = receiver.account, receiver.another("bob@example.org")
        assert receiver.pull(source(server)).stored == 2
        there.select("INBOX")
        there.store("1", "+FLAGS", r"(\Deleted)")
        there.expunge()
        for account in (anna, receiver.account):
            receiver.account = account
            assert receiver.pull(source(server), delete=True).deleted == 1
            assert receiver.bodies() == [letter(2)]


def test_what_was_deleted_here_does_not_come_again(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1))
    receiver.pull(source(server))
    receiver.expunge("INBOX")
    assert receiver.pull(source(server)).stored == 0
    assert receiver.bodies() == []


def test_new_uids_bring_no_message_twice(server: Server, receiver: Receiver) -> None:
    without_id = b"Subject: no identity\r\n\r\nwords\r\n"
    with client(server) as there:
        there.create("Old")
        fill(there, "Old", letter(1), letter(2), without_id)
        receiver.pull(source(server))
        there.delete("Old")
        there.create("Old")  # with another UIDVALIDITY
        fill(there, "Old", letter(2), flags=r"\Flagged")
        fill(there, "Old", without_id, letter(4), letter(1))

        result = receiver.pull(source(server))

    assert (result.stored, result.recognized) == (1, 3)
    assert receiver.bodies("Old") == [letter(1), letter(2), without_id, letter(4)]
    assert receiver.flags("Old") == ["", "\\Flagged", "", ""]
    assert receiver.pull(source(server)).stored == 0


def by_another_name(server: Server, how: str) -> Remote:
    """The same account."""
    login, host = (PEOPLE[0].upper(), "127.0.0.1") if how == "login" else (PEOPLE[0], "localhost")
    return remote(server.ports["imap"], login, Password(PASSWORD), host=host)


@pytest.mark.parametrize("how", ["login", "host"])
def test_the_same_account_by_another_name_brings_nothing_twice(
    server: Server, receiver: Receiver, how: str
) -> None:
    without_id = b"Subject: no identity\r\n\r\nwords\r\n"
    with client(server) as there:
        fill(there, "INBOX", letter(1), letter(1), without_id)
        receiver.pull(source(server))
        fill(there, "INBOX", letter(1), letter(2))

        other = by_another_name(server, how)
        result = receiver.pull(other)
        assert (result.stored, result.recognized) == (2, 3)
        assert receiver.bodies() == [letter(1), letter(1), without_id, letter(1), letter(2)]
        assert receiver.pull(other).already == 5
        result = receiver.pull(source(server))
        assert (result.stored, result.recognized, result.already) == (0, 2, 3)
        assert receiver.pull(other, Selection(into="Old")).stored == 0  # a mailbox keeps its place here

        there.select("INBOX")
        there.store("2", "+FLAGS", r"(\Seen \Deleted)")
        there.expunge()
        assert receiver.pull(other, delete=True).deleted == 0  # by the other name it may still be there
        assert receiver.pull(source(server), delete=True).deleted == 1
    assert len(receiver.bodies()) == 4


def test_what_came_by_another_name_comes_again_where_it_is_asked_for(
    server: Server, receiver: Receiver
) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1))
    receiver.pull(source(server))
    assert receiver.pull(by_another_name(server, "login"), again=True).stored == 1


def test_two_accounts_that_come_into_one_keep_what_one_of_them_still_has(
    server: Server, receiver: Receiver
) -> None:
    second = remote(server.ports["imap"], PEOPLE[1], Password(PASSWORD))
    there = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    there.login(PEOPLE[1], PASSWORD)
    with client(server) as first, there:
        fill(first, "INBOX", letter(1), letter(2))
        fill(there, "INBOX", letter(2), letter(3))
        receiver.pull(source(server))
        assert receiver.pull(second).stored == 1
        first.select("INBOX")
        first.store("1:2", "+FLAGS", r"(\Deleted)")
        first.expunge()
        assert receiver.pull(source(server), delete=True).deleted == 1
    assert receiver.bodies() == [letter(2), letter(3)]


@pytest.mark.parametrize(
    "selection",
    [Selection(wanted=("nope*",)), Selection(wanted=("INBOX",), excluded=("*",)), Selection(excluded=("*",))],
)
def test_where_no_mailbox_is_selected_it_is_told(
    server: Server, receiver: Receiver, selection: Selection
) -> None:
    with pytest.raises(RemoteRefused, match=r"No mailbox to import.*--list") as refused:
        receiver.pull(source(server), selection)
    assert ("nope*: no mailbox there has such a name" in str(refused.value)) == ("nope*" in selection.wanted)


def test_a_pattern_that_matches_no_mailbox_is_reported(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1))
    result = receiver.pull(source(server), Selection(wanted=("INBOX", "Wrok")))
    assert result.stored == 1
    assert [(one.where, one.why) for one in result.skipped] == [("Wrok", "no mailbox there has such a name")]


def test_large_messages_and_odd_octets_come_as_they_are(server: Server, receiver: Receiver) -> None:
    odd = [letter(1, b"x" * 3_000_000), letter(2, b"\xff{12}\r\nP1 OK\r\n"), b"\r\n", letter(3, b"no end")]
    with client(server) as there:
        fill(there, "INBOX", *odd)
    assert receiver.pull(source(server)).stored == len(odd)
    assert sorted(receiver.bodies()) == sorted(odd)


def test_a_message_over_the_limit_is_reported(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        fill(there, "INBOX", letter(1, b"x" * 5000), letter(2))
    result = receiver.pull(source(server), max_message_octets=1000)
    assert receiver.bodies() == [letter(2)]
    assert [(one.where, one.why) for one in result.skipped] == [
        ("INBOX, UID 1", f"{len(letter(1, b'x' * 5000))} octets are over the limit of 1000")
    ]


def test_patterns_choose_mailboxes(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        for name in ("Work", "Work/a", "Work/b", "Home"):
            there.create(name)
            fill(there, name, letter(1))
    selection = Selection(into="Old", wanted=("Work*", "INBOX"), excluded=("*/b",))
    receiver.pull(source(server), selection)
    assert set(receiver.held()) == {"Old/Work", "Old/Work/a"}


def test_mailboxes_with_a_special_use_come_into_those_here(server: Server, receiver: Receiver) -> None:
    with client(server) as there:
        there.rename("Sent", "Gesendet")
        fill(there, "Gesendet", letter(1))
    receiver.pull(source(server))
    assert set(receiver.held()) == {"Sent"}


def test_a_wrong_password_is_told_in_plain_words(server: Server, receiver: Receiver) -> None:
    with pytest.raises(RemoteRefused, match=r"Login of u0@one\.example refused by"):
        receiver.pull(source(server, "wrong"))


def test_a_port_where_nobody_listens_is_told(receiver: Receiver) -> None:
    with pytest.raises(RemoteRefused, match="No connection"):
        receiver.pull(remote(1, "a", Password("b")))


@pytest.mark.parametrize(
    ("service", "encryption"), [("imaps", Encryption.TLS), ("imap", Encryption.STARTTLS)]
)
def test_tls_with_and_without_a_trusted_certificate(
    service: str, encryption: Encryption, receiver: Receiver
) -> None:
    with serve(service) as server:
        port = server.ports[service]
        untrusted = remote(
            port, PEOPLE[0], Password(PASSWORD), host="localhost", encryption=encryption, tls=verified()
        )
        with pytest.raises(RemoteRefused, match=r"certificate of localhost is not trusted.*--ca FILE"):
            receiver.pull(untrusted)
        accepting = remote(port, PEOPLE[0], Password(PASSWORD), host="localhost", encryption=encryption)
        assert receiver.pull(accepting).skipped == []


def test_a_certificate_for_another_name_is_told(receiver: Receiver) -> None:
    receiver.lookup = lambda _: addresses_of("127.0.0.1")
    with serve("imaps") as server:
        other = remote(
            server.ports["imaps"],
            PEOPLE[0],
            Password(PASSWORD),
            host="imap.other.example",
            encryption=Encryption.TLS,
            tls=verified(certificate_file()),
        )
        with pytest.raises(RemoteRefused, match=r"Hostname mismatch.*Give the host by a name that is in it"):
            receiver.pull(other)


def test_tls_at_a_plain_port_is_told(server: Server, receiver: Receiver) -> None:
    plain = remote(
        server.ports["imap"],
        PEOPLE[0],
        Password(PASSWORD),
        encryption=Encryption.TLS,
        tls=ssl.create_default_context(),
    )
    with pytest.raises(RemoteRefused, match="--starttls"):
        receiver.pull(plain)
