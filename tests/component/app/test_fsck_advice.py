"""Whatever is damaged: fsck tells it, its advice is followed to the letter, and then fsck finds nothing.

Advice that leads in a circle, or does not help, fails the test.
"""

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tests.component.admin.test_fsck import REPAIRED, TOLD
from tests.kit.command_line import CommandLine
from tests.kit.data_directory import LARGE, fill_directory

MAX_ROUNDS = 4


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, copied by each test."""
    folder = tmp_path_factory.mktemp("advice") / "data"
    with fill_directory(folder, messages=40):
        pass
    return folder


@pytest.fixture
def there(pristine: Path, tmp_path: Path) -> CommandLine:
    data = Path(shutil.copytree(pristine, tmp_path / "data"))
    config = tmp_path / "pillarbox.toml"
    config.write_text(
        f'hostname = "mail.one.example"\ndomain = "one.example"\ndata = "{data}"\nuser = "root"\n'
    )
    return CommandLine(config, data)


def follow(there: CommandLine, remedy: str, *, repairable: bool) -> None:
    """Do what a remedy says."""
    if repairable:
        there.run("fsck", "--repair")
        return
    # The last command is the one that needs nothing else, such as a backup
    words = re.findall(r"pillarbox ([^;:()]+)", remedy)[-1].strip().rstrip(".").split()
    if words == ["rebuild"]:
        words.append("--yes")
    there.run(*words)


def converges(there: CommandLine) -> None:
    tried: list[str] = []
    for _ in range(MAX_ROUNDS):
        result = there.run("fsck", "--json")
        report = json.loads(result.stdout)
        if "error" in report:  # the database can't be opened
            left = [{"remedy": report["error"], "repairable": False}]
        else:
            left = report["left"]
            assert result.exit_code == (1 if left else 0)
        if not left:
            assert tried, "nothing was found"
            assert "No errors found" in there.text("fsck")
            return
        for remedy, repairable in dict.fromkeys((one["remedy"], one["repairable"]) for one in left):
            follow(there, remedy, repairable=repairable)
            tried.append(remedy)
    raise AssertionError(f"the advice leads nowhere: {tried}, left: {left}")


def run_sql(there: CommandLine, *statements: str) -> None:
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize("name", [*REPAIRED, *TOLD])
def test_advice_about_rows_leads_to_the_end(there: CommandLine, name: str) -> None:
    run_sql(there, *{**REPAIRED, **TOLD}[name])
    converges(there)


def _file(there: CommandLine) -> Path:
    (path,) = (there.data / "blobs").glob("??/*")
    return path


def _pages(there: CommandLine, table: str, content: bytes) -> None:
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    pages = [
        int(str(page))
        for (page,) in connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno", (table,)
        )
    ]
    connection.close()
    with (there.data / "pillarbox.db").open("r+b") as file:
        file.seek((pages[len(pages) // 2] - 1) * 4096)
        file.write(content)


def _truncate(path: Path, share: float) -> None:
    os.truncate(path, int(path.stat().st_size * share) // 4096 * 4096)


DISASTERS: dict[str, Callable[[CommandLine], object]] = {
    "a file is lost": lambda there: _file(there).unlink(),
    "a file is cut short": lambda there: os.truncate(_file(there), 1000),
    "a file is another": lambda there: _file(there).write_bytes(bytes(len(LARGE))),
    **{
        f"a page of {table} is {kind}": lambda there, table=table, content=content: _pages(there, table, content)  # type: ignore[misc] # bound early on purpose
        for table in (
            "emails", "placements", "flags", "changes", "mailboxes", "ledgers", "blobs", "blob_octets", "accounts",
            "addresses", "passwords", "domains", "queue_messages", "queue_recipients", "queue_destinations",
            "thread_keys", "search_index_data", "placements_by_email",
        )
        for kind, content in (("zeros", bytes(4096)), ("noise", bytes(range(256)) * 16))
    },
    "the end of the database is gone": lambda there: _truncate(there.data / "pillarbox.db", 0.9),
}  # fmt: skip


@pytest.mark.parametrize("name", DISASTERS)
def test_advice_about_files_and_pages_leads_to_the_end(there: CommandLine, name: str) -> None:
    DISASTERS[name](there)
    converges(there)


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_a_database_of_which_nothing_is_left_leads_to_the_backup(
    there: CommandLine, tmp_path: Path, share: float
) -> None:
    there.text("backup", str(tmp_path / "backup"))
    _truncate(there.data / "pillarbox.db", share)
    assert "pillarbox rebuild" in there.refused("fsck")
    advice = there.refused("rebuild", "--yes")
    assert "Move the data directory away and restore a backup: pillarbox restore DIRECTORY" in advice
    there.data.rename(tmp_path / "away")
    there.text("restore", str(tmp_path / "backup"))
    assert "No errors found" in there.text("fsck")


def test_of_half_a_database_what_is_left_is_told_and_a_backup_still_brings_all_back(
    there: CommandLine, tmp_path: Path
) -> None:
    there.text("backup", str(tmp_path / "backup"))
    _truncate(there.data / "pillarbox.db", 0.5)
    assert "pillarbox rebuild" in there.refused("fsck")
    told = there.text("rebuild", "--yes")
    assert "Nothing could be read of: " in told
    assert "The old database was kept as " in told
    there.data.rename(tmp_path / "away")
    there.text("restore", str(tmp_path / "backup"))
    assert "No errors found" in there.text("fsck")


def test_what_is_lost_is_listed_whatever_its_row_says_of_the_date(there: CommandLine) -> None:
    run_sql(there, "UPDATE blob_octets SET octets = zeroblob(length(octets))")
    run_sql(there, "UPDATE placements SET received_at_ms = 9223372036854775807 WHERE uid = 1")
    assert "INBOX, UID 1, unknown date" in there.refused("fsck")


def test_what_is_lost_is_listed_in_full_and_kept_as_far_as_it_is_there(there: CommandLine) -> None:
    run_sql(there, "UPDATE blob_octets SET octets = zeroblob(length(octets))")
    output = there.refused("fsck")
    for uid in (1, 2, 3, 4, 5, 9, 20, 40):
        assert f'anna@one.example, INBOX, UID {uid}, 2023-11-14, "subject {(uid - 1) // 3}"' in output
    assert "queued message 1 from anna@one.example to someone@far.example" in output
    assert "anna@one.example, INBOX, UID 41" not in output, "that one is a file"
    assert "pillarbox fsck --repair --accept-loss" in output
    assert "Repaired: what is lost" in there.text("fsck", "--repair", "--accept-loss")
    assert "No errors found" in there.text("fsck")
    assert there.json("account", "show", "anna@one.example")["messages"] == 1
    rest = list((there.data / "lost+found").glob("*.damaged.eml"))
    assert len(rest) > 40
    assert not any(path.read_bytes().strip(b"\0") for path in rest)


def test_what_was_removed_is_listed_when_the_loss_is_accepted(there: CommandLine) -> None:
    _file(there).unlink()
    output = there.text("fsck", "--repair", "--accept-loss")
    assert "is lost (anna@one.example, INBOX, UID" in output
    assert output.endswith("0 errors left.\n")


def test_a_large_message_that_comes_again_after_its_loss_stays(there: CommandLine, tmp_path: Path) -> None:
    """Its file gets the name that the lost one had, which is still on the list of files to be removed."""
    there.text("backup", str(tmp_path / "backup"))
    lost = _file(there)
    lost.unlink()
    there.text("fsck", "--repair", "--accept-loss")
    there.text("restore", str(tmp_path / "backup"), "--account", "anna@one.example")
    assert _file(there) == lost
    assert "No errors found" in there.text("fsck")


def test_a_file_that_may_not_be_read_is_not_lost(there: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a copy that root has put in its place."""
    name, opened = _file(there).name, os.open
    before = there.json("account", "show", "anna@one.example")

    def forbidding(path: str | Path, flags: int, mode: int = 0o777, **others: int) -> int:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, mode, **others)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", forbidding)
        for words in (["fsck"], ["fsck", "--repair", "--accept-loss"]):
            output = there.refused(*words)
            assert "(Permission denied): its file must belong to the user that serves" in output
            assert "Mend what the text says" in output
    assert there.json("account", "show", "anna@one.example") == before
    assert "No errors found" in there.text("fsck")


