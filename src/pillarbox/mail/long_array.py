"""Numbers of a long array in pieces, so that a copy without some of them shares the pieces that are the same.

The UIDs of a mailbox are shared by sessions that may not be told of an EXPUNGE yet, so each EXPUNGE makes others. A
copy of half a million takes longer than all the rest of the command; a copy of one piece takes three microseconds.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Final, TypeAlias, overload

from pillarbox.mail.number_set import without

PIECE: Final = 16 * 1024
"""Numbers in a piece, at most."""
LONG: Final = 2 * PIECE
"""Arrays of more numbers are divided when some are removed."""


class LongArray(Sequence[int]):
    """Read as an array is; slices of it are arrays. Like one it may grow at its end, nothing else ever changes.

    What is always true: no piece is empty, unless all is, and the last one belongs to no other `LongArray`.
    """

    __slots__ = ("_pieces", "_starts")

    def __init__(self, pieces: "list[array[int]]") -> None:
        self._pieces = pieces
        self._starts = [0, *accumulate(map(len, pieces[:-1]))]
        """The place of the first number of each piece."""

    @classmethod
    def of(cls, numbers: "array[int]") -> "LongArray":
        """The same numbers, of which there are some."""
        return cls([numbers[start : start + PIECE] for start in range(0, len(numbers), PIECE)])

    def __len__(self) -> int:
        starts = self._starts
        return starts[-1] + len(self._pieces[len(starts) - 1])

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._pieces)

    @overload
    def __getitem__(self, place: int, /) -> int: ...
    @overload
    def __getitem__(self, place: slice, /) -> "array[int]": ...

    def __getitem__(self, place: int | slice, /) -> "int | array[int]":
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return self._slice(start, stop) if step == 1 else self[:][place]
        if place < 0:
            place += len(self)
            if place < 0:
                raise IndexError(place)
        piece = bisect_right(self._starts, place) - 1
        return self._pieces[piece][place - self._starts[piece]]

    def _slice(self, start: int, stop: int) -> "array[int]":
        piece = bisect_right(self._starts, start) - 1
        begins = self._starts[piece]
        found = self._pieces[piece][start - begins : max(start, stop) - begins]
        while (piece := piece + 1) < len(self._starts) and self._starts[piece] < stop:
            found.extend(self._pieces[piece][: stop - self._starts[piece]])
        return found

    def extend(self, more: Sequence[int]) -> None:
        """Add numbers at the end."""
        start, room = 0, PIECE - len(self._pieces[-1])
        while start < len(more):
            if room <= 0:
                # In this order: what another thread reads meanwhile goes by the starts, all of which have their piece
                length = len(self)
                self._pieces.append(self._pieces[-1][:0])
                self._starts.append(length)
                room = PIECE
            self._pieces[-1].extend(more[start : start + room])
            start, room = start + room, 0

    def without(self, parts: Sequence[slice]) -> "LongArray":
        """A copy without these slices, which ascend and do not overlap."""
        pieces: list[array[int]] = []
        done = 0
        for piece, here in self._by_piece(parts):
            pieces += self._pieces[done:piece]
            done = piece + 1
            kept = without(self._pieces[piece], here)
            if pieces and len(pieces[-1]) + len(kept) <= PIECE:
                pieces[-1] = pieces[-1] + kept
            elif kept:
                pieces.append(kept)
        pieces += self._pieces[done:]
        pieces[-1:] = [pieces[-1][:] if pieces else array("I")]
        return LongArray(pieces)

    def _by_piece(self, parts: Sequence[slice]) -> Iterator[tuple[int, list[slice]]]:
        """Pieces that have some of these slices, and those as slices of the piece."""
        here: list[slice] = []
        begins = ends = piece = 0
        for part in parts:
            start = part.start
            while start < part.stop:
                if start >= ends:
                    if here:
                        yield piece, here
                        here = []
                    piece = bisect_right(self._starts, start) - 1
                    begins = self._starts[piece]
                    ends = begins + len(self._pieces[piece])
                here.append(slice(start - begins, min(part.stop, ends) - begins))
                start = ends
        if here:
            yield piece, here


UidArray: TypeAlias = "array[int] | LongArray"
"""The UIDs of a mailbox, ascending."""


def without_uids(numbers: UidArray, parts: Sequence[slice]) -> UidArray:
    """A copy without these slices, which ascend and do not overlap."""
    if isinstance(numbers, array):
        if len(numbers) <= LONG:
            return without(numbers, parts)
        numbers = LongArray.of(numbers)
    found = numbers.without(parts)
    return found if len(found) > LONG else found[:]
