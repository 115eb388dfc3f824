"""A new database from what can be read of the old one.

Four steps: copy every readable row into a new file; adopt octets that lost their rows, and link rows that lost their
email; render summaries and thread keys from the octets; repair counts, the change log and the rest as `fsck` does.
The search index starts empty and is filled while mail is served. Only when the new file is complete and checked does
it replace the old one, which is kept next to it: a rebuild that dies, or finds the disk full, has changed nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pillarbox.admin import fsck
from pillarbox.admin.fsck import Problem, RepairContext, loss
from pillarbox.admin.fsck.cross_room import adopt_every_file
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.admin.rebuild import emails
from pillarbox.admin.rebuild.emails import RenderedEmails
from pillarbox.store.search import index
from pillarbox.world.blobs import require_files
from pillarbox.world.database import DatabaseDamaged, Schema
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.database.sqlite.log_damage import mend_log_alone
from pillarbox.world.database.sqlite.presence import Presence, require_file
from pillarbox.world.database.sqlite.salvage import Copied, Damaged, put_in_place, tables_of, take_back

Progress = Callable[[str], None]
"""Called with what is done next."""

_NEEDED_FOR_LINKING = {"octets-have-blob", "blob-exists"}
"""Invariants that are repaired before emails are linked again, which needs all blobs to have rows."""


class CannotRebuild(Exception):
    """The old database can't be rebuilt. The text says what to do."""


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """What a rebuild has done."""

    damage: tuple[str, ...]
    """What SQLite found wrong with the old database."""
    tables: tuple[Copied, ...]
    relinked: int
    """Messages whose rows were lost and whose octets were found."""
    lost: tuple[str, ...]
    """Messages of which neither octets nor rendered data were left: account, mailbox, UID and date of each."""
    emails: RenderedEmails
    repaired: tuple[str, ...]
    """Names of the invariants whose violations were repaired."""
    problems: tuple[Problem, ...]
    """Problems that are left."""
    old_database: str
    """Path to which the old database was moved."""
    log_damage: str = ""
    """What was wrong with its write-ahead log."""

    @property
    def rows(self) -> int:
        """Rows copied."""
        return sum(table.rows for table in self.tables)


@may(OPERATOR)
def rebuild_database(
    path: Path, context: RepairContext, schemas: Iterable[Schema], progress: Progress
) -> RebuildResult:
    """Rebuild the database.

    Raises `DatabaseInUse`, `CannotRebuild`, `DatabaseUnavailable` (`DatabaseMissing` and `FilesMissing` included), or
    OSError.
    """
    require_file(path)
    presence = Presence(path, alone=True)
    try:
        moved = [file for file in path.parent.glob(f"{path.name}.damaged-*") if file.suffix != ".db-wal"]
        take_back(path, moved)
        log_damage = mend_log_alone(path)
        done = _rebuild(path, context, tuple(schemas), progress)
        return replace(done, log_damage=log_damage.text if log_damage else "")
    finally:
        presence.end()


def _rebuild(
    path: Path, context: RepairContext, schemas: tuple[Schema, ...], progress: Progress
) -> RebuildResult:
    folder = path.with_name(f"{path.name}.rebuilding")
    new = folder / path.name
    _remove(folder)
    folder.mkdir(mode=0o700)
    try:
        old = _open_old(path, schemas)
        try:
            if context.blobs.directory is not None:
                old.read(require_files, context.blobs.directory)
            progress("reading every page")
            damage = tuple(old.damage())
            tables = _copy(old, new, _as_found(old, schemas), progress)
        finally:
            old.close()
        database = open_database(new, schemas)
        try:
            rest = _complete(database, tables, context, schemas, progress)
        finally:
            database.close_now()
        moved_to = path.with_name(f"{path.name}.damaged-{_stamp(context.now_ms)}")
        put_in_place(path, new, moved_to)
    finally:
        _remove(folder)
    return RebuildResult(damage, *rest, str(moved_to))


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _stamp(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _open_old(path: Path, schemas: tuple[Schema, ...]) -> Damaged:
    try:
        old = Damaged(path)
    except DatabaseDamaged as failure:
        raise CannotRebuild(
            f"Nothing of {path} can be read ({failure}). Move the data directory away and restore a backup:"
            " pillarbox restore DIRECTORY. Without a backup, begin again: move the configuration file away as well,"
            " then pillarbox init DOMAIN"
        ) from failure
    found = old.versions()
    newer = [schema.room for schema in schemas if found.get(schema.room, 0) > schema.version]
    if newer:
        old.close()
        raise CannotRebuild(
            f"The tables of {', '.join(newer)} were written by a newer Pillarbox. Rebuild with that one."
        )
    return old


def _as_found(old: Damaged, schemas: tuple[Schema, ...]) -> tuple[Schema, ...]:
    """The schemas as of the versions found: what was copied is then brought up to date as in any database."""
    found = old.versions()
    return tuple(
        replace(schema, migrations=schema.migrations[: found.get(schema.room) or schema.version])
        for schema in schemas
    )


def _copy(old: Damaged, new: Path, schemas: tuple[Schema, ...], progress: Progress) -> tuple[Copied, ...]:
    """Make the new database, with these tables, and copy into it what can be read."""
    database = open_database(new, schemas, create=True)
    try:
        tables = []
        for table in tables_of(database):
            progress(f"copying {table.name}")
            tables.append(old.copy(table, database))
        return tuple(tables)
    finally:
        database.close_now()


def _complete(
    new: SqliteDatabase,
    tables: tuple[Copied, ...],
    context: RepairContext,
    schemas: tuple[Schema, ...],
    progress: Progress,
) -> tuple[tuple[Copied, ...], int, tuple[str, ...], RenderedEmails, tuple[str, ...], tuple[Problem, ...]]:
    new.write_now(index.start_over)
    progress("adopting octets without a row")
    for invariant in fsck.every_invariant(context):
        if invariant.name in _NEEDED_FOR_LINKING:
            new.write_now(invariant.run_repair)
    if any(table.gaps for table in tables):
        new.write_now(adopt_every_file, context)
    relinked = emails.relink(new, context.blobs)
    lost = tuple(new.write_now(loss.remove_without_octets))
    rendered = RenderedEmails(0, 0)
    for rendered in emails.render_all(new, context.blobs):
        progress(f"reading messages: {rendered.rendered}")
    repaired = fsck.repair(new, context, schemas, lambda what: progress(f"repairing {what}"))
    progress("checking everything")
    report = new.read_now(fsck.check, context, schemas)
    return tables, relinked, lost, rendered, tuple(repaired), tuple(report.problems)
