"""Statements about many ids, some hundred of them at a time."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from pillarbox.world.database import SqlValue, Transaction

IDS: Final = "(:ids)"
"""In a statement: where its ids stand."""
_MOST: Final = 250
"""Ids in one statement."""


def rows(
    tx: Transaction, sql: str, ids: Iterable[int], *others: SqlValue, times: int = 1
) -> list[tuple[Any, ...]]:
    """The rows of a query for these ids; parameters are the ids, so many `times`, and then the others."""
    wanted: list[SqlValue] = [*ids]
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(wanted), _MOST):
        some = wanted[start : start + _MOST]
        found += tx.rows(_with_marks(sql, len(some)), [*(some * times), *others])
    return found


@lru_cache(maxsize=512)
def _with_marks(sql: str, number: int) -> str:
    return sql.replace(IDS, f"({', '.join('?' * number)})")
