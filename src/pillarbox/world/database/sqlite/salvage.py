"""Reading what can be read of a damaged database, and putting a new one into its place.

SQLite stops at a page that it can't decode. A table is a tree ordered by its key, so the rows behind such a page
are reached by asking for keys beyond it: in growing steps until a row can be read, then by bisection, to lose no
more than was damaged. Tables whose key is not a number are read from both ends.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from pillarbox.world.database.failures import RowRefused
from pillarbox.world.database.sqlite.database import SqliteDatabase
from pillarbox.world.database.sqlite.failures import RAISED, translated_failures
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from pillarbox.world.database.transaction import Transaction
from pillarbox.world.durable import flush_folder

P = ParamSpec("P")
T = TypeVar("T")

_LARGEST = 2**63 - 1
ROWS_AT_ONCE = 1_000
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table as this code creates it."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """The columns by which it is ordered."""
    stepped: int
    """How many columns of the key, from its start, are integers."""
    texts: frozenset[str]
    """Columns of text."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How much of a table was copied."""

    table: str
    rows: int
    gaps: int
    """Places at which something could not be read."""


def tables_of(database: SqliteDatabase) -> list[Table]:
    """All ordinary tables, without those of the full-text index and of the versions."""
    tx = database._writer.transaction  # noqa: SLF001 - same package
    names = [
        name
        for (name,) in tx.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        )
        if not name.startswith(("search_", "sqlite_")) and name != "schema_versions"
    ]
    return [_table(name, tx.rows(f"PRAGMA table_info({name})")) for name in names]


def _table(name: str, info: list[Row]) -> Table:
    """`info`: place, name, type, not null, default, place in the key."""
    key = tuple(row[1] for row in sorted((row for row in info if row[5]), key=lambda row: int(row[5])))
    kinds = {row[1]: row[2] for row in info}
    stepped = next((place for place, column in enumerate(key) if kinds[column] != "INTEGER"), len(key))
    texts = frozenset(column for column, kind in kinds.items() if kind == "TEXT")
    return Table(name, tuple(row[1] for row in info), key or ("rowid",), stepped if key else 1, texts)


class Damaged:
    """A database of which not all can be read."""

    def __init__(self, path: Path) -> None:
        """Raises `DatabaseUnavailable` where nothing can be read at all."""
        with translated_failures():
            self._connection = apsw.Connection(str(path))
            try:
                # Lets SQLite read a file that is shorter than its header says
                self._connection.pragma("writable_schema", True)
                self._connection.pragma("query_only", True)
                self._present = {name: self._columns(name) for name in self._names()}
            except BaseException:
                self._connection.close()
                raise

    def _names(self) -> list[str]:
        """The tables that there are, as far as the list of them can be read, which has pages of its own.

        To ask a virtual table for its columns opens it, which its own damage can forbid.
        """
        rows: Iterable[tuple[Any, ...]] = self._connection.execute(
            "SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
        )
        names = list[str]()
        try:
            names.extend(_decoded(row[0]) for row in rows)
        except RAISED:
            if not names:
                raise
        return names

    def _columns(self, table: str) -> set[str]:
        """None where the definition of the table is damaged."""
        try:
            return {
                str(row[1])
                for row in self._connection.execute("SELECT * FROM pragma_table_info(?)", (table,))
            }
        except RAISED:
            return set()

    def read(
        self, verb: Callable[Concatenate[Transaction, P], T], *arguments: P.args, **keywords: P.kwargs
    ) -> T:
        """Run a verb that only reads. Raises what the verb raises."""
        return verb(SqliteTransaction(self._connection), *arguments, **keywords)

    def versions(self) -> dict[str, int]:
        """The versions of its tables; empty where that can't be read."""
        try:
            rows = self._connection.execute("SELECT room, version FROM schema_versions").fetchall()
            return {str(room): int(str(version)) for room, version in rows if int(str(version)) > 0}
        except (*RAISED, ValueError):
            return {}

    def damage(self) -> list[str]:
        """What SQLite finds wrong with it."""
        try:
            lines = [str(line) for (line,) in self._connection.execute("PRAGMA integrity_check(10)")]
        except RAISED as failure:
            return [str(failure)]
        return [] if lines == ["ok"] else lines

    def copy(self, table: Table, into: SqliteDatabase) -> Copied:
        """Copy what can be read of a table. Raises `DatabaseUnavailable` where the new database can't take it."""
        columns = tuple(column for column in table.columns if column in self._present.get(table.name, ()))
        if not columns:
            return Copied(table.name, 0, 1)
        reading = _Reading(self._connection, table, columns)
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT OR REPLACE INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names from the schema
        rows = refused = 0
        batch: list[Row] = []
        for row in reading.rows():
            batch.append(row)
            if len(batch) >= ROWS_AT_ONCE:
                rows, refused = rows + len(batch), refused + _insert(into, statement, batch)
                batch = []
        refused += _insert(into, statement, batch)
        return Copied(table.name, rows + len(batch) - refused, reading.gaps + refused)

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def _insert(into: SqliteDatabase, statement: str, batch: list[Row]) -> int:
    """Insert rows; return how many were refused: a damaged page may yield rows that break a constraint."""
    try:
        into.write_now(_insert_all, statement, batch)
    except RowRefused:
        return sum(into.write_now(_refuses, statement, row) for row in batch)
    return 0


def _insert_all(tx: Transaction, statement: str, batch: list[Row]) -> None:
    tx.execute_many(statement, batch)


