"""A day of an operator's disasters, as docs/operate/disasters.md describes them: what is said, and what helps."""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.kit.command_line import CommandLine, set_up

COMMANDS = [
    ("account", "list"),
    ("account", "add", "new@example.org"),
    ("account", "remove", "anna", "--yes"),
    ("alias", "add", "info@example.org", "anna@example.org"),
    ("group", "list"),
    ("app-password", "list", "anna"),
    ("queue", "list"),
    ("queue", "show", "1"),
    ("fsck",),
    ("fsck", "--repair"),
    ("fsck", "--repair", "--accept-loss"),
    ("rebuild", "--yes"),
    ("export", "anna", "exported"),
    ("backup", "kept"),
    ("domain", "add", "three.example"),
    ("domain", "remove", "three.example"),
]
"""Every command that works on the database; `init`, `restore`, `check`, `config` and `demo` have other duties."""


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made = set_up(tmp_path, "--ports-from", "2000")[0]
    text = made.config.read_text().replace('user = "root"', f'user = "{pwd.getpwuid(os.geteuid()).pw_name}"')
    made.config.write_text(re.sub(r'"\*:\d+"', '"127.0.0.1:0"', text))  # ports that nobody else has
    return made


def _missing(data: Path) -> None:
    for path in data.glob("pillarbox.db*"):
        path.unlink()


def _empty(data: Path) -> None:
    _missing(data)
    (data / "pillarbox.db").touch()


def _empty_mount(data: Path) -> None:
    shutil.rmtree(data)
    data.mkdir()


def _no_directory(data: Path) -> None:
    shutil.rmtree(data)


LOST: dict[str, tuple[Callable[[Path], None], str]] = {
    "the file is missing": (_missing, "There is no database at"),
    "the file is empty": (_empty, "is an empty file"),
    "the disk is not mounted": (_empty_mount, "There is no database at"),
    "the directory is missing": (_no_directory, "No data directory at"),
}


def everything_in(folder: Path) -> list[tuple[str, int]]:
    return sorted(
        (str(path), path.stat().st_size if path.is_file() else 0)
        for path in folder.rglob("*")
        if path.name != "pillarbox.toml"
    )


