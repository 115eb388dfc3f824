"""A new database from what can be read of the old one, and everything that is derived anew from the messages.

Four steps: copy every row that can be read into a new file; take up octets that lost their rows, and rows that
lost their links; render summaries and threads from the octets; mend counts, log and the rest as `fsck` does. The
search index starts empty and fills itself while mail is served. Only when the new file is whole and sound
does it take the old one's place, which stays beside it: a rebuild that dies, or finds the disk full, has
changed nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pillarbox.admin import fsck
from pillarbox.admin.fsck import Problem, RepairContext
from pillarbox.admin.rebuild import emails
from pillarbox.admin.rebuild.emails import Rendered
from pillarbox.world.database import DatabaseUnavailable, Schema
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from pillarbox.world.database.sqlite.presence import Presence
from pillarbox.world.database.sqlite.salvage import Copied, Damaged, put_in_place, tables_of, take_back

__all__ = ["CannotRebuild", "Rebuilt", "rebuild"]

Progress = Callable[[str], None]
"""Hears what is done next."""


class CannotRebuild(Exception):
    """Nothing can be made of what is there. The text says what to do."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has done."""

    trouble: tuple[str, ...]
    """What SQLite found wrong with the old database."""
    tables: tuple[Copied, ...]
    linked_again: int
    """Messages whose rows were lost and whose octets were found."""
    dropped: int
    """Messages of which nothing was left."""
    emails: Rendered
    repaired: tuple[str, ...]
    problems: tuple[Problem, ...]
    """What is still not as it must be."""
    aside: str
    """Where the old database is."""

    @property
    def rows(self) -> int:
        """Rows copied."""
        return sum(table.rows for table in self.tables)


def rebuild(path: Path, context: RepairContext, schemas: Iterable[Schema], progress: Progress) -> Rebuilt:
    """Make the database anew. Raises `DatabaseInUse`, `CannotRebuild`, `DatabaseUnavailable` or OSError."""
    if not path.exists():
        raise CannotRebuild(f"There is no database at {path}. To have one back: pillarbox restore")
    presence = Presence(path, alone=True)
    try:
        take_back(
            path, [one for one in path.parent.glob(f"{path.name}.damaged-*") if one.suffix != ".db-wal"]
        )
        return _rebuild(path, context, tuple(schemas), progress)
    finally:
        presence.end()


def _rebuild(path: Path, context: RepairContext, schemas: tuple[Schema, ...], progress: Progress) -> Rebuilt:
    folder = path.with_name(f"{path.name}.rebuilding")
    new = folder / path.name
    _remove(folder)
    folder.mkdir(mode=0o700)
    try:
        old = _opened(path, schemas)
        try:
            progress("reading every page")
            trouble = tuple(old.damage())
            database = open_database(new, schemas)
            try:
                rest = _fill(old, database, context, schemas, progress)
            finally:
                database.close_now()
        finally:
            old.close()
        aside = path.with_name(f"{path.name}.damaged-{_stamp(context.now_ms)}")
        put_in_place(path, new, aside)
    finally:
        _remove(folder)
    return Rebuilt(trouble, *rest, str(aside))


def _remove(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _stamp(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _opened(path: Path, schemas: tuple[Schema, ...]) -> Damaged:
    try:
        old = Damaged(path)
    except DatabaseUnavailable as failure:
        raise CannotRebuild(
            f"Nothing of {path} can be read ({failure}). Move the data directory away and take it from a backup:"
            " pillarbox restore"
        ) from failure
    found = old.versions()
    other = [schema.room for schema in schemas if found.get(schema.room, schema.version) != schema.version]
    if other:
        old.close()
        raise CannotRebuild(
            f"The tables of {', '.join(other)} were written by another version of Pillarbox."
            " Rebuild with that one, then upgrade."
        )
    return old


def _fill(
    old: Damaged, new: SqliteDatabase, context: RepairContext, schemas: tuple[Schema, ...], progress: Progress
) -> tuple[tuple[Copied, ...], int, int, Rendered, tuple[str, ...], tuple[Problem, ...]]:
    tables = []
    for table in tables_of(new):
        progress(f"copying {table.name}")
        tables.append(old.copy(table, new))
    new.write_now(lambda tx: tx.execute("UPDATE ledgers SET indexed_email = account << 36"))
    progress("looking for octets that lost their rows")
    for invariant in fsck.every_invariant(context):
        if invariant.name in _FIRST:
            new.write_now(invariant.run_repair)
    linked = emails.link_again(new, context.blobs)
    dropped = new.write_now(emails.drop_lost)
    done = Rendered(0, 0)
    for done in emails.render_all(new, context.blobs):
        progress(f"reading messages: {done.rendered}")
    repaired = fsck.repair(new, context, schemas, lambda what: progress(f"repairing {what}"))
    progress("looking at everything")
    report = new.read_now(fsck.check, context, schemas)
    return tuple(tables), linked, dropped, done, tuple(repaired), tuple(report.problems)


_FIRST = {"octets-have-blob", "blob-exists"}
"""Repaired before messages are linked again, which needs all blobs to be known."""
