"""Damage in the write-ahead log, made with octets flipped in the log of a database that was not closed.

A crash is a copy of the database's files, taken while it is open: what `kill -9` leaves.
"""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from pillarbox.world.database import DatabaseUnavailable, Schema, Transaction
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.database.sqlite.log_damage import accept_losses, losses
from pillarbox.world.database.sqlite.log_format import Frame, LogHeader
from tests.kit.paths import ROOT

SCHEMA = Schema("notes", ("CREATE TABLE notes (id INTEGER PRIMARY KEY, note BLOB)",))
NOTES = 30
HEADER, FRAME, PAGE = 32, 24, 4096
STRIDE = FRAME + PAGE


def _add(tx: Transaction, note: bytes) -> None:
    tx.execute("INSERT INTO notes (note) VALUES (?)", (note,))


def _note(number: int) -> bytes:
    """It fills a page of its own, so that most pages are written once."""
    return random.Random(number).randbytes(3_900)


def _copied(path: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    return folder / path.name


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A database with notes, killed after the last was committed. All of it is in the log."""
    path = tmp_path / "open" / "notes.db"
    path.parent.mkdir()
    database = open_database(path, (SCHEMA,), create=True)
    try:
        for number in range(NOTES):
            database.write_now(_add, _note(number))
        return _copied(path, tmp_path / "crashed")
    finally:
        database.close_now()


@contextmanager
def _opened(path: Path) -> Iterator[SqliteDatabase]:
    database = open_database(path, (SCHEMA,))
    try:
        yield database
    finally:
        database.close_now()


def _notes(database: SqliteDatabase) -> list[bytes]:
    assert database.read_now(lambda tx: tx.value("PRAGMA integrity_check")) == "ok"
    return [note for (note,) in database.read_now(lambda tx: tx.rows("SELECT note FROM notes ORDER BY id"))]


def _expected(count: int) -> list[bytes]:
    return [_note(number) for number in range(count)]


def _checkpoint(path: Path, mode: int) -> None:
    other = apsw.Connection(str(path))
    other.execute("SELECT count(*) FROM sqlite_master").fetchall()  # opens the log
    other.wal_checkpoint(mode=mode)
    other.close()


def _log(path: Path) -> Path:
    return Path(f"{path}-wal")


def _frames(path: Path) -> list[Frame]:
    octets = _log(path).read_bytes()
    return [Frame.read(octets[start : start + FRAME]) for start in range(HEADER, len(octets), STRIDE)]


def _commits(path: Path) -> list[int]:
    """Numbers of the frames that are commits."""
    return [number for number, frame in enumerate(_frames(path), 1) if frame.commit]


def _start(number: int) -> int:
    return HEADER + (number - 1) * STRIDE


def _flip(path: Path, place: int, count: int = 1) -> None:
    with _log(path).open("r+b") as file:
        file.seek(place)
        octets = file.read(count)
        file.seek(place)
        file.write(bytes(octet ^ 0xFF for octet in octets))


def _page_written_once(path: Path, after: int) -> int:
    pages = [frame.page for frame in _frames(path)]
    return next(number for number, page in enumerate(pages, 1) if number > after and pages.count(page) == 1)


def _page_written_again(path: Path, after: int) -> int:
    pages = [frame.page for frame in _frames(path)]
    return next(number for number, page in enumerate(pages, 1) if number > after and page in pages[number:])


def test_a_log_without_damage_is_left_alone(crashed: Path) -> None:
    before = _log(crashed).read_bytes()
    with _opened(crashed) as database:
        assert database.log_damage is None
        assert _log(crashed).read_bytes() == before
        assert _notes(database) == _expected(NOTES)
    assert losses(crashed) == []


def test_a_page_that_is_nowhere_else_cuts_off_what_was_committed_behind_it(crashed: Path) -> None:
    damaged = _page_written_once(crashed, len(_frames(crashed)) // 2)
    kept_commits = sum(number < damaged for number in _commits(crashed))
    lost = len(_commits(crashed)) - kept_commits
    _flip(crashed, _start(damaged) + FRAME + 1_000, 16)
    evidence = _log(crashed).read_bytes()
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost == lost
        assert database.log_damage.kept.read_bytes() == evidence
        assert database.log_damage.kept.stat().st_mode & 0o777 == 0o600
        assert _notes(database) == _expected(NOTES - lost)
        database.write_now(_add, b"later")
        assert losses(crashed) == [database.log_damage]
        second = _copied(crashed, crashed.parent / "again")
    with _opened(second) as database:  # another crash: told once
        assert database.log_damage is None
        assert _notes(database) == [*_expected(NOTES - lost), b"later"]
    assert accept_losses(crashed) == 1
    assert losses(crashed) == []
    (kept,) = crashed.parent.glob("*.damaged-*")
    assert kept.read_bytes() == evidence


def test_a_page_inside_a_large_row_damages_that_row_only(tmp_path: Path) -> None:
    path = tmp_path / "open" / "notes.db"
    path.parent.mkdir()
    whole = [_note(number) * 3 for number in range(NOTES)]
    database = open_database(path, (SCHEMA,), create=True)
    try:
        for note in whole:
            database.write_now(_add, note)
        crashed = _copied(path, tmp_path / "crashed")
    finally:
        database.close_now()
    _flip(crashed, _log(crashed).read_bytes().find(whole[9][6_000:6_100]), 16)
    with _opened(crashed) as reopened:
        assert reopened.log_damage is not None
        assert (reopened.log_damage.lost, reopened.log_damage.damaged_pages) == (0, 1)
        there = _notes(reopened)
        assert [number for number in range(NOTES) if there[number] != whole[number]] == [9]
        assert len(there[9]) == len(whole[9])
    assert losses(crashed) == []


def test_a_page_that_was_written_again_loses_nothing(crashed: Path) -> None:
    damaged = _page_written_again(crashed, len(_frames(crashed)) // 2)
    _flip(crashed, _start(damaged) + FRAME + 1_000, 16)
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost == 0
        assert _notes(database) == _expected(NOTES)
    assert losses(crashed) == []


@pytest.mark.parametrize("part", ["salts", "checksum"])
def test_salts_and_checksums_of_frames_lose_nothing(crashed: Path, part: str) -> None:
    for middle in (_page_written_once(crashed, 20), _commits(crashed)[-2]):
        _flip(crashed, _start(middle) + {"salts": 9, "checksum": 18}[part])
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost == 0
        assert _notes(database) == _expected(NOTES)


@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_frame_that_names_another_page_is_not_done_without(crashed: Path, place: int) -> None:
    """Else the page that it was for would keep what it had before."""
    damaged = _page_written_once(crashed, len(_frames(crashed)) // 2)
    again = _page_written_again(crashed, damaged)
    with _log(crashed).open("r+b") as file:
        file.seek(_start(damaged))
        if place == 3:
            file.write(_frames(crashed)[again - 1].page.to_bytes(4))
    if place != 3:
        _flip(crashed, _start(damaged) + place)
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost > 0
        assert _notes(database) == _expected(NOTES - database.log_damage.lost)


@pytest.mark.parametrize("place", [0, 3, 7, 9, 13, 18, 22, 25, 31])
@pytest.mark.parametrize("with_index", [True, False])
def test_the_header_of_the_log_loses_nothing(crashed: Path, place: int, with_index: bool) -> None:
    _flip(crashed, place)
    if not with_index:
        Path(f"{crashed}-shm").unlink()
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost == 0
        assert _notes(database) == _expected(NOTES)


def test_damage_to_the_last_transaction_is_known_from_the_index(crashed: Path) -> None:
    last, before = _commits(crashed)[-1], _commits(crashed)[-2]
    _flip(crashed, _start(_page_written_once(crashed, before)) + FRAME + 50, 8)
    assert last == len(_frames(crashed))
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost == 1
        assert _notes(database) == _expected(NOTES - 1)


def test_a_log_that_was_cut_short_is_known_from_the_index(crashed: Path) -> None:
    os.truncate(_log(crashed), _start(_commits(crashed)[-3]) + 700)
    with _opened(crashed) as database:
        assert database.log_damage is not None
        assert database.log_damage.lost > 0
        assert _notes(database) == _expected(NOTES - 3)


def test_a_torn_last_write_is_no_damage(crashed: Path) -> None:
    """After a power failure the index is old or gone, and any part of the last transaction may be there."""
    Path(f"{crashed}-shm").unlink()
    before = _commits(crashed)[-2]
    _flip(crashed, _start(before + 1) + FRAME, PAGE)
    with _opened(crashed) as database:
        assert database.log_damage is None
        assert _notes(database) == _expected(NOTES - 1)


def test_torn_writes_of_several_power_failures_are_no_damage(crashed: Path) -> None:
    """Each is overwritten by the next transaction, which is shorter: commits with the same salts stay behind it."""
    octets = _log(crashed).read_bytes()
    header = LogHeader.read(octets)
    assert header
    whole = _commits(crashed)[9]
    torn = bytearray(octets)
    for end in _commits(crashed)[12:16]:  # commits that no checksum continues
        torn[_start(end - 1) + FRAME : _start(end)] = bytes(PAGE)
        torn[_start(end + 1) + FRAME : _start(end + 2)] = bytes(PAGE)
        torn[_start(end + 1) : _start(end + 1) + 4] = (7).to_bytes(4)
    torn[_start(whole + 1) + FRAME : _start(whole + 2)] = bytes(PAGE)
    del torn[_start(_commits(crashed)[15] + 2) :]
    # what comes between is of the same transaction
    for number in range(whole + 1, (len(torn) - HEADER) // STRIDE + 1):
        if number not in _commits(crashed)[12:16]:
            torn[_start(number) + 4 : _start(number) + 8] = bytes(4)
    _log(crashed).write_bytes(torn)
    Path(f"{crashed}-shm").unlink()
    with _opened(crashed) as database:
        assert database.log_damage is None
        assert _notes(database) == _expected(NOTES - len(_commits_from(octets, whole)))


def _commits_from(octets: bytes, whole: int) -> list[int]:
    starts = range(_start(whole + 1), len(octets), STRIDE)
    return [start for start in starts if Frame.read(octets[start : start + FRAME]).commit]


def test_what_an_earlier_turn_of_the_log_left_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "open" / "notes.db"
    path.parent.mkdir()
    database = open_database(path, (SCHEMA,), create=True)
    try:
        for number in range(NOTES):
            database.write_now(_add, _note(number))
        _checkpoint(path, apsw.SQLITE_CHECKPOINT_RESTART)
        database.write_now(_add, _note(NOTES))
        crashed = _copied(path, tmp_path / "crashed")
        Path(f"{crashed}-shm").unlink()
    finally:
        database.close_now()
    assert len({frame.salts for frame in _frames(crashed)}) == 2
    with _opened(crashed) as reopened:
        assert reopened.log_damage is None
        assert _notes(reopened) == _expected(NOTES + 1)


def test_a_page_that_had_been_copied_home_is_taken_from_there(tmp_path: Path) -> None:
    path = tmp_path / "open" / "notes.db"
    path.parent.mkdir()
    database = open_database(path, (SCHEMA,), create=True)
    try:
        for number in range(NOTES):
            database.write_now(_add, _note(number))
        _checkpoint(path, apsw.SQLITE_CHECKPOINT_PASSIVE)
        crashed = _copied(path, tmp_path / "crashed")
    finally:
        database.close_now()
    _flip(crashed, _start(_page_written_once(crashed, 30)) + FRAME + 1_000, 16)
    with _opened(crashed) as reopened:
        assert reopened.log_damage is not None
        assert reopened.log_damage.lost == 0
        assert _notes(reopened) == _expected(NOTES)


def test_where_the_damaged_log_cannot_be_kept_nothing_is_opened(
    crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _flip(crashed, _start(_page_written_once(crashed, 30)) + FRAME + 1_000, 16)
    damaged = _log(crashed).read_bytes()

    def full(*_names: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.link", full)
        with pytest.raises(DatabaseUnavailable, match="can't be mended"):
            open_database(crashed, (SCHEMA,))
    assert _log(crashed).read_bytes() == damaged
    with _opened(crashed) as database:
        assert database.log_damage


def test_a_database_that_another_process_has_open_is_not_examined(tmp_path: Path, crashed: Path) -> None:
    """It has read its log already; the one on the disk is not touched under it."""
    program = """
import sys
from pathlib import Path
from tests.component.world.test_log_damage import SCHEMA
from pillarbox.world.database.sqlite import open_database
database = open_database(Path(sys.argv[1]), (SCHEMA,))
print("open", flush=True)
sys.stdin.read()
database.close_now()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(crashed)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        _flip(crashed, _start(_page_written_once(crashed, 30)) + FRAME + 1_000, 16)
        before = _log(crashed).read_bytes()
        with _opened(crashed) as database:
            assert database.log_damage is None
            assert _log(crashed).read_bytes() == before
    finally:
        other.communicate()


@pytest.mark.parametrize("seed", range(20))
def test_wherever_octets_flip_what_is_there_is_a_state_that_was_committed(crashed: Path, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 1, 3))):
        _flip(crashed, chance.randrange(_log(crashed).stat().st_size - 600), chance.choice((1, 8, 600)))
    with _opened(crashed) as database:
        lost = database.log_damage.lost if database.log_damage else 0
        there = _notes(database)
        assert there == _expected(len(there))
        assert len(there) == NOTES - min(lost, NOTES)
