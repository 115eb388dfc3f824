"""How many pages the connection that writes keeps: few while commits come fast, many at other times.

The loop reads on this connection as well, and profits from a large cache. A commit pays for it: where a new page came
between others of its tree, SQLite gives one of them the number of the page at 1 GiB for a moment (`balance_nonroot`),
takes that for the end of the file when it commits, and looks at each page that it keeps for one beyond the real end
(`pcache1TruncateUnsafe`). With 64 MiB that is most of a millisecond, unless the database is larger than 1 GiB.
"""

from typing import Final

import apsw

BUSY_OCTETS: Final = 8 * 1024 * 1024
"""What is kept while commits come fast: what they write again and again."""
BUSY_COMMITS: Final = 50
"""From so many a second on they do."""
WINDOW_S: Final = 1.0
"""For so long commits are counted."""
LARGE_OCTETS: Final = 1024 * 1024 * 1024
"""In a database of this size no commit looks through the cache."""


class WriterCache:
    """The page cache of one connection. Every method is called while no transaction is open on it."""

    def __init__(self, connection: apsw.Connection, octets: int) -> None:
        """`octets`: what it keeps at most, and now."""
        self._connection = connection
        self._octets = self._now_octets = octets
        self._commits = 0
        self._since_s = 0.0

    def committed(self, now_s: float) -> None:
        """A transaction was committed; the time is of a monotonic clock."""
        self._commits += 1
        self.look(now_s)

    def look(self, now_s: float) -> None:
        """Keep as much as the commits of the last second ask for."""
        passed_s = now_s - self._since_s
        if passed_s < WINDOW_S:
            return
        busy = self._commits >= BUSY_COMMITS * passed_s
        self._commits, self._since_s = 0, now_s
        octets = min(BUSY_OCTETS, self._octets) if busy and not self._is_large() else self._octets
        if octets != self._now_octets:
            self._now_octets = octets
            self._connection.pragma("cache_size", -octets // 1024)

    def _is_large(self) -> bool:
        pages: int = self._connection.pragma("page_count")
        page_octets: int = self._connection.pragma("page_size")
        return pages * page_octets >= LARGE_OCTETS
