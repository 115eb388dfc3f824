"""Backing up data that are damaged, or not those that were backed up before: what is saved, listed and refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pillarbox.world.database.sqlite.snapshot import PinnedFile
from tests.kit.backed_up import ALL, ANNA, LARGE_SUBJECT, Installed, install


@pytest.fixture
def there(tmp_path: Path) -> Installed:
    return install(tmp_path)


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


def test_a_message_that_has_lost_its_row_comes_back_as_a_new_one(there: Installed) -> None:
    there.back_up()
    there.sql("DELETE FROM emails WHERE subject = 'mail 2'")
    said = there.command.refused("backup", str(there.backup))
    assert "its row is missing" in said
    assert "its row is missing" in there.command.refused("backup", str(there.backup), "--verify")
    assert "pillarbox restore BACKUP --account LOGIN" in there.command.refused("fsck")
    said = there.command.refused("restore", str(there.backup), "--missing")
    assert f"by --account LOGIN; then: pillarbox fsck --repair --accept-loss\n  {ANNA}, INBOX, UID " in said
    point = there.point_names()[0]
    assert "1 message restored" in there.command.text(
        "restore", str(there.backup), "--account", ANNA, "--point", point
    )
    there.command.text("fsck", "--repair", "--accept-loss")
    assert "No errors found" in there.command.text("fsck")
    assert sorted(there.mail()) == sorted(ALL)


def test_a_table_that_is_missing_is_told_and_made_again_by_a_restore(there: Installed) -> None:
    there.sql("DROP TABLE thread_keys")
    assert "table thread_keys is missing" in there.command.refused("backup", str(there.backup))
    assert "a restore would rebuild it" in there.command.refused("backup", str(there.backup), "--verify")
    there.restored(code=1)
    assert "No errors found" in there.command.text("fsck")
    assert there.mail() == ALL


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
