"""Messages that a command has named, as places in the selected mailbox (`selected`)."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from pillarbox.mail.long_array import UidArray
from pillarbox.mail.number_set import NumberSet


class Chosen(Struct, frozen=True, gc=False):
    """Messages, as slices of `SelectedMailbox.uids`."""

    slices: tuple[slice, ...]
    _uids: UidArray

    def __bool__(self) -> bool:
        return bool(self.slices)

    def __len__(self) -> int:
        return sum([part.stop - part.start for part in self.slices])

    @property
    def uids(self) -> NumberSet:
        """As runs; a run may span UIDs that no message has any more, but none of a message the client doesn't know."""
        uids = self._uids
        return NumberSet(tuple([(uids[part.start], uids[part.stop - 1]) for part in self.slices]))

    def only(self, slices: Iterable[slice]) -> "Chosen":
        """Other slices of the same mailbox."""
        return Chosen(tuple(slices), self._uids)

    def parts(
        self, first: int, more: int | None = None, *, max_slices: int | None = None
    ) -> "Iterator[Chosen]":
        """These messages, some at a time: `first`, then `more` of them, or fewer in so many slices."""
        if len(self.slices) == 1 and self.slices[0].stop - self.slices[0].start <= first:
            yield self
            return
        left, taken = first, list[slice]()
        for part in self.slices:
            start = part.start
            while start < part.stop:
                stop = min(part.stop, start + left)
                taken.append(slice(start, stop))
                left -= stop - start
                start = stop
                if not left or len(taken) == max_slices:
                    yield self.only(taken)
                    left, taken = more or first, []
        if taken:
            yield self.only(taken)

    def uid_list(self) -> "array[int]":
        """UID by UID, ascending."""
        if len(self.slices) == 1:
            return self._uids[self.slices[0]]
        found = array("I")
        for part in self.slices:
            found.extend(self._uids[part])
        return found

    def sequence_numbers(self) -> Sequence[int]:
        """Number by number, in the order of `uid_list`."""
        if len(self.slices) == 1:
            return range(self.slices[0].start + 1, self.slices[0].stop + 1)
        return [number for part in self.slices for number in range(part.start + 1, part.stop + 1)]
