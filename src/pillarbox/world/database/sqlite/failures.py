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
_ROW_REFUSED = (apsw.ConstraintError, apsw.MismatchError)


RAISED = (apsw.Error, UnicodeDecodeError)
"""What running a statement and fetching its rows can raise."""


def translated(failure: Exception) -> DatabaseFailure:
    """The exception to raise instead, with SQLite's message."""
    if isinstance(failure, _DAMAGED):
        return DatabaseDamaged(str(failure))
    if isinstance(failure, _LOCKED):
        return DatabaseLocked(f"{failure} by another program")
    if isinstance(failure, _UNAVAILABLE):
        return DatabaseUnavailable(str(failure))
    if isinstance(failure, _ROW_REFUSED):
        return RowRefused(str(failure))
    return StatementFailed(str(failure))


@contextmanager
def translated_failures() -> Iterator[None]:
    """Raise `DatabaseFailure` where SQLite raises an error of its own."""
    try:
        yield
    except RAISED as failure:
        raise translated(failure) from failure
