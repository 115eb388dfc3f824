"""`pillarbox import --imap` from Dovecot, by the command, as an operator moves an account."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.admin import accounts
from pillarbox.app.database import SCHEMAS
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import fetch, mailboxes
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database
from tests.interop.dovecot import PASSWORD, Dovecot, dovecot
from tests.kit.certificate import certificate_file
from tests.kit.command_line import CommandLine, set_up

pytestmark = pytest.mark.interop

DATE, AT_MS = '"17-Jul-1996 02:43:25 -0700"', 837_596_605_000


@pytest.fixture
def folder() -> Iterator[Path]:
    # Dovecot's sockets need a short path
    with tempfile.TemporaryDirectory(prefix="pillarbox-dovecot-") as path:
        yield Path(path)


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    command, _ = set_up(tmp_path)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return command


def words(server: Dovecot, here: CommandLine, *more: str) -> list[str]:
    return [
        "import", "anna", "--imap", f"localhost:{server.imaps}", "--ca", str(certificate_file()),
        "--password-file", str(here.config.parent / "password"), *more,
    ]  # fmt: skip


def held(here: CommandLine) -> dict[str, list[tuple[bytes, str, int]]]:
    """Octets, flags and dates by mailbox; mailboxes without messages are left out."""
    database = open_database(here.data / "pillarbox.db", SCHEMAS)
    blobs = FileBlobs(here.data / "blobs")

    def look(tx: Transaction) -> dict[str, list[tuple[bytes, str, int]]]:
        account = accounts.find(tx, "anna").id
        columns = (Column.BLOB, Column.FLAGS, Column.RECEIVED_AT_MS)
        return {
            box.name: [
                (blobs.read(tx, digest), flags, at)
                for _, digest, flags, at in fetch.rows(tx, account, box.id, EVERYTHING, columns)
            ]
            for box in mailboxes.listing(tx, account)
            if box.messages
        }

    try:
        return database.read_now(look)
    finally:
        database.close_now()


def letter(number: int, body: bytes = b"words\r\n") -> bytes:
    return b"Message-ID: <%d@x>\r\nSubject: %d\r\n\r\n%b" % (number, number, body)


def fill(server: Dovecot, mailbox: str, *letters: bytes, flags: str = "") -> None:
    with server.client() as client:
        client.create(mailbox)
        for one in letters:
            status, said = client.append(mailbox, flags, DATE, one)
            assert status == "OK", said


@pytest.mark.parametrize(("separator", "prefix"), [("/", ""), (".", "INBOX.")])
def test_folders_flags_keywords_and_dates_come_over(
    folder: Path, here: CommandLine, separator: str, prefix: str
) -> None:
    nested = f'"{prefix}Work{separator}&ZeVnLIqe- (x)"'
    with dovecot(folder, separator=separator, prefix=prefix) as server:
        fill(server, "INBOX", letter(1), flags=r"(\Seen \Flagged $Forwarded Custom)")
        fill(server, "INBOX", letter(2, b"x" * 3_000_000), letter(3, b"\xff\x80 no end"))
        fill(server, nested, letter(4), flags=r"(\Draft \Deleted)")
        fill(server, f'"{prefix}Gesendete Mails"', letter(5))
        fill(server, f"{prefix}Empty")
        with server.client() as client:
            client.subscribe(f"{prefix}Empty")

        listed = here.json(*words(server, here, "--list"))
        assert held(here) == {}
        result = here.json(*words(server, here))
        again = here.json(*words(server, here))

        assert (result["imported"], result["skipped"]) == (5, [])
        assert (again["imported"], again["flags_changed"]) == (0, 0)
        with server.client() as client:
            client.select("INBOX")
            assert client.uid("search", "UNSEEN")[1] == [b"2 3"], "the import reads nothing"

    assert held(here) == {
        "INBOX": [
            (letter(1), "\\Flagged \\Seen $Forwarded Custom", AT_MS),
            (letter(2, b"x" * 3_000_000), "", AT_MS),
            (letter(3, b"\xff\x80 no end"), "", AT_MS),
        ],
        "Work/日本語 (x)": [(letter(4), "\\Deleted \\Draft", AT_MS)],
        "Sent": [(letter(5), "", AT_MS)],
    }
    places: dict[str, Any] = {one["name"]: one for one in listed["mailboxes"]}
    assert places["Gesendete Mails"]["mailbox"] == "Sent"
    assert places["INBOX"]["messages"] == 3
    assert "Empty" in places


def test_later_runs_bring_what_changed(folder: Path, here: CommandLine) -> None:
    with dovecot(folder) as server:
        fill(server, "INBOX", *map(letter, range(5)))
        assert here.json(*words(server, here))["imported"] == 5
        fill(server, "INBOX", letter(5))
        with server.client() as client:
            client.select("INBOX")
            client.uid("store", "2", "+FLAGS", r"(\Seen Later)")
            client.uid("store", "1", "+FLAGS", r"(\Deleted)")
            client.expunge()
        second = here.json(*words(server, here))
        third = here.json(*words(server, here, "--delete"))
    assert (second["imported"], second["flags_changed"], second["deleted"]) == (1, 1, 0)
    assert (third["imported"], third["flags_changed"], third["deleted"]) == (0, 0, 1)
    assert [(octets, flags) for octets, flags, _ in held(here)["INBOX"]] == [
        (letter(1), "\\Seen Later"),
        *((letter(number), "") for number in range(2, 6)),
    ]


def test_new_uids_bring_no_message_twice(folder: Path, here: CommandLine) -> None:
    without_id = b"Subject: no id\r\n\r\nwords\r\n"
    with dovecot(folder) as server:
        fill(server, "Old", letter(1), letter(2), without_id)
        assert here.json(*words(server, here))["imported"] == 3
        with server.client() as client:
            client.delete("Old")
        server.doveadm("mailbox", "create", "-u", "anna", "Old")
        fill(server, "Old", without_id, letter(3), letter(2), letter(1))
        result = here.json(*words(server, here))
    assert (result["imported"], result["recognized"]) == (1, 3)
    assert len(held(here)["Old"]) == 4


def test_errors_are_told_in_plain_words(folder: Path, here: CommandLine) -> None:
    with dovecot(folder) as server:
        right = words(server, here)
        (here.config.parent / "password").write_text("wrong\n")
        assert "Login of anna refused by localhost: Authentication failed. Is" in here.refused(*right)
        without_ca = [word for word in right if word not in ("--ca", str(certificate_file()))]
        assert "certificate of localhost is not trusted" in here.refused(*without_ca)
        at_plain_port = [word.replace(str(server.imaps), str(server.imap)) for word in right]
        assert "--starttls" in here.refused(*at_plain_port)
        assert "Login of anna refused" in here.refused(*at_plain_port, "--starttls")
        # Dovecot takes passwords without TLS from its own machine
        assert "Login of anna refused" in here.refused(*at_plain_port, "--insecure-no-tls")


def test_the_storage_of_dovecot_does_not_matter(folder: Path, here: CommandLine) -> None:
    with dovecot(folder, location="sdbox:~/sdbox") as server:
        fill(server, "INBOX", *map(letter, range(120)))
        assert here.json(*words(server, here))["imported"] == 120
    assert sorted(octets for octets, _, _ in held(here)["INBOX"]) == sorted(map(letter, range(120)))