def test_accepting_a_loss_needs_its_words(there: CommandLine) -> None:
    _file(there).unlink()
    before = there.json("account", "show", "anna@one.example")
    assert there.run("fsck", "--accept-loss").exit_code == 2
    assert there.run("fsck", "--repair", "--quick", "--accept-loss").exit_code == 2
    there.refused("fsck", "--repair")
    assert there.json("account", "show", "anna@one.example") == before


def test_a_disk_that_is_not_mounted_is_not_a_loss(there: CommandLine) -> None:
    """Messages in files are on a disk of their own, and its mount point is empty."""
    source = there.data.parent / "another.mbox"
    source.write_bytes(b"From x Thu Jan  1 00:00:00 2024\n" + LARGE.replace(b"large", b"another"))
    there.text("import", "bob@one.example", str(source))
    (there.data / "blobs").rename(there.data.parent / "unmounted")
    (there.data / "blobs").mkdir()
    before = there.json("account", "show", "bob@one.example")
    for words in (
        ("fsck",),
        ("fsck", "--repair", "--accept-loss"),
        ("rebuild", "--yes"),
        ("export", "bob@one.example", "x"),
    ):
        said = there.refused(*words)
        assert "The folder of large messages" in said, words
        assert "Mount its disk" in said, words
    assert not any((there.data / "blobs").iterdir()), (
        "nothing was made, or the server would take all for lost"
    )
    assert there.json("account", "show", "bob@one.example") == before
    (there.data / "blobs" / "incoming").mkdir()  # the advice for files that are lost
    assert "is its disk mounted?" in there.refused("fsck", "--repair", "--accept-loss")
    assert there.json("account", "show", "bob@one.example") == before
    shutil.rmtree(there.data / "blobs")
    (there.data.parent / "unmounted").rename(there.data / "blobs")
    assert "No errors found" in there.text("fsck")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mailboxes SET name = CAST(x'41a0' AS TEXT) WHERE name = 'Sent'",
        "UPDATE emails SET subject = CAST(x'a041' AS TEXT) WHERE id % 7 = 0",
        "UPDATE accounts SET login = CAST(CAST(login AS BLOB) || x'a0' AS TEXT) WHERE id = 1",
        "UPDATE accounts SET login = CAST(x'41a0' AS TEXT) WHERE id = 1",
        "UPDATE accounts SET login = CAST(x'41a0' AS TEXT), address = CAST(x'41a0' AS TEXT) WHERE id = 1",
        "UPDATE queue_recipients SET address = CAST(x'a041' AS TEXT)",
        "UPDATE schema_versions SET room = CAST(x'a041' AS TEXT) WHERE room = 'store'",
    ],
)
def test_a_text_in_which_a_bit_has_flipped_is_found_and_replaced(there: CommandLine, statement: str) -> None:
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    messages = connection.execute("SELECT count(*) FROM placements").fetchall()
    connection.execute(statement)
    connection.close()
    converges(there)
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    assert connection.execute("SELECT count(*) FROM placements").fetchall() == messages


