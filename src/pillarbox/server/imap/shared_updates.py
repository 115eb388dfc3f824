"""Updates that many sessions are sent, made once.

A change of thirty thousand flags is news to every session that has the mailbox selected. The responses are made piece
by piece by whichever session needs the next one first, and the others with the same view write the same octets.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from pillarbox.mail.long_array import UidArray
from pillarbox.world.memory import MemoryShare, Reservation


class SharedPieces:
    """Octets made as they are needed, and kept for others who need them too."""

    __slots__ = ("__weakref__", "_held", "_made", "_octets", "_source", "_writers", "known", "view")

    def __init__(
        self, view: UidArray, known: tuple[UidArray, int], source: Iterator[bytes], octets: int
    ) -> None:
        """`octets`: what they take of memory, about."""
        self.view = view
        """The array of the UIDs that the clients knew."""
        self.known = known
        """What they know afterwards: so many of the first UIDs of this one."""
        self._source = source
        self._made: list[bytes] = []
        self._octets = octets
        self._held: Reservation | None = None
        self._writers: dict[object, Callable[[], None]] = {}
        """What cuts off each client that is being sent them."""

    @contextmanager
    def written(self, budget: MemoryShare, cut_off: Callable[[], None]) -> Iterator[None]:
        """While a client is sent them. They are in the memory budget, once, for as long as any client is.

        Where others lack memory, all clients are cut off that have not read them by then.
        """
        writer = object()
        self._writers[writer] = cut_off
        if self._held is None:
            self._held = budget.hold(self._octets, self._cut_off)
        try:
            yield
        finally:
            del self._writers[writer]
            if not self._writers:
                self._held.release()
                self._held = None

    def _cut_off(self) -> None:
        for cut_off in list(self._writers.values()):
            cut_off()

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        while True:
            if at == len(self._made):
                piece = next(self._source, None)
                if piece is None:
                    return
                self._made.append(piece)
            yield self._made[at]
            at += 1


class SharedUpdates:
    """The updates that some session is being sent just now."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: WeakValueDictionary[Hashable, SharedPieces] = WeakValueDictionary()

    def find(self, change: Hashable, view: UidArray) -> SharedPieces | None:
        """The pieces of this change for clients that know the UIDs of this very array."""
        return self._kept.get((change, id(view)))

    def keep(
        self,
        change: Hashable,
        view: UidArray,
        known: tuple[UidArray, int],
        made: Iterator[bytes],
        octets: int,
    ) -> SharedPieces:
        """Share what is made for such a client, for as long as one is being sent it. `octets`: see `SharedPieces`."""
        # No other array has the id of `view` while the pieces hold it
        pieces = self._kept[change, id(view)] = SharedPieces(view, known, made, octets)
        return pieces
