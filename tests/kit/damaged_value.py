"""Putting a value that nobody wrote into a row, as a damaged page would have it: of whatever type, and NULL."""

from pathlib import Path

import apsw

VALUES = ("'zz'", "x'ff00'", "NULL", "1.5", "-7", "9223372036854775807")
"""As SQL."""


def columns(folder: Path) -> dict[str, list[str]]:
    """The columns of every table that has rows, but those of the search index."""
    connection = apsw.Connection(str(folder / "pillarbox.db"))
    found: dict[str, list[str]] = {}
    for (table,) in list(connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")):
        name = str(table)
        if (
            not name.startswith(("sqlite", "search_index"))
            and connection.execute(f"SELECT count(*) FROM {name}").get
        ):
            found[name] = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({name})")]
    connection.close()
    return found


def put_value(folder: Path, table: str, column: str, value: str) -> bool:
    """Damage a row of a table, of the first account; whether SQLite can keep this value there at all."""
    connection = apsw.Connection(str(folder / "pillarbox.db"))
    (sql,) = next(connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)))
    if value == "NULL":
        connection = _redefined(folder, connection, table, str(sql).replace(" NOT NULL", ""))
    key = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    key, among = (key, 2) if "WITHOUT ROWID" in str(sql) else (["rowid"], 1)
    rows = list(connection.execute(f"SELECT {', '.join(key)} FROM {table} ORDER BY 1 LIMIT {among}"))
    where = " AND ".join(f"{name} = ?" for name in key)
    try:
        connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {where}", rows[-1])
    except (apsw.MismatchError, apsw.ConstraintError):
        return False
    finally:
        if value == "NULL":
            connection = _redefined(folder, connection, table, str(sql))
        connection.close()
    return True


def _redefined(folder: Path, connection: apsw.Connection, table: str, sql: str) -> apsw.Connection:
    """The database with another definition of a table, opened anew."""
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, table))
    connection.close()
    return apsw.Connection(str(folder / "pillarbox.db"))
