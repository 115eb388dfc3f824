"""`pillarbox contacts`: vCards into an account, and out of it; and what becomes of them in backups and removals."""

import stat
from base64 import b64encode
from pathlib import Path

import pytest

from pillarbox.app.commands import contacts as commands
from pillarbox.contacts import books, cards
from pillarbox.contacts.books import Settings
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up
from tests.kit.contacts import PNG
from tests.kit.data_directory import open_directory

JOE = b"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:x:joe\r\nFN:Joe Bloggs\r\nEMAIL:joe@x.example\r\nEND:VCARD\r\n"
ANN = (
    b"BEGIN:VCARD\nVERSION:3.0\nUID:ann\nFN:Ann\nPHOTO;ENCODING=b;TYPE=PNG:"
    + b64encode(PNG)
    + b"\nEND:VCARD\n"
)
BROKEN = b"BEGIN:VCARD\r\nVERSION:4.0\r\nthis is no line\r\nEND:VCARD\r\n"
ANNA = AccountId(1)


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made, _ = set_up(tmp_path)
    return made


def rows(there: CommandLine, sql: str) -> list[tuple[object, ...]]:
    with open_directory(there.data) as data:
        return data.rows(sql)


def imported(there: CommandLine, folder: Path, octets: bytes, *options: str) -> object:
    file = folder / "in.vcf"
    file.write_bytes(octets)
    return there.json("contacts", "import", "anna", str(file), *options)


def test_a_file_is_imported_once_and_comes_out_again(there: CommandLine, tmp_path: Path) -> None:
    assert imported(there, tmp_path, JOE + ANN) == {"imported": 2, "existing": 0, "refused": []}
    assert imported(there, tmp_path, JOE + ANN) == {"imported": 0, "existing": 2, "refused": []}
    out = tmp_path / "out.vcf"
    assert there.json("contacts", "export", "anna", str(out)) == {"cards": 2, "damaged": []}
    written = out.read_bytes()
    assert written.count(b"BEGIN:VCARD") == 2
    assert b64encode(PNG)[:40] in written.replace(b"\r\n ", b"")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "exists" in there.refused("contacts", "export", "anna", str(out))
    assert "2 cards exported" in there.text("contacts", "export", "anna", str(tmp_path / "more.vcf"))
    assert not problems(there)
    ((uses,),) = rows(there, "SELECT uses FROM blobs")
    assert uses == 1, "the card's"


def test_what_is_refused_is_listed(
    there: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "in.vcf"
    file.write_bytes(BROKEN + JOE)
    said = there.refused("contacts", "import", "anna", str(file))
    assert "1 card imported" in said
    assert "line 3" in said
    assert "no address book 'Work'" in there.refused(
        "contacts", "import", "anna", str(file), "--book", "Work"
    )
    there.refused("contacts", "import", "anna", str(tmp_path / "none.vcf"), code=2)
    there.refused("contacts", "import", "bob", str(file))
    large = tmp_path / "large.vcf"
    with large.open("wb") as written:
        written.truncate(commands.MAX_OCTETS + 1)
    assert "in parts" in there.refused("contacts", "import", "anna", str(large))


def test_an_address_book_is_chosen_by_its_name(there: CommandLine, tmp_path: Path) -> None:
    with open_directory(there.data) as data:
        data.database.write_now(books.create, ANNA, Settings(name="Work"))
    imported(there, tmp_path, JOE, "--book", "Work")
    assert rows(there, "SELECT book FROM card_books") == [(2,)]


def test_a_damaged_photo_is_left_out_and_told(there: CommandLine, tmp_path: Path) -> None:
    imported(there, tmp_path, ANN)
    with open_directory(there.data) as data:
        data.damage("DELETE FROM blob_octets")
    said = there.refused("contacts", "export", "anna", str(tmp_path / "out.vcf"))
    assert "1 card exported" in said
    assert "Ann: " in said
    with open_directory(there.data) as data:
        told = [problem.what for problem in data.fsck().problems if problem.check == "octets"]
    assert "an image or sound of card 1 of anna@example.org" in told[0]


def test_contacts_go_with_their_account(there: CommandLine, tmp_path: Path) -> None:
    imported(there, tmp_path, JOE + ANN)
    there.text("account", "remove", "anna", "--yes", "--detach")
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND (name LIKE 'card_%' OR name LIKE 'contact_%')"
    names = [str(name) for (name,) in rows(there, tables)]
    assert len(names) == 6
    for name in (*names, "address_books", "blobs"):
        assert rows(there, f"SELECT count(*) FROM {name}") == [(0,)], name
    assert not problems(there)


def test_a_backup_has_contacts(there: CommandLine, tmp_path: Path) -> None:
    imported(there, tmp_path, JOE + ANN)
    there.text("backup", str(tmp_path / "backup"))
    with open_directory(there.data) as data:
        data.database.write_now(lambda tx: _destroy_all(tx))
    (there.data).rename(tmp_path / "old")
    there.text("restore", str(tmp_path / "backup"))
    there.text("contacts", "export", "anna", str(tmp_path / "out.vcf"))
    assert (tmp_path / "out.vcf").read_bytes().count(b"BEGIN:VCARD") == 2


def test_photos_that_are_lost_come_back_from_a_backup(there: CommandLine, tmp_path: Path) -> None:
    imported(there, tmp_path, ANN)
    there.text("backup", str(tmp_path / "backup"))
    with open_directory(there.data) as data:
        data.damage("DELETE FROM blob_octets", "DELETE FROM blobs")
    assert "card-media-has-blob" in problems(there)
    there.run("restore", str(tmp_path / "backup"), "--missing")
    assert not problems(there)
    there.text("contacts", "export", "anna", str(tmp_path / "out.vcf"))


def problems(there: CommandLine) -> set[str]:
    with open_directory(there.data) as data:
        return {problem.check for problem in data.fsck().problems}


def _destroy_all(tx: Transaction) -> None:
    for card in cards.some_ids(tx, ANNA, 10):
        cards.destroy(tx, ANNA, card)
