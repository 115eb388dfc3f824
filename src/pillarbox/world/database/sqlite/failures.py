"""SQLite's errors, as the exceptions that every engine raises."""

from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from pillarbox.world.database.failures import (
    DatabaseDamaged,
    DatabaseFailure,
    DatabaseUnavailable,
    RowRefused,
    StatementFailed,
)

_UNAVAILABLE = (
    apsw.FullError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.IOError,
    apsw.NoMemError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.ProtocolError,
    apsw.InterruptError,
    apsw.PermissionsError,
)
"""The machine is at fault, not the statement."""
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_ROW_REFUSED = (apsw.ConstraintError, apsw.MismatchError)


def translated(failure: apsw.Error) -> DatabaseFailure:
    """The exception to raise instead, with SQLite's message."""
    if isinstance(failure, _DAMAGED):
        return DatabaseDamaged(str(failure))
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
    except apsw.Error as failure:
        raise translated(failure) from failure
