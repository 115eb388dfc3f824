"""`fsck`, a rebuild and a backup of mail that is destroyed and can be had again."""

from pathlib import Path

import pytest

from pillarbox.admin.backup import Form, make_backup, restore_backup
from pillarbox.admin.rebuild import rebuild_database
from pillarbox.app.database import SCHEMAS
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import email_set, emails, orphans, undo_keeping, undo_tokens, undoing
from pillarbox.store.undo_tokens import Undoable
from pillarbox.world.database import Transaction
from tests.kit.data_directory import OpenDirectory, fill_directory, open_directory
from tests.kit.people import NOW_MS

ANNA = AccountId(1)
TOKEN, REDO = bytes(16), b"1" * 16
FAR_MS = 2**50


def destroy(tx: Transaction) -> list[EmailId]:
    """Some emails of hers, until the end of time."""
    some = [
        EmailId(email)
        for (email,) in tx.rows("SELECT DISTINCT email FROM placements WHERE account = 1 LIMIT 3")
    ]
    was = undo_keeping.before(tx, ANNA, [], some)
    email_set.destroy_emails(tx, ANNA, some)
    undo_keeping.keep(tx, ANNA, Undoable(token=TOKEN, kept_ms=FAR_MS, most=5), was, [], now_ms=0)
    return some


def undo(data: OpenDirectory) -> set[EmailId]:
    redo = Undoable(token=REDO, kept_ms=FAR_MS, most=5)
    done = data.database.write_now(undoing.undo, ANNA, TOKEN, redo, valid_at_ms=1, now_ms=1)
    return set() if done is None else {*done.emails}


def sweep(data: OpenDirectory, *, now_ms: int = 1) -> None:
    while data.database.write_now(undo_tokens.sweep, now_ms=now_ms) or data.database.write_now(orphans.sweep):
        pass


def test_what_is_held_is_sound_and_comes_back_after_a_restart(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        some = data.database.write_now(destroy)
        sweep(data)
        assert data.fsck().sound
    with open_directory(tmp_path / "data") as data:
        assert undo(data) == {*some}
        assert data.database.read_now(emails.visible, ANNA, some) == {*some}
        assert data.fsck().sound


def test_what_has_ended_goes_without_a_trace(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        data.database.write_now(destroy)
        sweep(data, now_ms=FAR_MS)
        assert data.rows("SELECT * FROM undo_emails") == []
        assert data.fsck().sound


@pytest.mark.parametrize("table", ["undo_tokens", "undo_emails"])
def test_without_rows_nothing_is_held(tmp_path: Path, table: str) -> None:
    """Without its token, nobody can have it again; where only the token is left, it may not have been meant to go."""
    with fill_directory(tmp_path / "data") as data:
        some = data.database.write_now(destroy)
        data.damage(f"DELETE FROM {table}")
        assert not data.fsck().sound
        data.repair()
        assert data.fsck().sound
        assert undo(data) == set()
        sweep(data)
        recovered = data.value("SELECT messages FROM mailboxes WHERE account = 1 AND name = 'Recovered'")
        assert recovered == (None if table == "undo_tokens" else len(some))
        assert data.fsck().sound


def test_a_backup_has_what_can_be_had_again(tmp_path: Path) -> None:
    form = Form(SCHEMAS, "pillarbox.db", NOW_MS)
    with fill_directory(tmp_path / "data") as data:
        some = data.database.write_now(destroy)
        make_backup(
            data.database,
            data.directory,
            tmp_path / "backup",
            keep=None,
            now_ms=NOW_MS,
            progress=lambda *_: None,
        )
    restore_backup(tmp_path / "backup", tmp_path / "again", point=None, form=form, progress=lambda *_: None)
    with open_directory(tmp_path / "again") as again:
        assert again.fsck().sound
        assert undo(again) == {*some}
        assert again.fsck().sound


def test_a_rebuild_keeps_what_can_be_had_again(tmp_path: Path) -> None:
    with fill_directory(tmp_path / "data") as data:
        some = data.database.write_now(destroy)
    done = rebuild_database(tmp_path / "data" / "pillarbox.db", data.context, SCHEMAS, lambda _what: None)
    assert (done.problems, done.lost) == ((), ())
    with open_directory(tmp_path / "data") as again:
        assert undo(again) == {*some}
        assert again.fsck().sound
