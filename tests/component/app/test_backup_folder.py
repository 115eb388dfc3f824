"""Points and folders of backups that are damaged, foreign, gone, full or read-only."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.kit.backed_up import (
    LARGE,
    Installed,
    flip,
    install,
)


@pytest.fixture
def there(tmp_path: Path) -> Installed:
    return install(tmp_path)


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