@pytest.mark.parametrize("name", LOST)
def test_without_its_database_every_command_refuses_and_makes_nothing(
    there: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    lose, said = LOST[name]
    lose(there.data)
    before = everything_in(tmp_path)
    for words in COMMANDS:
        output = there.refused(*words)
        assert said in output, words
        assert "pillarbox restore DIRECTORY" in output, words
        assert "move the configuration file away as well, then pillarbox init" in output, words
        made = [one for one in everything_in(tmp_path) if one not in before]
        assert not made, f"{words} made {made}"


@pytest.mark.parametrize("name", LOST)
def test_the_server_does_not_start_without_its_database(there: CommandLine, name: str) -> None:
    lose, said = LOST[name]
    lose(there.data)
    before = everything_in(there.data.parent)
    served = subprocess.run(
        [sys.executable, "-m", "pillarbox", "serve", "--config", str(there.config)],
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert served.returncode == 1, served.stderr
    assert said in served.stderr
    assert everything_in(there.data.parent) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose the mount point is")
def test_root_is_told_of_the_missing_disk_not_of_the_owner_of_its_mount_point(there: CommandLine) -> None:
    there.config.write_text(there.config.read_text().replace('user = "root"', 'user = "nobody"'))
    _empty_mount(there.data)
    served = subprocess.run(
        [sys.executable, "-m", "pillarbox", "serve", "--config", str(there.config)],
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert served.returncode == 1
    assert "There is no database at" in served.stderr
    assert "chown" not in served.stderr


def test_a_lost_database_is_restored(there: CommandLine, tmp_path: Path) -> None:
    there.text("backup", str(tmp_path / "backup"))
    _missing(there.data)
    there.refused("account", "list")
    there.data.rename(tmp_path / "away")
    there.text("restore", str(tmp_path / "backup"))
    assert "No errors found" in there.text("fsck")
    assert there.json("account", "show", "anna@example.org")


def test_a_lost_database_without_a_backup_is_begun_again(there: CommandLine, tmp_path: Path) -> None:
    _missing(there.data)
    there.refused("account", "list")
    there.data.rename(tmp_path / "away")
    there.config.rename(tmp_path / "old.toml")
    set_up(tmp_path)
    assert there.json("account", "show", "anna@example.org")["messages"] == 0


def test_the_database_of_somebody_else_is_refused(there: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = set_up(tmp_path / "other", domain="other.example")[0]
    shutil.rmtree(there.data)
    shutil.copytree(other.data, there.data)
    for words in COMMANDS:
        if words[0] not in ("fsck", "rebuild") and words[:2] != ("domain", "add"):
            assert "does not know example.org, the configured domain" in there.refused(*words), words
    assert "is not in the database" in there.refused("fsck")
    assert "does not know example.org" in there.refused("check", "--only", "machine")
    there.text("domain", "add", "example.org")
    assert "No errors found" in there.text("fsck")
    assert there.json("account", "list")


def test_a_database_that_is_locked_by_another_program_is_told_as_that(there: CommandLine) -> None:
    shell = apsw.Connection(str(there.data / "pillarbox.db"))
    shell.execute("BEGIN EXCLUSIVE")
    output = there.refused("account", "add", "new@example.org")
    assert "locked by another program" in output
    assert "sqlite3" in output
    shell.execute("ROLLBACK")
    shell.close()
    there.text("account", "add", "new@example.org")


def test_check_tells_of_a_database_that_cannot_be_opened_and_goes_on(there: CommandLine) -> None:
    (there.data / "pillarbox.db").write_bytes(b"no database " * 1000)
    found = json.loads(there.refused("check", "--only", "machine", "--only", "certificates", "--json"))[
        "findings"
    ]
    told = [one for one in found if one["subject"].endswith("pillarbox.db")]
    assert [one["level"] for one in told] == ["problem"]
    assert "pillarbox restore DIRECTORY" in told[0]["remedy"]
    assert any("certificate" in one["subject"] for one in found)


def test_an_export_leaves_out_what_is_damaged_and_says_so(there: CommandLine, tmp_path: Path) -> None:
    mbox = tmp_path / "mail.mbox"
    mbox.write_bytes(
        b"".join(b"From x Thu Jan  1 00:00:00 2024\nSubject: %d\n\nBody %d\n\n" % (n, n) for n in range(5))
    )
    there.text("import", "anna@example.org", str(mbox))
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    connection.execute("UPDATE blob_octets SET octets = zeroblob(length(octets)) WHERE id = 3")
    connection.close()
    result = there.run("export", "anna", str(tmp_path / "exported"))
    assert result.exit_code == 1
    assert "4 messages exported" in result.output
    assert "INBOX, UID 3: is damaged" in result.output
    assert len(list((tmp_path / "exported").rglob("cur/*"))) == 4


@pytest.mark.parametrize(
    ("damage", "exported"),
    [
        ("DELETE FROM emails WHERE id = (SELECT email FROM placements WHERE uid = 3)", 2),
        ("DELETE FROM flags", 0),
    ],
)
def test_an_export_says_which_messages_have_lost_their_rows(
    there: CommandLine, tmp_path: Path, damage: str, exported: int
) -> None:
    mbox = tmp_path / "mail.mbox"
    mbox.write_bytes(
        b"".join(b"From x Thu Jan  1 00:00:00 2024\nSubject: %d\n\nBody %d\n\n" % (n, n) for n in range(3))
    )
    there.text("import", "anna@example.org", str(mbox))
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    connection.execute(damage)
    connection.close()
    result = there.run("export", "anna", str(tmp_path / "exported"))
    assert result.exit_code == 1
    assert f"{exported} messages exported" in result.output
    assert "INBOX, UID 3: its rows can't be found" in result.output


def test_a_damaged_message_in_the_queue_can_be_shown_and_dropped(there: CommandLine) -> None:
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    connection.execute(
        "INSERT INTO queue_messages (blob, size, reverse_path, account, body, smtputf8, require_tls, queued_at_ms,"
        " expires_at_ms) VALUES (zeroblob(32), 9, 'anna@example.org', 1, '7BIT', 0, 0, 0, 9)"
    )
    connection.execute(
        "INSERT INTO queue_recipients (message, destination, address, notify, state, due_at_ms, attempts, lease,"
        " tell_at_ms) VALUES (1, 'far.example', 'x@far.example', '', 'held', 0, 0, 0, 0)"
    )
    connection.close()
    assert "The message is damaged" in there.text("queue", "show", "1")
    there.text("queue", "drop", "1")
    assert there.json("queue", "list")["entries"] == []
    assert there.json("account", "show", "anna")["messages"] == 1, "a report"


def test_a_demo_does_not_begin_anew_where_mail_is_left(tmp_path: Path) -> None:
    (tmp_path / "demo" / "blobs").mkdir(parents=True)
    tried = subprocess.run(
        [sys.executable, "-m", "pillarbox", "demo", "--dir", str(tmp_path / "demo"), "--ports-from", "0"],
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert tried.returncode == 1
    assert "there is no database" in tried.stderr
    assert not (tmp_path / "demo" / "pillarbox.db").exists()


def test_the_server_does_not_start_without_the_folder_of_large_messages(there: CommandLine) -> None:
    """It would make a new one, and take all large messages for lost: queued ones are then returned."""
    mbox = there.data.parent / "large.mbox"
    mbox.write_bytes(b"From x Thu Jan  1 00:00:00 2024\nSubject: large\n\n" + b"0123456789abcde\n" * 20_000)
    there.text("import", "anna", str(mbox))
    (there.data / "blobs").rename(there.data.parent / "unmounted")
    (there.data / "blobs").mkdir()
    served = subprocess.run(
        [sys.executable, "-m", "pillarbox", "serve", "--config", str(there.config)],
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert served.returncode == 1, served.stderr
    assert "The folder of large messages" in served.stderr
    assert not any((there.data / "blobs").iterdir())
