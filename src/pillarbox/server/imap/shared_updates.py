"""Updates that many sessions are sent, made once.

A change of thirty thousand flags is news to every session that has the mailbox selected. The responses are made piece
by piece by whichever session needs the next one first, and the others with the same view write the same octets.
"""

from collections.abc import Hashable, Iterator
from weakref import WeakValueDictionary

from pillarbox.mail.long_array import UidArray


class SharedPieces:
    """Octets made as they are needed, and kept for others who need them too."""

    __slots__ = ("__weakref__", "_made", "_source", "known", "view")

    def __init__(self, view: UidArray, known: tuple[UidArray, int], source: Iterator[bytes]) -> None:
        self.view = view
        """The array of the UIDs that the clients knew."""
        self.known = known
        """What they know afterwards: so many of the first UIDs of this one."""
        self._source = source
        self._made: list[bytes] = []

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
    ) -> SharedPieces:
        """Share what is made for such a client, for as long as one is being sent it."""
        # No other array has the id of `view` while the pieces hold it
        pieces = self._kept[change, id(view)] = SharedPieces(view, known, made)
        return pieces
