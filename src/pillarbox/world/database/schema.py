"""Numbered forward migrations, room by room.

Each transactional room owns its tables and declares them by a `Schema`. The table `schema_versions` records, for
each room, the number of migrations applied and how far back the code may be rolled.

Always true: a database whose tables are too new for this code is refused; all missing migrations are applied in
one transaction, or none; a database that holds something is copied before it is changed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.world.database.failures import SchemaTooNew, StatementFailed, ValuesDamaged
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one room.

    `migrations`: SQL scripts in order; version *n* is the state after the *n*-th. A released one is never edited,
    only followed by another. `compatible_back_to`: the oldest version whose code can still work on the newest
    tables.
    """

    room: str
    migrations: tuple[str, ...]
    compatible_back_to: int = 1

    @property
    def version(self) -> int:
        """The version that this code expects."""
        return len(self.migrations)


_VERSIONS_TABLE = """
CREATE TABLE IF NOT EXISTS schema_versions (
  room TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  compatible_back_to INTEGER NOT NULL
)"""


_MAX_VERSION: Final = 10_000
_DAMAGED: Final = "the versions of its tables, in schema_versions, are damaged: pillarbox rebuild mends them"


def _is_version(value: object) -> bool:
    return type(value) is int and 0 < value <= _MAX_VERSION


def statements(script: str) -> Iterator[str]:
    """The statements of a migration, which end in a semicolon and a line break."""
    return (statement for statement in script.split(";\n") if statement.strip())


def pending(tx: Transaction, schemas: Iterable[Schema]) -> list[tuple[Schema, int]]:
    """The rooms whose tables are older than this code, each with the version found (0: no tables).

    Raises `SchemaTooNew` where this code can't work on a room's tables, `ValuesDamaged` where no code could.
    """
    tx.execute(_VERSIONS_TABLE)
    rows = tx.rows("SELECT * FROM schema_versions")
    if any(type(room) is not str or not (_is_version(one) and _is_version(two)) for room, one, two in rows):
        raise ValuesDamaged(_DAMAGED)
    found = {room: (version, back_to) for room, version, back_to in rows}
    behind = []
    for schema in schemas:
        version, back_to = found.get(schema.room, (0, 0))
        if back_to > schema.version:
            raise SchemaTooNew(
                f"the tables of '{schema.room}' have version {version} and can be used by code of version "
                f"{back_to} or later; this Pillarbox has {schema.version}. Start the newer Pillarbox, or "
                "restore the copy that was made before the upgrade."
            )
        if version < schema.version:
            behind.append((schema, version))
    return behind


def migrate(tx: Transaction, behind: Iterable[tuple[Schema, int]]) -> None:
    """Apply what is missing. Raises `ValuesDamaged` where tables are there of which no version is known."""
    for schema, version in behind:
        for script in schema.migrations[version:]:
            for statement in statements(script):
                try:
                    tx.execute(statement)
                except StatementFailed as failure:
                    if not version:  # they are there
                        raise ValuesDamaged(_DAMAGED) from failure
                    raise
        tx.execute(
            "INSERT INTO schema_versions VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE"
            " SET version = excluded.version, compatible_back_to = excluded.compatible_back_to",
            (schema.room, schema.version, schema.compatible_back_to),
        )
