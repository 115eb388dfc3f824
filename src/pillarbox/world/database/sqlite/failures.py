"""SQLite's errors, as the exceptions that every engine raises."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from pillarbox.world.database.failures import (
    DatabaseDamaged,
    DatabaseFailure,
    DatabaseLocked,
    DatabaseUnavailable,
    RowRefused,
    StatementFailed,
)

_UNAVAILABLE = (
    apsw.FullError,
    apsw.IOError,
    apsw.NoMemError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.ProtocolError,
    apsw.InterruptError,
    apsw.PermissionsError,
)
"""The machine is at fault, not the statement."""
_LOCKED = (apsw.BusyError, apsw.LockedError)
_DAMAGED = (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError)
"""The file is. apsw raises the last where a text is not UTF-8, which Pillarbox never writes."""
_DAMAGED_INDEX = ("invalid fts5 file format", "vtable constructor failed")
"""In the texts of plain errors: how SQLite reports that it can't open a full-text index."""
_TABLE_MISSING = "no such table: "
_ROW_REFUSED = (apsw.ConstraintError, apsw.MismatchError)

RAISED = (apsw.Error, UnicodeDecodeError)
"""What running a statement and fetching its rows can raise."""


def translated(failure: Exception) -> DatabaseFailure:
    """The exception to raise instead, with SQLite's message."""
    text = str(failure)
    if isinstance(failure, _DAMAGED) or text.startswith(_DAMAGED_INDEX):
        return DatabaseDamaged(text)
    if isinstance(failure, _LOCKED):
        return DatabaseLocked(f"{text} by another program")
    if isinstance(failure, _UNAVAILABLE):
        return DatabaseUnavailable(text)
    if isinstance(failure, _ROW_REFUSED):
        return RowRefused(text)
    return StatementFailed(text)


def of_missing_table(failure: StatementFailed) -> DatabaseFailure:
    """Damage, where a table is missing: all are made when the database is opened, and none is ever dropped."""
    text = str(failure)
    if text.startswith(_TABLE_MISSING):
        return DatabaseDamaged(f"{text}: pillarbox fsck tells what to do")
    return failure


@contextmanager
def translated_failures() -> Iterator[None]:
    """Raise `DatabaseFailure` where SQLite raises an error of its own."""
    try:
        yield
    except RAISED as failure:
        raise translated(failure) from failure
