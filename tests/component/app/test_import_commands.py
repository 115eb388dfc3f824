"""`pillarbox import` and `export` on the command line: what they say, and their exit codes."""

from pathlib import Path

import pytest

from tests.kit.command_line import CommandLine, set_up
from tests.kit.mail import elsewhere

MBOX = b"From a@b Tue Jul 23 19:39:23 2002\nSubject: m\n\nx\n"


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    return set_up(tmp_path)[0]


def test_a_second_run_says_how_many_were_there(there: CommandLine, tmp_path: Path) -> None:
    letters = elsewhere.takeout_archive(tmp_path / "takeout.zip")
    words = ("import", "anna@example.org", str(tmp_path / "takeout.zip"))
    assert f"{len(letters)} messages imported into 8 mailboxes." in there.text(*words)
    again = there.text(*words)
    assert "0 messages imported." in again
    assert f"{len(letters)} messages had been imported before." in again
    assert there.json(*words, "--again")["imported"] == len(letters)
    assert there.json(*words) == {
        "imported": 0,
        "already_imported": len(letters),
        "mailboxes": [],
        "without_keywords": 0,
        "keywords_left_out": [],
        "unlisted": 0,
        "skipped": [],
    }


def test_what_is_no_mail_is_told_and_the_rest_imported(there: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.mbox").write_bytes(MBOX)
    (tmp_path / "in" / "tool\x1b[2J").write_bytes(b"\x7fELF" + bytes(100))
    report = tmp_path / "report"
    told = there.refused("import", "anna@example.org", str(tmp_path / "in"), "--report", str(report))
    assert "1 message imported into m." in told
    line = f"{tmp_path / 'in'}/tool\\x1b[2J: it is no mail"
    assert f"1 could not be imported:\n  {line}\n" in told
    assert report.read_text() == line + "\n"


@pytest.mark.parametrize("octets", [b"\x7fELF" + bytes(100), b"PK", b"\x1f\x8b\x08\x00", b"Buy milk.\n"])
def test_a_file_that_is_no_mail(there: CommandLine, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "file").write_bytes(octets)
    told = there.refused("import", "anna@example.org", str(tmp_path / "file"))
    assert told.startswith(f"Error: No mail found: {tmp_path / 'file'}\n  {tmp_path / 'file'}: it is ")


def test_nothing_there(there: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "No mail found" in there.refused("import", "anna@example.org", str(tmp_path / "empty"))
    assert "No such file or directory" in there.refused("import", "anna@example.org", str(tmp_path / "none"))


@pytest.mark.parametrize(
    "name", ["a//b", "/a", "a\nb", "x" * 300, "/".join("a" * 40), "\u202eevil", "a/../b"]
)
def test_a_bad_name_is_a_plain_error(there: CommandLine, tmp_path: Path, name: str) -> None:
    (tmp_path / "m").write_bytes(MBOX)
    told = there.refused("import", "anna@example.org", str(tmp_path / "m"), "--into", name)
    assert told.startswith("Error: Not a mailbox name: ")


def test_export_and_import_of_a_whole_account(there: CommandLine, tmp_path: Path) -> None:
    elsewhere.takeout_archive(tmp_path / "takeout.zip")
    there.text("import", "anna@example.org", str(tmp_path / "takeout.zip"))
    there.text("account", "add", "bob@example.org", "--password-stdin", typed="correct horse battery\n")
    for form in ("maildir", "mbox"):
        folder = tmp_path / form
        folder.mkdir(mode=0o755)
        there.text("export", "anna@example.org", str(folder), "--format", form)
        assert "not empty" in there.refused("export", "anna@example.org", str(folder))
        assert folder.stat().st_mode & 0o777 == 0o700
        assert there.json("import", "bob@example.org", str(folder), "--into", form)["imported"] == 22
