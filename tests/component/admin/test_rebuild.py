"""Whatever is damaged, all that can be read is recovered, into its own mailbox or at least its own account."""

import os
import shutil
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from pillarbox.admin.fsck import RepairContext
from pillarbox.admin.rebuild import CannotRebuild, RebuildResult, rebuild_database
from pillarbox.app.database import SCHEMAS
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database import DatabaseDamaged, DatabaseInUse, DatabaseUnavailable
from pillarbox.world.database.sqlite import memory_database, open_database
from pillarbox.world.database.sqlite.salvage import Damaged, tables_of
from tests.kit.data_directory import LARGE, OpenDirectory, catch_up, fill_directory, open_directory, put
from tests.kit.people import NOW_MS

MESSAGES = 150
CUT_OCTETS = 3 * 4096 + 500


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, copied by each test."""
    folder = tmp_path_factory.mktemp("rebuild") / "data"
    with fill_directory(folder, messages=MESSAGES):
        pass
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "data"))


def make_anew(folder: Path) -> RebuildResult:
    context = RepairContext(FileBlobs(folder / "blobs"), NOW_MS, folder / "lost+found")
    return rebuild_database(folder / "pillarbox.db", context, SCHEMAS, lambda _what: None)


def by_account(data: OpenDirectory) -> dict[object, set[bytes]]:
    """The octets of the messages that each account has, and under `None` what lies in lost+found."""
    found: dict[object, set[bytes]] = {None: set(), 1: set(), 2: set()}
    for account, digest in data.rows(
        "SELECT p.account, e.blob FROM placements p JOIN emails e ON e.id = p.email"
    ):
        assert isinstance(digest, bytes)
        found[account].add(data.database.read_now(data.blobs.read, digest))
    for path in (data.directory / "lost+found").glob("*.eml"):
        found[None].add(path.read_bytes())
    return found


def users_see(data: OpenDirectory) -> list[tuple[object, ...]]:
    return data.rows(
        "SELECT p.account, m.name, p.uid, p.thread, f.flags, e.blob, e.envelope FROM placements p"
        " JOIN flags f ON f.account = p.account AND f.mailbox = p.mailbox AND p.uid BETWEEN f.uid AND f.uid + f.more"
        " JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox"
        " JOIN emails e ON e.id = p.email ORDER BY 1, 2, 3"
    )


def test_a_sound_database_is_rebuilt_unchanged(folder: Path) -> None:
    with open_directory(folder) as data:
        before = users_see(data)
    done = make_anew(folder)
    assert (done.damage, done.problems, done.lost, done.relinked) == ((), (), (), 0)
    assert {table.gaps for table in done.tables} == {0}
    with open_directory(folder) as data:
        assert users_see(data) == before
        catch_up(data)
        assert data.value("SELECT count(*) FROM search_index_docsize") == data.value(
            "SELECT count(*) FROM emails"
        )
        assert data.fsck().problems == []


LOST_TABLES = (
    "emails", "flags", "changes", "mailboxes", "thread_keys", "ledgers", "blobs", "search_index", "orphans",
    "queue_destinations", "subscriptions",
)  # fmt: skip


@pytest.mark.parametrize("table", LOST_TABLES)
def test_a_table_that_is_lost_is_made_again_and_no_message_is_lost(folder: Path, table: str) -> None:
    with open_directory(folder) as data:
        before = by_account(data)
        threads = data.rows("SELECT account, hash, thread FROM thread_keys ORDER BY 1, 2")
        data.damage(f"DROP TABLE {table}")
    done = make_anew(folder)
    assert done.problems == ()
    with open_directory(folder) as data:
        assert data.fsck().problems == []
        assert by_account(data) == before
        assert done.lost == ()
        again = data.rows("SELECT account, hash, thread FROM thread_keys ORDER BY 1, 2")
        assert again == threads or (
            table == "thread_keys" and set(again) < set(threads)
        )  # of mail that has gone


def test_a_large_message_of_which_all_rows_are_lost_goes_to_lost_and_found(folder: Path) -> None:
    """Nothing names its file any more: the server would remove it as what a crash has left."""
    with open_directory(folder) as data:
        data.damage("DROP TABLE emails", "DROP TABLE blobs")
    make_anew(folder)
    with open_directory(folder) as data:
        assert LARGE in by_account(data)[None]
        assert data.fsck().problems == []


def test_after_losing_placements_messages_are_in_the_recovered_mailbox(folder: Path) -> None:
    with open_directory(folder) as data:
        before = by_account(data)
        data.damage("DROP TABLE placements")
    done = make_anew(folder)
    assert done.problems == ()
    with open_directory(folder) as data:
        assert by_account(data) == before
        assert data.rows("SELECT DISTINCT m.name FROM placements p JOIN mailboxes m ON m.id = p.mailbox") == [
            ("Recovered",)
        ]


def pages(folder: Path, table: str, kind: str = "leaf") -> list[int]:
    connection = apsw.Connection(str(folder / "pillarbox.db"))
    try:
        found = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path", (table, kind)
        )
        return [int(str(page)) for (page,) in found]
    finally:
        connection.close()


def overwrite(folder: Path, page: int, octets: bytes) -> None:
    with (folder / "pillarbox.db").open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(octets)


@pytest.mark.parametrize("octets", [bytes(4096), b"\xff" * 4096], ids=["zeros", "ones"])
@pytest.mark.parametrize(
    "table", ["emails", "placements", "flags", "changes", "blobs", "blob_octets", "thread_keys", "mailboxes"]
)
def test_damaged_pages_lose_only_their_own_content(folder: Path, table: str, octets: bytes) -> None:
    with open_directory(folder) as data:
        before = by_account(data)
    leaves = pages(folder, table) or pages(folder, table, "internal")
    for page in {leaves[len(leaves) // 2], leaves[len(leaves) // 3]}:
        overwrite(folder, page, octets)
    done = make_anew(folder)
    assert done.damage
    assert done.problems == () or {problem.check for problem in done.problems} <= {"blob-exists", "octets"}
    with open_directory(folder) as data:
        after = by_account_where_readable(data)
        for account in (1, 2):
            assert after[account] <= before[account], "an account has got mail of another"
        there = after[1] | after[2] | after[None]
        lost = (before[1] | before[2]) - there
        assert len(lost) <= (30 if table == "blob_octets" else 0)


@pytest.mark.parametrize("octets", [bytes(4096), b"\xff" * 4096], ids=["zeros", "ones"])
@pytest.mark.parametrize("part", ["config", "data", "idx", "docsize"])
def test_a_damaged_search_index_costs_no_message(folder: Path, part: str, octets: bytes) -> None:
    with open_directory(folder) as data:
        before = by_account(data)
    table = f"search_index_{part}"
    for page in pages(folder, table) or pages(folder, table, "internal"):
        overwrite(folder, page, octets)
    done = make_anew(folder)
    assert done.damage
    assert done.problems == ()
    with open_directory(folder) as data:
        assert by_account(data) == before
        assert data.fsck().problems == []


def by_account_where_readable(data: OpenDirectory) -> dict[object, set[bytes]]:
    known = {digest for (digest,) in data.rows("SELECT digest FROM blobs")}
    found: dict[object, set[bytes]] = {None: set(), 1: set(), 2: set()}
    for account, digest in data.rows(
        "SELECT p.account, e.blob FROM placements p JOIN emails e ON e.id = p.email"
    ):
        if digest in known and isinstance(digest, bytes):
            octets_id = data.rows(f"SELECT octets_id, location FROM blobs WHERE digest = x'{digest.hex()}'")[
                0
            ]
            if octets_id[1] or data.value(f"SELECT 1 FROM blob_octets WHERE id = {octets_id[0]}"):
                octets = data.database.read_now(data.blobs.read, digest)
                if sha256(octets).digest() == digest:  # of others fsck tells
                    found[account].add(octets)
    for path in (data.directory / "lost+found").glob("*.eml"):
        found[None].add(path.read_bytes())
    return found


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_a_truncated_file_is_rebuilt_from_the_rest(folder: Path, share: float) -> None:
    with open_directory(folder) as data:
        before = by_account(data)
    size = (folder / "pillarbox.db").stat().st_size
    os.truncate(folder / "pillarbox.db", int(size * share))
    make_anew(folder)
    with open_directory(folder) as data:
        after = by_account_where_readable(data)
        for account in (1, 2):
            assert after[account] <= before[account]
        assert {problem.check for problem in data.fsck().problems} <= {
            "blob-exists", "octets", "account-has-password", "account-has-domain", "account-has-address",
            "mail-has-account",
        }  # fmt: skip
        assert LARGE in after[1] | after[None] or share < 0.9


def test_of_a_file_that_was_cut_anywhere_each_row_is_read_once(folder: Path) -> None:
    """SQLite can take what is missing for a page of rows that begin again."""
    path = folder / "pillarbox.db"
    with open_directory(folder) as data:
        whole = {
            table.name: len(data.rows(f"SELECT 1 FROM {table.name}")) for table in tables_of(data.database)
        }
    for octets in range(path.stat().st_size, 0, -CUT_OCTETS):
        os.truncate(path, octets)
        try:
            old = Damaged(path)
        except DatabaseDamaged:
            continue  # nothing can be read
        new = memory_database(SCHEMAS)
        with closing(old):
            for table in tables_of(new):
                assert old.copy(table, new).rows <= whole[table.name], (table.name, octets)
        new.close_now()


def test_the_log_of_a_crash_is_taken_in(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "crashed"
    with open_directory(folder) as data:
        data.damage("UPDATE mailboxes SET name = 'In the log' WHERE name = 'Drafts'")
        shutil.copytree(folder, copy)
    assert (copy / "pillarbox.db-wal").stat().st_size
    make_anew(copy)
    with open_directory(copy) as data:
        assert data.value("SELECT count(*) FROM mailboxes WHERE name = 'In the log'") == 2


def test_damage_in_the_log_of_a_crash_is_told_and_kept(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "crashed"
    with open_directory(folder) as data:
        for number in range(5):
            data.damage(f"INSERT INTO search_given_up VALUES ({10_000 + number})")
        shutil.copytree(folder, copy)
    log = copy / "pillarbox.db-wal"
    octets = bytearray(log.read_bytes())
    for start in range(32, len(octets), 4096 + 24):  # the first octet of every page
        octets[start + 24] ^= 0xFF
    log.write_bytes(octets)
    said = make_anew(copy).log_damage
    (kept,) = copy.glob("pillarbox.db-wal.damaged-*.lost-*")
    assert kept.read_bytes() == octets
    assert "5 committed transactions are lost" in said
    assert str(kept) in said


def test_an_unreadable_database_is_refused_with_a_remedy(folder: Path) -> None:
    overwrite(folder, 1, b"\xaa" * 4096)
    before = (folder / "pillarbox.db").read_bytes()
    with pytest.raises(CannotRebuild, match="pillarbox restore"):
        make_anew(folder)
    assert (folder / "pillarbox.db").read_bytes() == before


def test_tables_of_an_older_version_are_rebuilt_and_brought_up_to_date(folder: Path) -> None:
    """As after an upgrade that could not be made because of the damage, or in an old point of a backup."""
    with open_directory(folder) as data:
        before = users_see(data)
        data.damage(
            "INSERT INTO imported (account, source, item, position, fingerprint) VALUES (1, 'a', 'b', 7, x'00')",
            "ALTER TABLE imported DROP COLUMN messages",
            "UPDATE schema_versions SET version = 1 WHERE room = 'importing'",
            "DROP TABLE subscriptions",
        )
    assert make_anew(folder).problems == ()
    with open_directory(folder) as data:
        assert data.fsck().problems == []
        assert users_see(data) == before
        assert data.rows("SELECT account, position, messages FROM imported") == [(1, 7, 1)]


def test_tables_of_a_newer_version_are_refused(folder: Path) -> None:
    with open_directory(folder) as data:
        data.damage("UPDATE schema_versions SET version = 99 WHERE room = 'store'")
    with pytest.raises(CannotRebuild, match=r"The tables of store were written by a newer Pillarbox"):
        make_anew(folder)


def failing(*_arguments: object) -> None:
    raise DatabaseUnavailable("database or disk is full")


@pytest.mark.parametrize("step", ["copying", "at the end"])
def test_a_full_disk_leaves_the_old_database(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "pillarbox.db").read_bytes()
    target = (
        "pillarbox.world.database.sqlite.salvage._insert"
        if step == "copying"
        else "pillarbox.admin.fsck.repair"
    )
    monkeypatch.setattr(target, failing)
    with pytest.raises(DatabaseUnavailable):
        make_anew(folder)
    assert (folder / "pillarbox.db").read_bytes() == before
    assert not list(folder.glob("*rebuilding*"))
    assert not list(folder.glob("*damaged*"))


def test_a_crash_while_it_is_put_in_place_is_undone_by_the_next_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    crashed = tmp_path / "crashed"
    with open_directory(folder) as data:
        data.damage("UPDATE mailboxes SET name = 'In the log' WHERE name = 'Drafts'")
        shutil.copytree(folder, crashed)
    real = Path.replace

    def die(self: Path, target: Path) -> Path:
        if self.name == "pillarbox.db":
            raise KeyboardInterrupt
        return real(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            make_anew(crashed)
    make_anew(crashed)
    with open_directory(crashed) as data:
        assert data.value("SELECT count(*) FROM mailboxes WHERE name = 'In the log'") == 2


def test_the_database_must_not_be_in_use(folder: Path) -> None:
    served = open_database(folder / "pillarbox.db", SCHEMAS)
    with pytest.raises(DatabaseInUse):
        make_anew(folder)
    served.close_now()


def test_ambiguous_messages_are_not_given_to_anybody(folder: Path) -> None:
    """Two lost messages of the same size and date: neither is guessed."""

    def alike(name: str) -> bytes:
        return f"Subject: for {name}\r\n\r\nHello {name}\r\n".encode()

    with open_directory(folder) as data:
        put(data, alike("anna"), account=1)
        put(data, alike("otto"), account=2)
        data.damage("DELETE FROM emails WHERE subject LIKE 'for %'")
    done = make_anew(folder)
    assert [what.partition(", UID")[0] for what in done.lost] == [
        "anna@one.example, INBOX",
        "bob@one.example, INBOX",
    ]
    assert done.relinked == 0
    with open_directory(folder) as data:
        found = by_account(data)
        assert {alike("anna"), alike("otto")} <= found[None]
        assert not {alike("anna"), alike("otto")} & (found[1] | found[2])
        assert data.fsck().problems == []


@pytest.mark.parametrize(
    "key", ["changes SET modseq", "placements SET uid", "flags SET uid", "mailboxes SET id"]
)
@pytest.mark.parametrize("value", ["'zz'", "1.5", "x'ff00'"])
def test_a_key_that_is_no_number_ends_no_rebuild(folder: Path, key: str, value: str) -> None:
    column = key.rpartition(" ")[2]
    with open_directory(folder) as data:
        before = by_account(data)
        table = key.partition(" ")[0]
        data.damage(
            f"UPDATE {key} = {value} WHERE account = 1 AND {column} = (SELECT max({column}) FROM {table})"
        )
        data.damage(
            f"UPDATE {key} = {value} WHERE account = 2 AND {column} = (SELECT min({column}) FROM {table})"
        )
    assert make_anew(folder).problems == ()
    with open_directory(folder) as data:
        after = by_account(data)
        assert after[1] | after[2] == before[1] | before[2]
