"""Statements about many ids, some hundred of them at a time."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from pillarbox.world.database import SqlValue, Transaction


class TooMuchToRead(Exception):
    """There is more than may be read in the loop: it is read in a thread instead."""


IDS: Final = "(:ids)"
"""In a statement: where its ids stand."""
_MOST: Final = 250
"""Ids in one statement."""


_NO_LIMIT: Final = 2**62


def rows(
    tx: Transaction,
    sql: str,
    ids: Iterable[int],
    *others: SqlValue,
    times: int = 1,
    most: int | None = None,
) -> list[tuple[Any, ...]]:
    """The rows of a query for these ids; parameters are the ids, so many `times`, the others, and a limit.

    Raises `TooMuchToRead` where there are more than `most`.
    """
    wanted: list[SqlValue] = [*dict.fromkeys(ids)]
    found: list[tuple[Any, ...]] = []
    left = _NO_LIMIT if most is None else most + 1
    for start in range(0, len(wanted), _MOST):
        some = wanted[start : start + _MOST]
        found += tx.rows(_with_marks(sql, len(some)), [*(some * times), *others, left - len(found)])
        if len(found) >= left:
            raise TooMuchToRead
    return found


@lru_cache(maxsize=512)
def _with_marks(sql: str, number: int) -> str:
    return sql.replace(IDS, f"({', '.join('?' * number)})")
