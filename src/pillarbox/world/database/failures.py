"""How a database fails, whichever engine is behind it.

    DatabaseFailure
    ├── DatabaseUnavailable     the machine is at fault; try later
    │   ├── DatabaseDamaged     an operator must repair it
    │   │   └── ValuesDamaged   rows can be read, and have values that nobody wrote
    │   ├── DatabaseMissing     there is none where one should be
    │   └── DatabaseLocked      another program has locked it
    └── StatementFailed         the statement is at fault
        └── RowRefused          a constraint or a column's type refuses the row
    DatabaseInUse, SchemaTooNew   the database can't be opened now, or not by this version

An engine raises these instead of its own exceptions, which it keeps as their `__cause__`.
"""


class DatabaseFailure(Exception):
    """The database could not do what was asked of it."""


class DatabaseUnavailable(DatabaseFailure):
    """The disk is full, the database is locked or gone: try later. Transient in every protocol."""


class DatabaseDamaged(DatabaseUnavailable):
    """The engine can't read its own files: trying later does not help; an operator has to repair them."""


class ValuesDamaged(DatabaseDamaged):
    """Rows have values that were never written, of a wrong type perhaps: `fsck --repair` mends them."""


class DatabaseMissing(DatabaseUnavailable):
    """There is no database where one should be: the file is missing or empty, or another has taken its place."""


class DatabaseLocked(DatabaseUnavailable):
    """Another program has locked the database for longer than anybody waits."""


class StatementFailed(DatabaseFailure):
    """The statement can't be run: a programming error, or a table that is missing."""


class RowRefused(StatementFailed):
    """A constraint, or the type of a column, refuses a row."""


class DatabaseInUse(Exception):
    """Another process has the database open, or has it open exclusively."""


class SchemaTooNew(Exception):
    """The database was written by a newer Pillarbox, and this one can't read it safely."""
