"""Single accounts, mailboxes and messages are restored beside what is there, while the server runs."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.world.database.sqlite import open_database
from tests.kit.command_line import CommandLine, set_up
from tests.kit.permissions import grant_others_access

ANNA = "anna@example.org"


def mail(*numbers: int, octets: int = 0) -> bytes:
    filler = b"".join(b"%064d\n" % line for line in range(octets // 65))
    return b"".join(
        b"From x Thu Jan  4 00:00:00 2024\nStatus: RO\nX-Keywords: $Work\nSubject: mail %d\n"
        b"Message-Id: <%d@x.example>\n\nbody of %d\n%s\n" % (number, number, number, filler)
        for number in numbers
    )


def rows(there: CommandLine, login: str = ANNA) -> list[tuple[Any, ...]]:
    """Mailbox, UID, subject, flags and received date of all messages."""
    sql = (
        "SELECT m.name, p.uid, e.subject, f.flags, p.received_at_ms FROM placements p"
        " JOIN emails e ON e.id = p.email JOIN accounts a ON a.id = p.account"
        " JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox"
        " JOIN flags f ON f.account = p.account AND f.mailbox = p.mailbox AND p.uid BETWEEN f.uid AND f.uid + f.more"
        " WHERE a.login = ? ORDER BY 1, 2"
    )
    database = open_database(there.data / "pillarbox.db", SCHEMAS)
    try:
        return database.read_now(lambda tx: tx.rows(sql, (login,)))
    finally:
        database.close_now()


def subjects(there: CommandLine, mailbox: str) -> list[str]:
    return [row[2] for row in rows(there) if row[0] == mailbox]


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    """INBOX: 1, 2 and 3; Work: 4, 5, large 6 and a copy of 1; backed up."""
    made = set_up(tmp_path)[0]
    for name, octets in (("INBOX", mail(1, 2, 3)), ("Work", mail(4, 5) + mail(6, octets=300_000) + mail(1))):
        mbox = tmp_path / f"{name}.mbox"
        mbox.write_bytes(octets)
        made.text("import", ANNA, str(mbox), "--into", name)
    made.text("backup", str(tmp_path / "backup"))
    return made


def folder(there: CommandLine) -> str:
    return str(there.data.parent / "backup")


def day(there: CommandLine) -> str:
    made_at: str = there.json("backup", folder(there), "--list")[0]["made_at"]
    return f"Restored {made_at[:10]}"


def expunge(there: CommandLine, *numbers: int) -> None:
    """Delete these messages from all mailboxes, as their owner did by mistake."""
    from pillarbox.mail.identifiers import AccountId, Uid
    from pillarbox.mail.number_set import NumberSet
    from pillarbox.store import mailboxes, placements

    found = [(row[0], Uid(row[1])) for row in rows(there) if row[2] in {f"mail {n}" for n in numbers}]
    database = open_database(there.data / "pillarbox.db", SCHEMAS)
    try:
        for name, uid in found:
            database.write_now(
                lambda tx, name=name, uid=uid: placements.expunge(  # type: ignore[misc]
                    tx,
                    AccountId(1),
                    mailboxes.by_name(tx, AccountId(1), name).id,
                    NumberSet(((uid, uid),)),
                    deleted_only=False,
                )
            )
    finally:
        database.close_now()


CASES: dict[str, tuple[tuple[str, ...], dict[str, list[str]]]] = {
    "a whole account": (
        (),
        {"Restored/INBOX": ["mail 1", "mail 2"], "Restored/Work": ["mail 4", "mail 6", "mail 1"]},
    ),
    "a mailbox": (("--mailbox", "Work"), {"Restored/Work": ["mail 4", "mail 6", "mail 1"]}),
    "two mailboxes into one": (
        ("--mailbox", "inbox", "--mailbox", "Work", "--into", "Found again/here"),
        {"Found again/here": ["mail 1", "mail 2", "mail 4", "mail 6"]},
    ),
    "a mailbox in place": (
        ("--mailbox", "Work", "--into", "Work"),
        {"Work": ["mail 5", "mail 4", "mail 6", "mail 1"]},
    ),
    "a message by UID": (("--mailbox", "INBOX", "--message", "2"), {"Restored/INBOX": ["mail 2"]}),
    "a message by Message-ID": (("--message", "<6@x.example>"), {"Restored/Work": ["mail 6"]}),
    "messages, into INBOX": (
        ("--message", "4@x.example", "--message", "<2@x.example>", "--into", "INBOX"),
        {"INBOX": ["mail 3", "mail 2", "mail 4"]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_deleted_comes_back_once(there: CommandLine, case: str) -> None:
    words, expected = CASES[case]
    before = {row[2]: row[3:] for row in rows(there)}
    expunge(there, 1, 2, 4, 6)
    kept = rows(there)
    restored = there.json("restore", folder(there), "--account", ANNA, *words)
    for name, wanted in expected.items():
        assert subjects(there, name.replace("Restored", day(there))) == wanted
    assert restored["restored"] == sum(map(len, expected.values())) - sum(
        row[2] in expected.get(row[0], ()) for row in kept
    )
    assert all(row in rows(there) for row in kept)
    assert all(before[row[2]] == row[3:] for row in rows(there))
    assert "No errors found" in there.text("fsck")
    after = rows(there)
    again = there.json("restore", folder(there), "--account", ANNA, *words)
    assert again["restored"] == 0
    assert again["present"] >= restored["restored"]
    assert rows(there) == after


def test_what_is_still_there_is_not_restored(there: CommandLine) -> None:
    before = rows(there)
    said = there.text("restore", folder(there), "--account", ANNA)
    assert "0 messages restored" in said
    assert "7 messages not restored: the account still has them" in said
    assert rows(there) == before


def test_from_an_older_point(there: CommandLine) -> None:
    first = there.json("backup", folder(there), "--list")[0]["name"]
    expunge(there, 2)
    there.text("backup", folder(there))
    assert "0 messages restored" in there.text("restore", folder(there), "--account", ANNA)
    said = there.json("restore", folder(there), "--account", ANNA, "--point", first)
    assert (said["restored"], said["point"]) == (1, first)


def test_an_account_that_was_deleted_is_made_and_filled(there: CommandLine) -> None:
    there.text("account", "add", "bob@example.org")
    mbox = there.data.parent / "bob.mbox"
    mbox.write_bytes(mail(8, 9))
    there.text("import", "bob@example.org", str(mbox))
    there.text("backup", folder(there))
    there.text("account", "remove", "bob@example.org", "--yes")
    assert "create it first: pillarbox account add" in there.refused(
        "restore", folder(there), "--account", "bob@example.org"
    )
    there.text("account", "add", "bob@example.org")
    assert (
        there.json("restore", folder(there), "--account", "bob@example.org", "--into", "INBOX")["restored"]
        == 2
    )
    assert [row[2] for row in rows(there, "bob@example.org")] == ["mail 8", "mail 9"]


REFUSED: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no such account": (
        ("--account", "nobody@example.org"),
        1,
        "There is no account 'nobody@example.org' in",
    ),
    "no such mailbox": (
        ("--account", ANNA, "--mailbox", "Work", "--mailbox", "Play"),
        1,
        "There are: Archive, Drafts, INBOX, Junk, Sent, Trash, Work",
    ),
    "no such message": (("--account", ANNA, "--message", "x@y.example"), 1, "no message x@y.example"),
    "no such point": (("--account", ANNA, "--point", "yesterday"), 1, "no backup called 'yesterday'"),
    "a UID without its mailbox": (("--account", ANNA, "--message", "7"), 2, "--mailbox"),
    "a UID in two": (
        ("--account", ANNA, "--message", "7", "--mailbox", "INBOX", "--mailbox", "Work"),
        2,
        "A UID is a message of one mailbox",
    ),
    "a name that no mailbox can have": (("--account", ANNA, "--into", "a//b"), 2, "No mailbox can have"),
    "words without their account": (("--mailbox", "INBOX"), 2, "need --account"),
    "an empty word": (("--account", ANNA, "--message", "<>"), 2, "An empty word"),
    "two places": (("--account", ANNA, "--to", "elsewhere"), 2, "--to"),
    "two jobs": (("--account", ANNA, "--missing"), 2, "--missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_changes_nothing(there: CommandLine, case: str) -> None:
    words, code, said = REFUSED[case]
    expunge(there, 1, 2)
    before = rows(there)
    output = there.refused("restore", folder(there), *words, code=code)
    assert said in output.replace("\n", " ")
    assert rows(there) == before


def test_a_quota_stops_it_and_it_can_be_run_again(there: CommandLine) -> None:
    expunge(there, 1, 2, 4, 6)
    there.text("account", "quota", ANNA, "100K")
    assert "run this command again" in there.refused("restore", folder(there), "--account", ANNA)
    there.text("account", "quota", ANNA, "unlimited")
    there.text("restore", folder(there), "--account", ANNA)
    assert subjects(there, f"{day(there)}/Work") == ["mail 4", "mail 6", "mail 1"]
    assert "No errors found" in there.text("fsck")


def test_a_message_that_the_backup_lost_is_listed_and_the_others_come(there: CommandLine) -> None:
    (pack,) = (there.data.parent / "backup" / "packs").iterdir()
    content = bytearray(pack.read_bytes())
    content[content.find(b"%064d" % 3000)] ^= 1
    pack.write_bytes(content)
    expunge(there, 4, 6)
    said = there.refused("restore", folder(there), "--account", ANNA)
    assert "1 message restored" in said
    assert f'{ANNA}, Work, UID 3, 2024-01-04, "mail 6": its octets are missing' in said
    assert subjects(there, f"{day(there)}/Work") == ["mail 4"]


@pytest.mark.parametrize("number", [4, 6])
def test_damaged_octets_of_others_are_not_taken_for_those_restored(there: CommandLine, number: int) -> None:
    """The same message is in two accounts, and its octets are damaged."""
    bob = "bob@example.org"
    there.text("account", "add", bob)
    mbox = there.data.parent / "bob.mbox"
    mbox.write_bytes(mail(number, octets=300_000 if number == 6 else 0))
    there.text("import", bob, str(mbox))
    expunge(there, number)
    database = open_database(there.data / "pillarbox.db", SCHEMAS)
    database.write_now(lambda tx: tx.execute("UPDATE blob_octets SET octets = zeroblob(20)"))
    database.close_now()
    for path in there.data.glob("blobs/[0-9a-f][0-9a-f]/*"):
        path.write_bytes(b"damaged")
    there.text("restore", folder(there), "--account", ANNA, "--message", f"{number}@x.example")
    said = there.refused("fsck")
    assert f'"mail {number}"' not in said
    assert '"mail 5"' in said


def test_one_restore_at_a_time(there: CommandLine) -> None:
    from pillarbox.admin.backup import work_folder

    with work_folder(there.data):
        for words in (("--account", ANNA), ("--missing",)):
            assert "Another restore" in there.refused("restore", folder(there), *words)
        assert "Another restore" in there.refused("backup", folder(there), "--verify")


def test_what_a_killed_run_left_is_removed_and_is_in_no_backup(there: CommandLine) -> None:
    (there.data / ".point").mkdir()
    (there.data / ".point" / "pillarbox.db").write_bytes(os.urandom(100))
    files = there.json("backup", folder(there))["files"]
    assert files == there.json("backup", folder(there))["files"]
    there.text("restore", folder(there), "--account", ANNA)
    assert not (there.data / ".point").exists()


def test_root_leaves_no_files_that_the_server_cannot_open(there: CommandLine, tmp_path: Path) -> None:
    if subprocess.run(["chown", "-R", "nobody:nogroup", str(there.data)], check=False).returncode:
        pytest.skip("only root can give files away")
    grant_others_access(tmp_path)
    for words in (("restore", folder(there), "--missing"), ("backup", folder(there), "--verify")):
        there.text(*words)
    expunge(there, 1, 6)
    subprocess.run(["chown", "-R", "nobody:nogroup", str(there.data)], check=True)
    there.text("restore", folder(there), "--account", ANNA)
    next(there.data.glob("blobs/[0-9a-f][0-9a-f]/*")).unlink()
    there.text("restore", folder(there), "--missing")
    there.text("backup", folder(there))
    assert {path.owner() for path in there.data.rglob("*")} == {"nobody"}


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777 - 0o700])
def test_what_is_restored_is_its_owners_only(there: CommandLine, umask: int) -> None:
    there.data.rename(there.data.with_name("moved"))
    before = os.umask(umask)
    try:
        there.text("restore", folder(there))
    finally:
        os.umask(before)
    for path in (there.data, *there.data.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0 or path.name.endswith(("-gate", "-turn", "-open")), path
        assert path.stat().st_mode & 0o600 == 0o600


def test_an_interrupted_restore_is_run_again(there: CommandLine) -> None:
    left = there.data.with_name(f"{there.data.name}.restoring")
    left.mkdir()
    (left / "pillarbox.db").write_bytes(b"half")
    there.data.rename(there.data.with_name("moved"))
    there.text("restore", folder(there))
    assert len(rows(there)) == 7
    assert not left.exists()


def test_a_mount_point_is_not_replaced(there: CommandLine) -> None:
    there.data.rename(there.data.with_name("moved"))
    there.data.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(there.data)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert "is a mount point" in there.refused("restore", folder(there))
    finally:
        subprocess.run(["umount", "-l", str(there.data)], check=True)


def test_the_folder_of_large_messages_is_made_again_by_a_restore(there: CommandLine) -> None:
    shutil.rmtree(there.data / "blobs")
    assert "pillarbox restore DIRECTORY --missing" in there.refused("fsck")
    assert len(there.json("restore", folder(there), "--missing")["restored"]) == 1
    assert "No errors found" in there.text("fsck")


def test_a_data_directory_that_is_a_link_is_restored_where_it_leads(there: CommandLine) -> None:
    real = there.data.with_name("real")
    there.data.rename(there.data.with_name("moved"))
    there.data.symlink_to(real)
    there.text("restore", folder(there))
    assert there.data.is_symlink()
    assert len(rows(there)) == 7
    assert real.is_dir()


def test_nobody_is_told_to_move_data_away_for_a_point_that_is_not_there(
    there: CommandLine, tmp_path: Path
) -> None:
    assert "There is no backup called 'Nope'" in there.refused("restore", folder(there), "--point", "Nope")
    assert "There is no backup in" in there.refused("restore", str(tmp_path))
    assert "is not empty" in there.refused("restore", folder(there))
