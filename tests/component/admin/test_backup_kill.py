"""A backup or a restore that is killed loses nothing, at whichever step.

The steps are all calls that change a file system: the process is ended at the n-th, for every n, as `kill -9` would
end it.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pillarbox.admin import backup
from pillarbox.admin.backup import Form
from pillarbox.app.database import SCHEMAS
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database.sqlite import open_database
from tests.kit.data_directory import fill_directory, open_directory, put
from tests.kit.people import NOW_MS
from tests.kit.stored_mail import octets

FORM = Form(SCHEMAS, "pillarbox.db", NOW_MS)
KILLED, DONE = 9, 0
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.chmod"}


def killed_at(step: int, within: Path, work: Callable[[], object]) -> bool:
    """Whether `work`, in a process of its own, was ended at this step; false if it came to its end before."""
    child = os.fork()
    if child == 0:
        try:
            _count(step, str(within))
            work()
            os._exit(DONE)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (KILLED, DONE), code
    return code == KILLED


def _count(last: int, within: str) -> None:
    left = last

    def step() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(KILLED)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES and str(arguments[0]).startswith(within):
            step()
        elif event == "open" and str(arguments[0]).startswith(within):
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                step()

    fsync = os.fsync

    def counted_fsync(descriptor: Any) -> None:
        step()
        fsync(descriptor)

    os.fsync = counted_fsync  # type: ignore[assignment]
    sys.addaudithook(audit)


def quiet(_done: int, _all: int) -> None:
    """No progress is shown."""


def run_backup(data: Path, folder: Path, *, now_ms: int, keep: int | None = None) -> None:
    database = open_database(data / "pillarbox.db", SCHEMAS)
    try:
        backup.make_backup(database, data, folder, keep=keep, now_ms=now_ms, progress=quiet)
    finally:
        database.close_now()


def verified(folder: Path) -> list[str]:
    """The points, all of which can be restored."""
    if not backup.is_backup(folder):
        return []
    with backup.open_backup(folder) as opened:
        if not opened.points.names():
            return []
    report = backup.verify_backup(folder, folder.parent / "work", FORM, quiet)
    assert all(point.sound for point in report.points), report
    return [point.name for point in report.points]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a point before its last message."""
    folder = tmp_path_factory.mktemp("killed")
    with fill_directory(folder / "data") as filled:
        backup.make_backup(
            filled.database, filled.directory, folder / "before", keep=None, now_ms=NOW_MS, progress=quiet
        )
        put(filled, octets("later"))
    return folder / "data"


def test_a_backup_may_be_killed_at_any_step(data: Path, tmp_path: Path) -> None:
    before = verified(data.parent / "before")
    step = 0
    folder = tmp_path / "backup"
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(data.parent / "before", folder)
        if not killed_at(step, folder, lambda: run_backup(data, folder, now_ms=NOW_MS + 1000, keep=1)):
            break
        left = verified(folder)
        assert left
        assert set(before) <= set(left) or len(left) == 1
        run_backup(data, folder, now_ms=NOW_MS + 2000, keep=1)
        assert len(verified(folder)) == 1
        assert not list(folder.rglob("*.unfinished"))
        step += 1
    assert step > 10


def test_a_first_backup_may_be_killed_at_any_step(data: Path, tmp_path: Path) -> None:
    step = 0
    folder = tmp_path / "backup"
    while killed_at(step, folder, lambda: run_backup(data, folder, now_ms=NOW_MS)):
        assert len(verified(folder)) <= 1
        run_backup(data, folder, now_ms=NOW_MS + 1000)
        assert verified(folder)
        shutil.rmtree(folder)
        step += 1
    assert step > 10


def restore(folder: Path, target: Path) -> None:
    assert backup.restore_backup(folder, target, point=None, form=FORM, progress=quiet).whole


def test_a_restore_may_be_killed_at_any_step(data: Path, tmp_path: Path) -> None:
    step = 0
    folder = data.parent / "before"
    target = tmp_path / "restored"
    while killed_at(step, tmp_path, lambda: restore(folder, target)):
        if not target.exists():
            restore(folder, target)
        with open_directory(target) as again:
            assert again.fsck().sound
        assert [path.name for path in tmp_path.iterdir()] == ["restored"]
        shutil.rmtree(target)
        step += 1
    assert step > 10


def test_restoring_lost_octets_may_be_killed_at_any_step(data: Path, tmp_path: Path) -> None:
    folder = data.parent / "before"
    step = 0
    target = tmp_path / "damaged"

    def damage() -> None:
        shutil.rmtree(target, ignore_errors=True)
        restore(folder, target)
        (file,) = target.glob("blobs/[0-9a-f][0-9a-f]/*")
        file.unlink()
        with open_directory(target) as opened:
            opened.damage("DELETE FROM blob_octets WHERE id = (SELECT min(id) FROM blob_octets)")

    def mend() -> None:
        database = open_database(target / "pillarbox.db", SCHEMAS)
        with backup.open_backup(folder) as opened:
            backup.restore_missing(opened, database, FileBlobs(target / "blobs"), tmp_path / "work", FORM)
        database.close_now()

    damage()
    while killed_at(step, target, mend):
        mend()
        with open_directory(target) as again:
            assert again.fsck().sound
        damage()
        step += 1
    assert step > 5
