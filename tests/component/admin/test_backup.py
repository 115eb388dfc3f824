"""Backups are complete, incremental, and restore the data directory; damage is detected before it is restored."""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from pillarbox.admin import backup
from pillarbox.admin.backup import (
    BackupRefused,
    BackupResult,
    Form,
    NoSuchPoint,
    Points,
    RestoreResult,
    VerifyReport,
    restore_backup,
)
from pillarbox.admin.backup.packs import BLOCK_OCTETS, Packs
from pillarbox.app.database import SCHEMAS
from pillarbox.directory.sign_in import (
    browser_sessions,
    recovery_addresses,
    reset_links,
    secrets,
    sign_in_steps,
)
from pillarbox.directory.sign_in.browser_sessions import Method, Opening
from pillarbox.directory.sign_in.reset_links import MadeBy, NewLink
from pillarbox.directory.sign_in.sign_in_steps import NewStep, Purpose
from pillarbox.push import vapid_key
from pillarbox.world.blobs import release, sweep
from pillarbox.world.database import SchemaTooNew
from tests.kit.data_directory import LARGE, OpenDirectory, fill_directory, open_directory, put, write_blob
from tests.kit.people import NOW_MS
from tests.kit.stored_mail import octets


def back_up(data: OpenDirectory, to: Path, *, keep: int | None = None, after_ms: int = 0) -> BackupResult:
    return backup.make_backup(
        data.database,
        data.directory,
        to,
        keep=keep,
        now_ms=NOW_MS + after_ms,
        progress=lambda _done, _all: None,
    )


FORM = Form(SCHEMAS, "pillarbox.db", NOW_MS)


def bring_back(from_: Path, to: Path, point: str | None = None) -> RestoreResult:
    return restore_backup(from_, to, point=point, form=FORM, progress=lambda _done, _all: None)


def verify(folder: Path) -> VerifyReport:
    return backup.verify_backup(folder, folder.parent / "work", FORM, lambda _done, _all: None)


def contents(data: OpenDirectory) -> list[tuple[object, ...]]:
    """Everything that users see, octets included."""
    rows = data.rows(
        "SELECT p.account, m.name, p.uid, f.flags, f.modseq, e.blob FROM placements p"
        " JOIN flags f ON f.account = p.account AND f.mailbox = p.mailbox AND p.uid BETWEEN f.uid AND f.uid + f.more"
        " JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox"
        " JOIN emails e ON e.id = p.email ORDER BY 1, 2, 3"
    )
    return [(*row[:-1], data.database.read_now(data.blobs.read, row[-1])) for row in rows]