def test_what_damage_in_the_log_has_cut_off_is_told_until_it_is_accepted(there: CommandLine) -> None:
    kept = there.data / "pillarbox.db-wal.damaged-20261130T101500.000000Z.lost-16"
    kept.write_bytes(b"evidence")
    for words in (("fsck",), ("fsck", "--quick"), ("fsck", "--repair")):
        assert f"16 committed transactions are lost; it was kept as {kept}" in there.refused(*words), words
    converges(there)
    assert kept.with_suffix("").read_bytes() == b"evidence"


def test_a_table_whose_definition_is_damaged_costs_no_other(there: CommandLine) -> None:
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    messages = connection.execute("SELECT count(*) FROM placements").fetchall()
    connection.pragma("writable_schema", True)
    connection.execute(
        "UPDATE sqlite_master SET name = CAST(x'a041' AS TEXT), sql = 'CREATE TABLE \u0001 ('"
        " WHERE name = 'subscriptions'"
    )
    connection.close()
    assert "The database is damaged" in there.refused("account", "list")
    assert "Nothing could be read of: subscriptions" in there.run("rebuild", "--yes").stdout
    connection = apsw.Connection(str(there.data / "pillarbox.db"))
    assert connection.execute("SELECT count(*) FROM placements").fetchall() == messages
