"""How many connections are open over all workers, per service or per client address.

Keys are hashed into a table of rows; each worker counts in a column of its own, so no worker waits for another,
and `count` adds up the row. Two keys in one row are counted together: a limit may then be reached early, which
with a thousand clients concerns one in sixteen, but never late.
"""

from functools import lru_cache
from hashlib import blake2b

ROWS = 16_384
_CELL_OCTETS = 4
_REMEMBERED_KEYS = 1024
"""Of which the row is remembered: each is asked for three times for every connection."""


def octets_for(workers: int) -> int:
    """The size of the table in octets."""
    return ROWS * workers * _CELL_OCTETS


class OpenCounts:
    """The table, as one worker sees it."""

    __slots__ = ("_cells", "_row", "_seat", "_secret", "_workers")

    def __init__(self, memory: memoryview, secret: bytes, seat: int, workers: int) -> None:
        """`seat`: the worker's number, below `workers`; two workers alive at once never have the same."""
        self._cells = memory.cast("I")
        self._secret = secret
        self._seat = seat
        self._workers = workers
        self._row = lru_cache(maxsize=_REMEMBERED_KEYS)(self._computed_row)

    def begin(self) -> None:
        """Reset the counts of the worker that had this seat before: it died, and its connections with it."""
        self._cells[self._seat :: self._workers] = memoryview(bytes(ROWS * _CELL_OCTETS)).cast("I")

    def count(self, *key: str) -> int:
        """How many are open, in all workers."""
        row = self._row(key)
        return sum(self._cells[row : row + self._workers])

    def add(self, *key: str) -> None:
        """One more is open here."""
        self._cells[self._row(key) + self._seat] += 1

    def remove(self, *key: str) -> None:
        """One of those counted by `add` is closed."""
        self._cells[self._row(key) + self._seat] -= 1

    def _computed_row(self, key: tuple[str, ...]) -> int:
        name = "\0".join(key).encode("utf-8", "surrogateescape")
        digest = blake2b(name, digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "big") % ROWS * self._workers