def _refuses(tx: Transaction, statement: str, row: Row) -> bool:
    try:
        tx.execute(statement, row)
    except RowRefused:
        return True
    return False


class _Reading:
    """One table, from its first readable row to its last."""

    def __init__(self, connection: apsw.Connection, table: Table, columns: tuple[str, ...]) -> None:
        self._connection = connection
        self._table = table
        self._key = ", ".join(table.key)
        # Texts as octets: damage can make them something else than UTF-8
        read = [
            f"CAST({column} AS BLOB)" if column in table.texts else column
            for column in (*table.key, *columns)
        ]
        self._select = f"SELECT {', '.join(read)} FROM {table.name}"  # noqa: S608 - names from the schema
        self._texts = [place for place, column in enumerate(columns) if column in table.texts]
        self._last: Row | None = None
        self.gaps = 0

    def rows(self) -> Iterator[Row]:
        """All that can be read; each row once."""
        start: tuple[str, Row] = ("", ())
        while (yield from self._forwards(*start)):
            self.gaps += 1
            beyond = self._beyond()
            if beyond is None:
                yield from self._backwards()
                return
            start = beyond

    def _forwards(self, where: str, values: Row) -> Generator[Row, None, bool]:
        """Rows from there on; the generator returns whether it met damage."""
        width = len(self._table.key)
        try:
            for row in self._connection.execute(f"{self._select} {where} ORDER BY {self._key}", values):
                if not self._ascends(row[:width]):
                    return True
                self._last = row[:width]
                yield self._with_texts(row[width:])
        except RAISED:
            return True
        return False

    def _ascends(self, key: Row) -> bool:
        """Whether this can be the key of the next row: what is missing can pass for rows, which begin again."""
        if not all(isinstance(value, int) for value in key[: self._table.stepped]):
            return False
        try:
            return self._last is None or key > self._last
        except TypeError:  # of another kind than the last one
            return False

    def _backwards(self) -> Iterator[Row]:
        """Rows from the end back to the damage: for keys that are not numbers."""
        width = len(self._table.key)
        order = ", ".join(f"{column} DESC" for column in self._table.key)
        try:
            for row in self._connection.execute(f"{self._select} ORDER BY {order}"):
                if not self._ascends(row[:width]):
                    return
                yield self._with_texts(row[width:])
        except RAISED:
            return

    def _with_texts(self, row: Row) -> Row:
        """The row with its texts decoded; what is no UTF-8 in them is replaced, and counts as a gap."""
        if not self._texts:
            return row
        values = list(row)
        try:
            for place in self._texts:
                values[place] = values[place] if values[place] is None else values[place].decode()
        except UnicodeDecodeError:
            self.gaps += 1
            for place in self._texts:
                values[place] = _decoded(row[place]) if isinstance(row[place], bytes) else row[place]
        return tuple(values)

    def _beyond(self) -> tuple[str, Row] | None:
        """Where to continue behind the damage: the least step, in the last column of the key that allows one."""
        for level in range(self._table.stepped, 0, -1):
            columns = self._table.key[:level]
            fixed = self._last[: level - 1] if self._last else (0,) * (level - 1)
            at = int(self._last[level - 1]) if self._last else -1
            where = (
                "WHERE " + "".join(f"{column} = ? AND " for column in columns[:-1]) + f"{columns[-1]} >= ?"
            )
            first = _first_readable(at, lambda value, w=where, f=fixed: self._readable(w, (*f, value)))  # type: ignore[misc] # bound early on purpose
            if first is not None:
                return where, (*fixed, first)
        return None

    def _readable(self, where: str, values: Row) -> bool | None:
        """Whether the next row can be read there; `None`: there is no row.

        One whose key is no number does not count: it is above every number, and would be met there again and again.
        """
        try:
            found = self._connection.execute(
                f"{self._select} {where} ORDER BY {self._key} LIMIT 1", values
            ).fetchall()
        except RAISED:
            return False
        return self._ascends(found[0][: len(self._table.key)]) if found else None


def _decoded(octets: bytes) -> str:
    return octets.decode(errors="replace")


def _first_readable(at: int, readable: Callable[[int], bool | None]) -> int | None:
    """The least value above `at` from which rows can be read again; `None` if there is none."""
    step = 1
    while at + step < _LARGEST:
        found = readable(at + step)
        if found is None:
            return None
        if found:
            low, high = at + step // 2, at + step  # the former failed, unless step is 1
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if readable(middle) else (middle, high)
            return high
        step *= 2
    return None


def put_in_place(path: Path, new: Path, old_copy: Path) -> None:
    """Replace the database by `new`, which is closed and complete; the old one with its log stays as `old_copy`.

    The old log is renamed first: SQLite would otherwise replay it into the new file. A crash in between leaves both
    under the name of `old_copy`; `take_back` reverts that. Raises OSError.
    """
    if path.exists():
        os.link(path, old_copy)
    log = Path(f"{path}-wal")
    if log.exists():
        log.rename(f"{old_copy}-wal")
    Path(f"{path}-shm").unlink(missing_ok=True)
    flush_folder(path.parent)
    new.replace(path)
    flush_folder(path.parent)


def take_back(path: Path, old_copies: Iterable[Path]) -> None:
    """Revert a `put_in_place` that was interrupted."""
    if not path.exists():
        return
    for old_copy in old_copies:
        log = Path(f"{old_copy}-wal")
        if old_copy.exists() and old_copy.samefile(path):
            if log.exists():
                log.rename(f"{path}-wal")
            old_copy.unlink()
            flush_folder(path.parent)