def test_a_backup_is_restored(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        (tmp_path / "data" / "tls").mkdir()
        key = tmp_path / "data" / "tls" / "key.pem"
        key.write_text("secret")
        key.chmod(0o600)
        before = contents(data)
        pushing = data.database.write_now(vapid_key.ensure, b"\1" * 32, now_ms=NOW_MS)
        made = back_up(data, tmp_path / "backup")
        assert made.damaged == ()
        assert made.new_octets <= made.octets
    bring_back(tmp_path / "backup", tmp_path / "again")
    with open_directory(tmp_path / "again") as again:
        assert contents(again) == before
        # without it, every subscription to notifications would be lost
        assert again.database.read_now(vapid_key.vapid_key) == pushing
        assert again.fsck().problems == []
    assert (tmp_path / "again" / "tls" / "key.pem").read_text() == "secret"
    assert (tmp_path / "again" / "tls" / "key.pem").stat().st_mode & 0o777 == 0o600
    names = {path.name for path in (tmp_path / "again").iterdir()}
    assert names <= {
        "pillarbox.db",
        "blobs",
        "tls",
        "pillarbox.db-gate",
        "pillarbox.db-turn",
        "pillarbox.db-open",
    }


def test_a_second_run_copies_only_new_blocks_and_points_stay_independent(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data", messages=60) as data:
        first = back_up(data, tmp_path / "backup")
        before = contents(data)
        unchanged = back_up(data, tmp_path / "backup", after_ms=60_000)
        put(data, octets("a new message"))
        data.database.write_now(write_blob(data.blobs, LARGE[::-1]).keep)
        after = contents(data)
        third = back_up(data, tmp_path / "backup", after_ms=120_000)
    assert unchanged.new_octets == 0
    assert len(LARGE) < third.new_octets < first.new_octets
    assert third.points == (first.point, unchanged.point, third.point)
    bring_back(tmp_path / "backup", tmp_path / "old", first.point)
    bring_back(tmp_path / "backup", tmp_path / "new")
    with open_directory(tmp_path / "old") as old, open_directory(tmp_path / "new") as new:
        assert contents(old) == before
        assert contents(new) == after


@pytest.mark.parametrize(
    "pause", ["log full", "log copied home", "log partly copied home", "log started again"]
)
def test_a_point_is_consistent_whatever_happens_to_the_write_ahead_log(
    tmp_path: Path, pause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing and checkpointing go on while the files are read; the copy is what was at the beginning."""
    with fill_directory(tmp_path / "data") as data, open_directory(tmp_path / "data") as other:
        checkpointer = apsw.Connection(str(tmp_path / "data" / "pillarbox.db"))

        def checkpoint() -> None:
            checkpointer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

        def partly() -> None:
            checkpoint()
            put(other, octets("in the log"))

        def again_from_its_start() -> None:
            checkpoint()
            put(other, octets("again"))
            checkpoint()

        before_states: dict[str, Callable[[], object]] = {
            "log full": lambda: None,
            "log copied home": checkpoint,
            "log partly copied home": partly,
            "log started again": again_from_its_start,
        }
        before_states[pause]()
        before = contents(data)
        copied = 0

        def meanwhile(_done: int, _all: int) -> None:
            nonlocal copied
            copied += 1
            put(other, octets(f"meanwhile {copied}" * 500))
            checkpoint()

        backup.make_backup(
            data.database, data.directory, tmp_path / "backup", keep=None, now_ms=NOW_MS, progress=meanwhile
        )
        assert copied > 3
        checkpointer.close()
        assert len(contents(data)) == len(before) + copied
    bring_back(tmp_path / "backup", tmp_path / "again")
    with open_directory(tmp_path / "again") as again:
        assert contents(again) == before
        assert again.fsck().problems == []


def test_files_of_messages_do_not_go_while_they_are_copied(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data, open_directory(tmp_path / "data") as other:
        before = contents(data)
        large = next(row for row in before if row[-1] == LARGE)

        def meanwhile(_done: int, _all: int) -> None:
            other.database.write_now(release, sha256(LARGE).digest())
            assert asyncio.run(sweep(other.blobs, other.database)) == 0

        backup.make_backup(
            data.database, data.directory, tmp_path / "backup", keep=None, now_ms=NOW_MS, progress=meanwhile
        )
        assert asyncio.run(sweep(other.blobs, other.database)) == 1
    bring_back(tmp_path / "backup", tmp_path / "again")
    with open_directory(tmp_path / "again") as again:
        assert large in contents(again)


def test_old_points_are_removed_with_the_blocks_that_only_they_needed(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        for number in range(4):
            extra = tmp_path / "data" / "extra"
            extra.write_bytes(os.urandom(2_000_000))
            made = back_up(data, tmp_path / "backup", keep=2, after_ms=number * 1000)
    assert len(made.points) == 2
    assert made.freed_octets >= 2_000_000
    packed = sum(path.stat().st_size for path in (tmp_path / "backup" / "packs").iterdir())
    assert packed < 4 * 2_000_000
    for number, name in enumerate(made.points):
        bring_back(tmp_path / "backup", tmp_path / f"again{number}", name)
        with open_directory(tmp_path / f"again{number}") as again:
            assert again.fsck().problems == []


def test_nothing_is_restored_over_mail(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        with pytest.raises(BackupRefused, match=r"move it away first: mv .*/data .*/data\.old"):
            bring_back(tmp_path / "backup", tmp_path / "data")


def test_a_pack_that_was_cut_is_made_good_by_the_next_run(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        (pack,) = (tmp_path / "backup" / "packs").iterdir()
        pack.write_bytes(pack.read_bytes()[:200_000])
        back_up(data, tmp_path / "backup", after_ms=1000)
    assert verify(tmp_path / "backup").sound


def test_a_run_that_dies_leaves_no_point_and_the_next_is_complete(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:

        def die(done: int, _all: int) -> None:
            if done > 200_000:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            backup.make_backup(
                data.database, data.directory, tmp_path / "backup", keep=None, now_ms=NOW_MS, progress=die
            )
        assert Points(tmp_path / "backup" / "points").names() == []
        (tmp_path / "backup" / "packs" / "000007.pack.unfinished").write_bytes(b"half")
        back_up(data, tmp_path / "backup")
    assert verify(tmp_path / "backup").sound


def test_a_full_disk_leaves_the_points_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fill_directory(tmp_path / "data") as data:
        back_up(data, tmp_path / "backup")
        put(data, octets("new"))

        def full(*_arguments: object) -> bytes:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Packs, "put", full)
            with pytest.raises(
                BackupRefused, match=r"No space left on device\. Its earlier points are unchanged"
            ):
                back_up(data, tmp_path / "backup", after_ms=1000)
        assert verify(tmp_path / "backup").sound
        assert len(back_up(data, tmp_path / "backup", after_ms=2000).points) == 2


def test_a_backup_of_a_newer_pillarbox_is_refused(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.damage("UPDATE schema_versions SET version = 99, compatible_back_to = 99 WHERE room = 'store'")
        back_up(data, tmp_path / "backup")
    with pytest.raises(SchemaTooNew):
        bring_back(tmp_path / "backup", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        with pytest.raises(BackupRefused, match="within the data directory"):
            back_up(data, tmp_path / "data" / "backup")
        made = back_up(data, tmp_path / "backup")
        with backup.open_backup(tmp_path / "backup"), pytest.raises(BackupRefused, match="Another backup"):
            back_up(data, tmp_path / "backup")
    with pytest.raises(NoSuchPoint, match=made.point):
        bring_back(tmp_path / "backup", tmp_path / "again", "yesterday")
    with pytest.raises(BackupRefused, match="There is no backup"):
        bring_back(tmp_path / "elsewhere", tmp_path / "again")


def test_a_pack_that_cannot_be_closed_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Packs) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Packs, "close", full)
        with pytest.raises(OSError, match="No space"), backup.open_backup(tmp_path / "backup", writing=True):
            pass
    with backup.open_backup(tmp_path / "backup", writing=True):
        pass


def test_packs_hold_blocks_once(tmp_path: Path) -> None:
    packs = Packs(tmp_path, writing=True)
    digests = [packs.put(bytes([number % 3]) * BLOCK_OCTETS) for number in range(9)]
    packs.finish()
    packs.close()
    again = Packs(tmp_path, writing=False)
    assert packs.written_octets == 3 * BLOCK_OCTETS
    assert again.get(digests[4]) == b"\x01" * BLOCK_OCTETS
    again.close()
    shutil.rmtree(tmp_path)


def test_links_for_a_new_password_are_gone_after_a_restore(tmp_path: Path) -> None:
    """One may have been used, replaced or ended since the backup was made."""
    digest, waiting = b"\1" * 32, b"\2" * 32
    with fill_directory(tmp_path / "data") as data:
        account = data.rows("SELECT id FROM accounts ORDER BY id")[0][0]
        new = NewLink(digest, MadeBy.OPERATOR, asks_factor=True, valid_ms=10**12)
        data.database.write_now(reset_links.make, account, new, now_ms=NOW_MS)
        data.database.write_now(recovery_addresses.begin, account, "a@far.example", waiting, now_ms=NOW_MS)
        data.database.write_now(recovery_addresses.confirm, waiting, now_ms=NOW_MS)
        data.database.write_now(recovery_addresses.begin, account, "b@far.example", waiting, now_ms=NOW_MS)
        back_up(data, tmp_path / "backup")
    bring_back(tmp_path / "backup", tmp_path / "again")
    with open_directory(tmp_path / "again") as again:
        assert again.database.read_now(reset_links.find, digest, now_ms=NOW_MS) is None
        assert again.database.read_now(recovery_addresses.find_waiting, waiting, now_ms=NOW_MS) is None
        left = again.database.read_now(recovery_addresses.get, account, now_ms=NOW_MS)
        assert left.address == "a@far.example", "what was confirmed is kept"


def test_browsers_are_signed_out_by_a_restore(tmp_path: Path) -> None:
    """One may have been signed out since the backup was made, and a sign-in completed: its passkey has answered."""
    with fill_directory(tmp_path / "data") as data:
        account = data.rows("SELECT id FROM accounts ORDER BY id")[0][0]
        opening = Opening(id="a", digest=bytes(32), method=Method.PASSWORD, agent="", address="", device=b"")
        data.database.write_now(
            browser_sessions.open_session, account, opening, now_ms=NOW_MS, expires_at_ms=NOW_MS + 1
        )
        step = NewStep(account, Purpose.SIGN_IN, challenge=b"x")
        data.database.write_now(sign_in_steps.begin, bytes(32), step, now_ms=NOW_MS)
        for name in (secrets.CHALLENGES, secrets.CREDENTIALS):
            data.database.write_now(secrets.ensure, name, bytes(secrets.SECRET_OCTETS))
        kept = data.database.read_now(secrets.find, secrets.CREDENTIALS)
        back_up(data, tmp_path / "backup")
    bring_back(tmp_path / "backup", tmp_path / "again")
    with open_directory(tmp_path / "again") as again:
        assert again.database.read_now(browser_sessions.find, bytes(32), now_ms=NOW_MS) is None
        assert again.database.read_now(sign_in_steps.find, bytes(32), now_ms=NOW_MS) is None
        assert again.database.read_now(secrets.find, secrets.CHALLENGES) is None, "or it could answer again"
        assert again.database.read_now(secrets.find, secrets.CREDENTIALS) == kept
