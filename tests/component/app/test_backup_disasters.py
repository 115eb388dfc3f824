"""What an operator sees of a damaged backup or data directory: inject damage, run a command, see what it says and
brings back."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.world.blobs import BlobDamaged, FileBlobs
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.database.sqlite import open_database
from pillarbox.world.database.sqlite.snapshot import PinnedFile
from tests.kit.command_line import CommandLine, set_up

ANNA = "anna@example.org"
MESSAGES = 5
LARGE = 300_000
"""Octets of a message that becomes a file."""
LARGE_SUBJECT = "large one"


@dataclass(frozen=True)
class Installed:
    """An installation with mail, and a folder for its backups."""

    command: CommandLine
    backup: Path
    folder: Path

    def back_up(self, *words: str) -> Any:
        return self.command.json("backup", str(self.backup), *words)

    def restored(self, *words: str, code: int) -> dict[str, Any]:
        """The data directory moved away and restored: what the command says, with this exit code."""
        moved = self.folder / "moved"
        if self.command.data.exists():
            self.command.data.rename(moved)
        return self.answer("restore", str(self.backup), *words, code=code)

    def answer(self, *words: str, code: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.command.refused(*words, "--json", code=code))
        return found

    def mail(self, login: str = ANNA) -> list[str]:
        """The subjects of all messages of an account whose octets are what they should be."""
        database = open_database(self.command.data / "pillarbox.db", SCHEMAS)
        try:
            return database.read_now(_readable, FileBlobs(self.command.data / "blobs"), login)
        finally:
            database.close_now()

    def blob_file(self) -> Path:
        (path,) = self.command.data.glob("blobs/[0-9a-f][0-9a-f]/*")
        return path

    def packs(self) -> list[Path]:
        return sorted((self.backup / "packs").glob("*.pack"))

    def points(self) -> list[Path]:
        return sorted((self.backup / "points").iterdir())

    def point_names(self) -> list[str]:
        return [point["name"] for point in self.command.json("backup", str(self.backup), "--list")]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.command.data / "pillarbox.db")
        with connection:
            rows = connection.execute(statement).fetchall()
        connection.close()
        return rows

    def add_mail(self, *numbers: int, octets: int = 0, subject: str = "") -> None:
        mbox = self.folder / f"mail{numbers[0]}.mbox"
        mbox.write_bytes(b"".join(message(number, octets, subject) for number in numbers))
        self.command.text("import", ANNA, str(mbox))


def _readable(tx: Transaction, blobs: FileBlobs, login: str) -> list[str]:
    sql = (
        "SELECT e.subject, e.blob FROM placements p JOIN emails e ON e.id = p.email"
        " JOIN accounts a ON a.id = p.account WHERE a.login = ? ORDER BY e.subject"
    )
    return [subject for subject, digest in tx.rows(sql, (login,)) if _is_sound(tx, blobs, digest)]


def _is_sound(tx: Transaction, blobs: FileBlobs, digest: bytes) -> bool:
    try:
        return sha256(blobs.read(tx, digest)).digest() == digest
    except (BlobDamaged, DatabaseUnavailable):
        return False


def message(number: int, octets: int = 0, subject: str = "") -> bytes:
    text = f"body of {number} ".encode() * 2 + b"%08d\n" % number
    filler = b"".join(b"%064d\n" % line for line in range(octets // 65))
    return b"From x Thu Jan  4 00:00:00 2024\nSubject: %s\nMessage-Id: <%d@x.example>\n\n%s%s\n" % (
        (subject or f"mail {number}").encode(),
        number,
        text,
        filler,
    )


@pytest.fixture
def there(tmp_path: Path) -> Installed:
    made = set_up(tmp_path)[0]
    installed = Installed(made, tmp_path / "backup", tmp_path)
    installed.add_mail(*range(MESSAGES))
    installed.add_mail(90, octets=LARGE, subject=LARGE_SUBJECT)
    return installed


SMALL = [f"mail {number}" for number in range(MESSAGES)]
ALL = sorted([*SMALL, LARGE_SUBJECT])


# --- damage in the data directory


def lose_file(there: Installed) -> None:
    there.blob_file().unlink()


def damage_file(there: Installed) -> None:
    path = there.blob_file()
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


def shorten_file(there: Installed) -> None:
    path = there.blob_file()
    path.write_bytes(path.read_bytes()[:1000])


def make_file_unreadable(there: Installed) -> None:
    path = there.blob_file()
    path.unlink()
    path.symlink_to(path.name)  # a loop: opening it fails, for root as well


def lose_octets(there: Installed) -> None:
    there.sql(f"DELETE FROM blob_octets WHERE id = ({_octets_of('mail 2')})")


def damage_octets(there: Installed) -> None:
    there.sql(f"UPDATE blob_octets SET octets = zeroblob(length(octets)) WHERE id = ({_octets_of('mail 2')})")


def shorten_octets(there: Installed) -> None:
    there.sql(f"UPDATE blob_octets SET octets = zeroblob(9) WHERE id = ({_octets_of('mail 2')})")


def lose_blob_row(there: Installed) -> None:
    there.sql("DELETE FROM blobs WHERE digest = (SELECT blob FROM emails WHERE subject = 'mail 2')")


def _octets_of(subject: str) -> str:
    return f"SELECT octets_id FROM blobs WHERE digest = (SELECT blob FROM emails WHERE subject = '{subject}')"


IN_DATA: dict[str, tuple[Callable[[Installed], None], str, str]] = {
    "a file is lost": (lose_file, LARGE_SUBJECT, "missing"),
    "a file is damaged": (damage_file, LARGE_SUBJECT, "damaged"),
    "a file is cut": (shorten_file, LARGE_SUBJECT, "damaged"),
    "a file can't be read": (make_file_unreadable, LARGE_SUBJECT, "can't be read"),
    "octets are lost": (lose_octets, "mail 2", "missing"),
    "octets are damaged": (damage_octets, "mail 2", "damaged"),
    "octets are cut": (shorten_octets, "mail 2", "damaged"),
    "the row is lost": (lose_blob_row, "mail 2", "missing"),
}


@pytest.mark.parametrize("damage", IN_DATA)
def test_a_first_backup_of_damaged_mail_has_everything_else_and_lists_it(
    there: Installed, damage: str
) -> None:
    inject, subject, why = IN_DATA[damage]
    inject(there)
    said = there.command.refused("backup", str(there.backup))
    assert f"{ANNA}, INBOX, UID " in said
    assert f'"{subject}"' in said
    assert why in said
    found = there.restored(code=1)
    assert [lost["subject"] for lost in found["lost"]] == [subject]


@pytest.mark.parametrize("damage", IN_DATA)
def test_what_an_earlier_point_has_is_restored_where_it_is_missing(there: Installed, damage: str) -> None:
    there.back_up()
    inject, subject, _ = IN_DATA[damage]
    inject(there)
    (lost,) = there.answer("backup", str(there.backup), code=1)["damaged"]
    assert (lost["account"], lost["mailbox"], lost["subject"]) == (ANNA, "INBOX", subject)
    uids = there.sql("SELECT uid, email FROM placements ORDER BY uid")
    said = there.command.json("restore", str(there.backup), "--missing")
    assert [one["subject"] for one in said["restored"]] == [subject]
    assert there.mail() == ALL
    assert there.sql("SELECT uid, email FROM placements ORDER BY uid") == uids
    assert "No errors found" in there.command.text("fsck")
    assert there.command.json("restore", str(there.backup), "--missing")["restored"] == []
    there.back_up()


@pytest.mark.parametrize(
    "damage", ["a file is lost", "a file is damaged", "a file is cut", "a file can't be read"]
)
def test_a_point_has_a_large_message_from_the_point_before(there: Installed, damage: str) -> None:
    there.back_up()
    IN_DATA[damage][0](there)
    there.answer("backup", str(there.backup), "--keep", "1", code=1)
    assert there.restored(code=0)["lost"] == []
    assert there.mail() == ALL


def test_what_no_point_has_is_listed(there: Installed) -> None:
    lose_octets(there)
    there.answer("backup", str(there.backup), code=1)
    said = there.command.refused("restore", str(there.backup), "--missing")
    assert "In no point of this backup:" in said
    assert '"mail 2": its octets are missing' in said


def test_a_damaged_queue_is_listed(there: Installed) -> None:
    there.sql(
        "INSERT INTO queue_messages (blob, size, reverse_path, body, smtputf8, require_tls, queued_at_ms,"
        " expires_at_ms) VALUES (zeroblob(32), 10, 'a@b.example', '7BIT', 0, 0, 1700000000000, 1800000000000)"
    )
    (lost,) = there.answer("backup", str(there.backup), code=1)["damaged"]
    assert (lost["mailbox"], lost["date"], lost["account"]) == ("queue", "2023-11-14", "")


def test_nothing_in_a_list_acts_on_the_terminal(there: Installed) -> None:
    there.sql(
        "UPDATE emails SET subject = 'a' || char(27) || '[2J' || char(8238) || 'b' WHERE subject = 'mail 2'"
    )
    there.sql("DELETE FROM blob_octets")
    said = there.command.refused("backup", str(there.backup))
    assert '"a\\x1b[2J\\u202eb"' in said


# --- damage in the backup


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def find(there: Installed, text: bytes) -> tuple[Path, int]:
    """The pack that holds these octets, and where."""
    for pack in there.packs():
        at = pack.read_bytes().find(text)
        if at >= 0:
            return pack, at
    raise AssertionError("not in the backup")


def damage_block_of_file(there: Installed) -> None:
    pack, at = find(there, b"%064d" % 3000)
    flip(pack, at)


def damage_block_of_database(there: Installed) -> None:
    """One octet in the middle of a message: it costs the block that holds it."""
    pack, at = find(there, b"body of 2 body of 2 00000002")
    flip(pack, at)


def damage_length(there: Installed) -> None:
    """The head of a block says another length: what follows is found all the same."""
    pack, at = find(there, b"%064d" % 10)
    content = pack.read_bytes()
    start = 0
    while start + 36 + int.from_bytes(content[start + 32 : start + 36], "big") < at:
        start += 36 + int.from_bytes(content[start + 32 : start + 36], "big")
    flip(pack, start + 32)


def lose_pack_with_the_file(there: Installed) -> None:
    pack, _ = find(there, b"%064d" % 3000)
    pack.unlink()


IN_BACKUP: dict[str, tuple[Callable[[Installed], None], str]] = {
    "a block of a file": (damage_block_of_file, LARGE_SUBJECT),
    "a block of the database": (damage_block_of_database, "mail 2"),
    "the head of a block": (damage_length, LARGE_SUBJECT),
}


def separate_packs(there: Installed) -> None:
    """The large message in a pack of its own."""
    path = there.blob_file()
    kept = there.folder / path.name
    path.rename(kept)
    there.answer("backup", str(there.backup), code=1)
    kept.rename(path)
    there.back_up()


@pytest.mark.parametrize("damage", IN_BACKUP)
def test_a_damaged_block_costs_what_is_in_it(there: Installed, damage: str) -> None:
    there.back_up()
    inject, lost = IN_BACKUP[damage]
    inject(there)
    point = there.point_names()[0]
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [one["can_be_restored"] for one in report["points"]] == [True]
    said = there.command.refused("backup", str(there.backup), "--verify")
    assert f"{point}: damaged, can be restored without what is listed" in said
    assert "Delete nothing" in said
    kept = {path: path.read_bytes() for path in [*there.packs(), *there.points()]}
    found = there.restored(code=1)
    assert {path: path.read_bytes() for path in kept} == kept
    assert [one["subject"] for one in found["lost"]] == [lost]
    assert bool(found["rebuilt"]) == (damage == "a block of the database")
    assert there.mail() == [subject for subject in ALL if subject != lost]


@pytest.mark.parametrize("damage", IN_BACKUP)
def test_the_next_backup_writes_damaged_blocks_again(there: Installed, damage: str) -> None:
    there.back_up()
    IN_BACKUP[damage][0](there)
    assert there.back_up()["healed_octets"] or damage == "the head of a block"
    assert "all can be restored" in there.command.text("backup", str(there.backup), "--verify")
    assert there.restored(code=0)["lost"] == []
    assert there.mail() == ALL


def test_a_pack_that_was_cut_is_no_damage_once_all_is_written_again(there: Installed) -> None:
    there.back_up()
    pack = there.packs()[0]
    os.truncate(pack, pack.stat().st_size // 2)
    assert f"{pack} is damaged at octet" in there.command.refused("backup", str(there.backup), "--verify")
    there.back_up()
    assert "all can be restored" in there.command.text("backup", str(there.backup), "--verify")


def test_a_lost_pack_costs_what_is_in_it(there: Installed) -> None:
    separate_packs(there)
    lose_pack_with_the_file(there)
    assert [lost["subject"] for lost in there.restored(code=1)["lost"]] == [LARGE_SUBJECT]
    assert there.mail() == SMALL


def test_verifying_lists_all_damage_not_the_first_alone(there: Installed) -> None:
    there.back_up()
    there.add_mail(91, octets=LARGE + 130_000, subject="second large one")
    there.back_up()
    damage_block_of_file(there)
    pack, at = find(there, b"%064d" % 6500)
    flip(pack, at)
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [[one["subject"] for one in point["lost"]] for point in report["points"]] == [
        [LARGE_SUBJECT],
        [LARGE_SUBJECT, "second large one"],
    ]
    assert len(report["damage"]) == 2


# --- points and folders


def damage_point(there: Installed, number: int, *, both: bool = True) -> None:
    """Damage the files of the n-th point."""
    for path in there.points()[2 * number : 2 * number + (2 if both else 1)]:
        flip(path, 500)


def test_a_damaged_list_of_files_is_read_from_its_copy_and_written_again(there: Installed) -> None:
    for ending in (".point", ".copy"):
        there.back_up()
        damaged = next(path for path in there.points() if path.suffix == ending)
        flip(damaged, 500)
        said = there.command.refused("backup", str(there.backup), "--verify")
        assert f"{damaged} is damaged or missing" in said
        there.back_up()
        assert "all can be restored" in there.command.text("backup", str(there.backup), "--verify")


def test_one_unreadable_point_hides_no_other(there: Installed) -> None:
    names = []
    for _ in range(3):
        (there.command.data / "extra").write_bytes(os.urandom(200_000))
        names.append(there.back_up()["point"])
    packs = len(there.packs())
    damage_point(there, 1)
    listed: Any = there.answer("backup", str(there.backup), "--list", code=1)
    assert [point["name"] for point in listed] == names
    assert ["error" in point for point in listed] == [False, True, False]
    assert names[1] in there.command.refused("backup", str(there.backup), "--list")
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [point["can_be_restored"] for point in report["points"]] == [True, False, True]
    kept = there.answer("backup", str(there.backup), "--keep", "1", code=1)
    assert kept["points"] == [names[1], kept["point"]]
    assert (len(there.packs()), kept["freed_octets"]) == (packs, 0)
    assert "can't be read: its blocks are kept" in kept["unreadable"][0]
    assert there.restored(code=0)["point"] == kept["point"]


def test_an_older_point_is_not_taken_silently_for_the_newest(there: Installed) -> None:
    first = there.back_up()["point"]
    second = there.back_up()["point"]
    damage_point(there, 1)
    there.command.data.rename(there.folder / "moved")
    said = there.command.refused("restore", str(there.backup))
    assert f"the list of files of {second} is damaged" in said.lower().replace(second.lower(), second)
    assert f"add --point {first}" in said
    assert there.restored("--point", first, code=0)["lost"] == []


def test_a_point_that_cannot_be_restored_names_the_others_and_keeps_everything(there: Installed) -> None:
    first = there.back_up()["point"]
    there.add_mail(50)
    there.back_up()
    second = json.loads(there.points()[-1].read_bytes().partition(b"\n")[2])
    blocks = next(file["blocks"] for file in second["files"] if file["path"] == "pillarbox.db")
    for pack in there.packs():
        at = pack.read_bytes().find(bytes.fromhex(blocks[:64]))
        if at >= 0:
            flip(pack, at + 36)  # the database's header
    files = {path: path.read_bytes() for path in there.backup.rglob("*") if path.is_file()}
    there.command.data.rename(there.folder / "moved")
    said = there.command.refused("restore", str(there.backup))
    assert "Keep the backup as it is" in said
    assert first in said
    assert "init" not in said
    assert not there.command.data.exists()
    assert {path: path.read_bytes() for path in there.backup.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("words", [("backup",), ("backup", "--list"), ("backup", "--verify"), ("restore",)])
def test_a_folder_that_is_no_backup_is_refused_and_untouched(
    there: Installed, words: tuple[str, ...]
) -> None:
    there.backup.mkdir()
    (there.backup / "letter.txt").write_text("mine")
    if words == ("restore",):
        there.command.data.rename(there.folder / "moved")
    said = there.command.refused(words[0], str(there.backup), *words[1:])
    assert ("is no backup: it holds other files (letter.txt)" in said) == (words == ("backup",))
    assert ("a backup holds the folders 'points' and 'packs'" in said) == (words != ("backup",))
    assert [path.name for path in there.backup.iterdir()] == ["letter.txt"]


def test_a_new_file_system_is_an_empty_folder(there: Installed) -> None:
    (there.backup / "lost+found").mkdir(parents=True)
    there.back_up()


def test_a_backup_that_has_disappeared_is_not_begun_anew_unasked(there: Installed) -> None:
    there.back_up()
    for empty in (False, True):
        there.backup.rename(there.folder / f"unmounted{empty}")
        if empty:
            there.backup.mkdir()
        said = there.command.refused("backup", str(there.backup))
        assert "there was one. Is its disk mounted?" in said
        assert f"pillarbox backup {there.backup} --force" in said
        assert not empty or not list(there.backup.iterdir())
        assert len(there.back_up("--force")["points"]) == 1


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "", "10001"])
def test_nonsense_is_no_number_of_points(there: Installed, value: str) -> None:
    there.back_up()
    there.back_up()
    there.command.refused("backup", str(there.backup), "--keep", value, code=2)
    assert len(there.point_names()) == 2


def test_the_word_for_the_first_half_of_a_backup(there: Installed) -> None:
    """Killed before the first point: recognized, no point, and completed by the next run."""
    (there.backup / "packs").mkdir(parents=True)
    (there.backup / "packs" / "000001.pack.unfinished").write_bytes(bytes(1000))
    for words in (("backup", "--list"), ("backup", "--verify")):
        assert "the first run was interrupted. Run it again" in there.command.refused(
            words[0], str(there.backup), words[1]
        )
    assert "the first run was interrupted" in there.command.refused(
        "restore", str(there.backup), "--to", str(there.folder / "to")
    )
    there.back_up()
    assert not list(there.backup.rglob("*.unfinished"))


def test_a_backup_on_a_read_only_disk_is_listed_verified_and_restored(there: Installed) -> None:
    there.back_up()
    mount = ["mount", "--bind", "-o", "ro", str(there.backup), str(there.backup)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a read-only disk can't be mounted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(there.backup)], check=True)
        assert "Read-only file system. Its earlier points are unchanged" in there.command.refused(
            "backup", str(there.backup)
        )
        assert len(there.point_names()) == 1
        there.command.text("backup", str(there.backup), "--verify")
        there.command.json("restore", str(there.backup), "--missing")
        assert there.restored(code=0)["lost"] == []
    finally:
        subprocess.run(["umount", "-l", str(there.backup)], check=True)


def test_a_full_disk_is_told_and_keeping_fewer_points_makes_room(there: Installed) -> None:
    there.backup.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(there.backup)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can't be mounted here")
    try:
        names: list[str] = []
        for number in range(100, 120):
            there.add_mail(number, octets=2 * LARGE, subject=f"large {number}")
            (there.command.data / "extra").write_bytes(os.urandom(400_000))
            done = there.command.run("backup", str(there.backup), "--json")
            if done.exit_code:
                assert "No space left on device. Its earlier points are unchanged" in done.output
                break
            names.append(json.loads(done.stdout)["point"])
        assert done.exit_code == 1
        assert there.point_names() == names
        (there.command.data / "extra").unlink()
        there.command.text("backup", str(there.backup), "--verify")
        there.back_up("--keep", "1")
    finally:
        subprocess.run(["umount", "-l", str(there.backup)], check=True)


# --- a database that is not the one that was backed up


SHRUNK: dict[str, tuple[tuple[str, ...], str]] = {
    "no accounts": (("DELETE FROM accounts",), "has 1 account, and there are 0 now"),
    "another provider": (
        ("UPDATE domains SET name = 'elsewhere.example'",),
        "serves example.org, and the database serves none of these",
    ),
    "no messages": (("UPDATE ledgers SET messages = 0",), "messages, and there are none now"),
}


@pytest.mark.parametrize("what", SHRUNK)
def test_a_database_that_has_lost_most_is_no_backup_over_good_ones(there: Installed, what: str) -> None:
    there.sql("UPDATE ledgers SET messages = messages + 100")
    first = there.back_up()["point"]
    statements, why = SHRUNK[what]
    for statement in statements:
        there.sql(statement)
    if what == "another provider":
        config = there.command.config.read_text()
        there.command.config.write_text(
            config.replace('domain = "example.org"', 'domain = "elsewhere.example"')
        )
    said = there.command.refused("backup", str(there.backup), "--keep", "1")
    assert why in said
    assert "--force" in said
    assert there.point_names() == [first]
    there.command.run("backup", str(there.backup), "--force")
    assert len(there.point_names()) == 2


def test_what_people_delete_is_backed_up_as_ever(there: Installed) -> None:
    there.back_up()
    there.sql("UPDATE ledgers SET messages = 0")
    assert len(there.back_up()["points"]) == 2


# --- a database that is damaged, but not beyond reading


def damage_table(there: Installed, table: str) -> None:
    ((root,),) = there.sql(f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")
    ((octets,),) = there.sql("PRAGMA page_size")
    there.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database = there.command.data / "pillarbox.db"
    content = bytearray(database.read_bytes())
    content[(root - 1) * octets : root * octets] = bytes(octets)
    database.write_bytes(content)


@pytest.mark.parametrize("table", ["emails", "flags", "thread_keys", "placements"])
def test_a_damaged_database_is_backed_up_as_far_as_it_goes(there: Installed, table: str) -> None:
    whole = there.back_up()["point"]
    damage_table(there, table)
    result = there.answer("backup", str(there.backup), "--keep", "1", code=1)
    assert "the database is damaged" in result["unreadable"][0]
    assert result["points"] == [whole, result["point"]]
    listed = there.command.text("backup", str(there.backup), "--list")
    assert "damaged" in listed
    report = there.answer("backup", str(there.backup), "--verify", code=1)
    assert [one["can_be_restored"] for one in report["points"]] == [True, True]
    assert [bool(one["damage"]) for one in report["points"]] == [False, True]
    found = there.restored(code=1)
    assert found["rebuilt"]
    if table in {"flags", "thread_keys"}:
        assert there.mail() == ALL
    there.command.json("restore", str(there.backup), "--account", ANNA, "--point", whole)
    assert set(there.mail()) == set(ALL)


def test_pages_that_cannot_be_read_are_holes_in_the_point(
    there: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk reports an error for some of the database's file."""
    there.add_mail(*range(200, 400), octets=2000)
    whole = there.back_up()["point"]
    read = PinnedFile.read

    def failing(self: PinnedFile, start: int, octets: int) -> bytes:
        if start + octets >= self.octets:  # the last block
            raise OSError(5, "Input/output error")
        return read(self, start, octets)

    with monkeypatch.context() as patched:
        patched.setattr(PinnedFile, "read", failing)
        result = there.answer("backup", str(there.backup), "--keep", "1", code=1)
    (unreadable,) = result["unreadable"]
    assert "of pillarbox.db can't be read: Input/output error" in unreadable
    assert result["points"] == [whole, result["point"]]
    assert there.restored(code=1)["rebuilt"]
    there.command.json("restore", str(there.backup), "--account", ANNA, "--point", whole)
    assert set(there.mail()) >= set(ALL)


def test_a_database_beyond_reading_makes_no_point(there: Installed) -> None:
    whole = there.back_up()["point"]
    (there.command.data / "pillarbox.db").write_bytes(bytes(8192))
    said = there.command.refused("backup", str(there.backup), "--keep", "1")
    assert "pillarbox restore" in said
    assert there.point_names() == [whole]
