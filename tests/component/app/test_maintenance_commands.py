"""Backup, restore, fsck and rebuild, as an operator runs them."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import apsw
import idna
import pytest

import pillarbox
from pillarbox.app.database import SCHEMAS
from pillarbox.world.database.sqlite import open_database
from tests.kit.command_line import CommandLine, set_up
from tests.kit.permissions import grant_others_access


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path)[0]
    mbox = tmp_path / "mail.mbox"
    mbox.write_bytes(
        b"".join(
            b"From x Thu Jan  1 00:00:00 2024\nSubject: %d\nMessage-Id: <%d@x.example>\n\nBody %d\n\n"
            % ((n,) * 3)
            for n in range(5)
        )
    )
    made.text("import", "anna@example.org", str(mbox))
    return made


def damage(there: CommandLine, statement: str) -> None:
    with sqlite3.connect(there.data / "pillarbox.db") as connection:
        connection.execute(statement)
    connection.close()


def test_backup_and_restore(there: CommandLine, tmp_path: Path) -> None:
    backup = str(tmp_path / "backup")
    first = there.json("backup", backup)
    again = there.json("backup", backup, "--keep", "7")
    assert again["new_octets"] < first["new_octets"]
    assert [point["name"] for point in there.json("backup", backup, "--list")] == [
        first["point"],
        again["point"],
    ]
    assert "Backup verified" in there.text("backup", backup, "--verify")
    assert "is not empty" in there.refused("restore", backup)
    there.data.rename(tmp_path / "lost")
    assert there.json("restore", backup)["point"] == again["point"]
    assert "No errors found" in there.text("fsck")
    assert there.json("account", "show", "anna@example.org")["messages"] == 5
    said = there.text("restore", backup, "--point", first["point"], "--to", str(tmp_path / "older"))
    assert f"Restored {first['point']} to {tmp_path / 'older'} (" in said
    assert (tmp_path / "older" / "pillarbox.db").exists()


def test_a_backup_while_the_database_is_in_use(there: CommandLine, tmp_path: Path) -> None:
    served = open_database(there.data / "pillarbox.db", SCHEMAS)
    try:
        there.text("backup", str(tmp_path / "backup"))
        assert "No errors found" in there.text("fsck", "--quick")
        assert "stop the server" in there.refused("fsck", "--repair")
        assert "stop the server" in there.refused("rebuild", "--yes")
    finally:
        served.close_now()


def test_fsck_reports_and_repairs(there: CommandLine) -> None:
    damage(there, "UPDATE mailboxes SET messages = 7")
    output = there.refused("fsck")
    assert "mailbox-counts-match: mailbox" in output
    assert "--repair: Count again." in output
    assert "Repaired: mailbox-counts-match" in there.text("fsck", "--repair")
    assert "No errors found" in there.text("fsck")


def test_rebuild_recreates_a_lost_table(there: CommandLine) -> None:
    damage(there, "DROP TABLE flags")
    assert "table flags is missing" in there.refused("fsck")
    done = there.text("rebuild", "--yes")
    assert "5 messages parsed again" in done
    assert "No errors found" in there.text("fsck")
    assert list(there.data.glob("pillarbox.db.damaged-*"))


def test_an_unreadable_database_points_to_the_backup(there: CommandLine, tmp_path: Path) -> None:
    there.text("backup", str(tmp_path / "backup"))
    database = there.data / "pillarbox.db"
    database.write_bytes(b"not any more" * 1000)
    assert "pillarbox rebuild" in there.refused("fsck")
    assert "pillarbox restore" in there.refused("rebuild", "--yes")
    assert "The database is damaged" in there.refused("account", "list")
    there.data.rename(tmp_path / "damaged")
    there.text("restore", str(tmp_path / "backup"))
    assert there.json("account", "show", "anna@example.org")["messages"] == 5


def test_backup_and_restore_errors(there: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "There is no backup" in there.refused(
        "restore", str(tmp_path / "empty"), "--to", str(tmp_path / "new")
    )
    assert "There is no backup" in there.refused("backup", str(tmp_path / "empty"), "--list")
    assert "within the data directory" in there.refused("backup", str(there.data / "backup"))
    assert "not both" in there.refused("backup", str(tmp_path), "--list", "--verify", code=2)


def test_root_leaves_no_files_that_the_server_cannot_open(there: CommandLine, tmp_path: Path) -> None:
    """Root backs up and repairs what belongs to another user."""
    if subprocess.run(["chown", "-R", "nobody:nogroup", str(there.data)], check=False).returncode:
        pytest.skip("only root can give files away")
    grant_others_access(tmp_path)
    (there.data / "blobs").mkdir(exist_ok=True)
    subprocess.run(["chown", "nobody:nogroup", str(there.data / "blobs")], check=True)
    there.text("backup", str(tmp_path / "backup"))
    there.text("fsck", "--repair")
    there.text("rebuild", "--yes")
    owners = {path.owner() for path in there.data.rglob("*")}
    assert owners == {"nobody"}
    assert (tmp_path / "backup").owner() == "root"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as the owner of the data")
@pytest.mark.parametrize("words", [("rebuild", "--yes")])  # which loads modules while it works
def test_a_python_that_the_owner_of_the_data_cannot_read_is_told(
    there: CommandLine, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """As where Python is in the home directory of root."""
    shutil.copytree(Path(pillarbox.__file__).parent, tmp_path / "hidden" / "pillarbox")
    (tmp_path / "hidden").chmod(0o700)
    subprocess.run(["chown", "-R", "nobody:nogroup", str(there.data)], check=True)
    grant_others_access(tmp_path)
    (tmp_path / "hidden").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-m", "pillarbox", *words],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "hidden"), "PILLARBOX_CONFIG": str(there.config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1
    assert "Error: The user 'nobody' can't read" in done.stderr
    assert "Install Pillarbox with a Python that every user can read" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts as the owner of the data")
def test_a_check_of_dns_needs_no_python_that_the_owner_of_the_data_can_read(
    there: CommandLine, tmp_path: Path
) -> None:
    shutil.copytree(Path(pillarbox.__file__).parent, tmp_path / "hidden" / "pillarbox")
    shutil.copytree(Path(idna.__file__).parent, tmp_path / "hidden" / "idna")
    subprocess.run(["chown", "-R", "nobody:nogroup", str(there.data)], check=True)
    grant_others_access(tmp_path)
    (tmp_path / "hidden").chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-m", "pillarbox", "check", "--only", "dns", "--json"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "hidden"), "PILLARBOX_CONFIG": str(there.config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "findings" in json.loads(done.stdout), done.stdout


def test_what_a_rebuild_loses_is_told_by_its_exit_code_and_what_it_keeps_by_its_place(
    there: CommandLine,
) -> None:
    damage(there, "UPDATE blobs SET uses = 0 WHERE digest = (SELECT blob FROM emails LIMIT 1)")
    damage(there, "DELETE FROM emails WHERE blob = (SELECT digest FROM blobs WHERE uses = 0)")
    said = there.refused("rebuild", "--yes")
    assert "1 message lost and removed from the mailboxes:\n  anna@example.org, INBOX, UID 1," in said
    assert f"are files in {there.data / 'lost+found'}" in said
    assert len([*(there.data / "lost+found").iterdir()]) == 1
    assert "Nothing could be read of" not in said
    assert "No errors found" in there.text("fsck")


def test_tables_of_which_a_rebuild_can_read_nothing_are_named(there: CommandLine) -> None:
    damage(there, "DROP TABLE subscriptions")
    assert "Nothing could be read of: subscriptions." in there.text("rebuild", "--yes")


def test_a_database_that_another_program_has_locked_is_not_taken_for_unreadable(there: CommandLine) -> None:
    other = apsw.Connection(str(there.data / "pillarbox.db"))
    other.pragma("locking_mode", "exclusive")
    other.execute("BEGIN IMMEDIATE")
    said = there.refused("rebuild", "--yes")
    other.close()
    assert "is locked by another program" in said
    assert "restore" not in said


def test_a_full_disk_is_not_taken_for_damage(there: CommandLine, tmp_path: Path) -> None:
    """SQLite needs a little room to open a database at all."""
    backup = str(tmp_path / "backup")
    there.text("backup", backup)
    data = there.data.rename(tmp_path / "moved")
    there.data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(there.data)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        shutil.copytree(data, there.data, dirs_exist_ok=True)
        with suppress(OSError), (there.data / "fill").open("wb", buffering=0) as fill:
            while fill.write(bytes(4096)):
                pass
        for words in (("account", "list"), ("rebuild", "--yes"), ("fsck",)):
            said = there.refused(*words)
            assert "Is the disk full" in said, words
            assert "restore" not in said, words
        assert f"No space left on device: {there.data}" in there.refused("backup", backup, "--verify")
        (there.data / "fill").unlink()
        assert "No errors found" in there.text("fsck")
    finally:
        subprocess.run(["umount", "-l", str(there.data)], check=True)
