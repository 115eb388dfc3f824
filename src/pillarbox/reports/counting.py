"""Counting what a report will say, row by row, for a domain and a day."""

from typing import Final, NamedTuple

from pillarbox.reports.kind import ReportKind
from pillarbox.world.database import Transaction

DAY_S: Final = 86_400
MAX_ROWS: Final = 2_000
"""Different rows for one domain and day; what else is seen then is not reported."""
MAX_ROW_CHARACTERS: Final = 4_000
MAX_RECORD_CHARACTERS: Final = 8 * 1024


class Counted(NamedTuple):
    """What is to be reported to a domain."""

    kind: ReportKind
    domain: str
    day: int
    """Since 1970, in UTC."""
    record: str
    """The policy record that was seen last; empty where that is no matter."""


def count(
    tx: Transaction, kind: ReportKind, domain: str, row: str, *, now_ms: int, record: str = "", times: int = 1
) -> None:
    """Count a row."""
    day = now_ms // 1000 // DAY_S
    if len(row) > MAX_ROW_CHARACTERS or len(record) > MAX_RECORD_CHARACTERS:
        return
    if tx.execute(
        "UPDATE counted_rows SET count = count + ? WHERE kind = ? AND domain = ? AND day = ? AND row = ?",
        (times, kind, domain, day, row),
    ):
        return
    rows = tx.value(
        "INSERT INTO counted_domains VALUES (?, ?, ?, ?, 1) ON CONFLICT (kind, domain, day) DO UPDATE"
        " SET rows = rows + 1, record = excluded.record RETURNING rows",
        (kind, domain, day, record),
    )
    if rows <= MAX_ROWS:
        tx.execute("INSERT INTO counted_rows VALUES (?, ?, ?, ?, ?)", (kind, domain, day, row, times))


def before(
    tx: Transaction, day: int, *, limit: int, after: tuple[str, str, int] = ("", "", 0)
) -> list[Counted]:
    """What was counted before a day, in order of kind, domain and day, from behind `after` on."""
    found = tx.rows(
        "SELECT kind, domain, day, record FROM counted_domains"
        " WHERE day < ? AND (kind, domain, day) > (?, ?, ?) ORDER BY kind, domain, day LIMIT ?",
        (day, *after, limit),
    )
    return [Counted(ReportKind(kind), domain, at, record) for kind, domain, at, record in found]


def rows(tx: Transaction, counted: Counted) -> list[tuple[str, int]]:
    """Its rows and how often each was seen, the most frequent first."""
    found = tx.rows(
        "SELECT row, count FROM counted_rows WHERE kind = ? AND domain = ? AND day = ? ORDER BY count DESC, row",
        counted[:3],
    )
    return [(row, times) for row, times in found]


def forget(tx: Transaction, counted: Counted) -> bool:
    """It was sent, or nobody wants it. False where another process has forgotten it."""
    tx.execute("DELETE FROM counted_rows WHERE kind = ? AND domain = ? AND day = ?", counted[:3])
    deleted = tx.execute("DELETE FROM counted_domains WHERE kind = ? AND domain = ? AND day = ?", counted[:3])
    return deleted > 0
