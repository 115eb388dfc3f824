"""Sets of message numbers (UIDs or sequence numbers), stored as runs.

IMAP refers to messages by sets such as `1:5,7,9:*` (RFC 9051 §9, `sequence-set`), and the store returns such sets. A
mailbox of 50 000 messages is usually one run, so a set holds runs, not single numbers: `1:50000` costs one pair in
every operation.

What is always true: the runs are in ascending order, do not overlap, and do not touch.

`*` means "the largest number in use", which only the session knows. The parser represents it by `STAR`, which is
larger than any number; `NumberSet.resolve` replaces it by the real number.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import pairwise
from typing import Final, Protocol, Self, TypeVar

LARGEST: Final = 2**32 - 1
"""The largest UID or sequence number there can be (RFC 9051 §9, `nz-number`)."""

STAR: Final = LARGEST + 1
"""`*` before it is resolved."""


class _Column(Protocol):
    def __getitem__(self, part: slice, /) -> Self: ...
    def __delitem__(self, part: slice, /) -> None: ...
    def extend(self, more: Self, /) -> None: ...


Column = TypeVar("Column", bound=_Column)
"""Values by place: a list or an array."""

MAX_CUT: Final = 32
"""Slices that are cut out of a column one by one; with more, it is put together anew."""

Run = tuple[int, int]
"""First and last number, both included."""


@dataclass(frozen=True, slots=True)
class NumberSet:
    """Numbers from 1 to `LARGEST` (or `STAR`), as ascending runs that neither overlap nor touch."""

    runs: tuple[Run, ...] = ()

    @classmethod
    def of(cls, numbers: Iterable[int]) -> "NumberSet":
        """The set of these numbers, in any order, repeated or not."""
        ascending = sorted(numbers)
        if not ascending:
            return EMPTY
        if ascending[-1] - ascending[0] + 1 == len(ascending) == len(set(ascending)):
            return cls(((ascending[0], ascending[-1]),))
        runs: list[Run] = []
        first = last = ascending[0]
        for number in ascending:
            if number > last + 1:
                runs.append((first, last))
                first = number
            last = number
        return cls((*runs, (first, last)))

    @classmethod
    def of_ranges(cls, ranges: Iterable[Run]) -> "NumberSet":
        """The union of ranges as IMAP writes them: in any order, `5:3` the same as `3:5`."""
        return cls(_merge(sorted([(one, other) if one <= other else (other, one) for one, other in ranges])))

    @classmethod
    def of_ascending(cls, runs: Iterable[Run]) -> "NumberSet":
        """The union of runs that ascend by their first numbers; they may overlap."""
        return cls(_merge(runs))

    @property
    def first(self) -> int:
        """The smallest number; the set must not be empty."""
        return self.runs[0][0]

    @property
    def last(self) -> int:
        """The largest number (`STAR` where `*` is unresolved); the set must not be empty."""
        return self.runs[-1][1]

    def resolve(self, largest: int) -> "NumberSet":
        """Replace `*` by `largest`, the largest number in use; 0 means that none is in use.

        RFC 9051 §9: `559:*` always contains the last message, even where its number is below 559.
        """
        if not self.runs or self.runs[-1][1] != STAR:
            return self
        kept = self.runs[:-1]
        first = self.runs[-1][0]
        if largest == 0:
            return NumberSet(kept)
        return NumberSet.of_ranges((*kept, (largest if first == STAR else first, largest)))

    def text(self) -> str:
        """In IMAP syntax: `1:5,7`. The empty set gives the empty string, which IMAP has no syntax for."""
        return ",".join(
            _number(first) if first == last else f"{_number(first)}:{_number(last)}"
            for first, last in self.runs
        )

    def __bool__(self) -> bool:
        return bool(self.runs)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.runs)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.runs:
            yield from range(first, last + 1)

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.runs, (number, STAR)) - 1
        return place >= 0 and self.runs[place][0] <= number <= self.runs[place][1]

    def __or__(self, other: "NumberSet") -> "NumberSet":
        if not self.runs:
            return other
        if not other.runs:
            return self
        return NumberSet(_merge(sorted(self.runs + other.runs)))

    def __and__(self, other: "NumberSet") -> "NumberSet":
        common: list[Run] = []
        mine, theirs = iter(self.runs), iter(other.runs)
        first, last = next(mine, _BEYOND)
        start, stop = next(theirs, _BEYOND)
        while first <= STAR >= start:
            if last < start:
                first, last = next(mine, _BEYOND)
            elif stop < first:
                start, stop = next(theirs, _BEYOND)
            elif last < stop:
                common.append((max(first, start), last))
                first, last = next(mine, _BEYOND)
            else:
                common.append((max(first, start), stop))
                start, stop = next(theirs, _BEYOND)
        return NumberSet(tuple(common))

    def __sub__(self, other: "NumberSet") -> "NumberSet":
        return self & other.complement()

    def complement(self) -> "NumberSet":
        """All numbers from 1 to `LARGEST` that are not in this set."""
        gaps: list[Run] = []
        start = 1
        for first, last in self.runs:
            if start < first:
                gaps.append((start, first - 1))
            start = last + 1
        if start <= LARGEST:
            gaps.append((start, LARGEST))
        return NumberSet(tuple(gaps))

    def spans(self, apart: int) -> tuple[Run, ...]:
        """The runs, where less than so many numbers are between two of them as one: for reading what is there.

        Scattered numbers are a span each; to read those that are near each other costs less together.
        """
        spans: list[Run] = []
        for run in self.runs:
            if spans and run[0] - spans[-1][1] <= apart:
                spans[-1] = (spans[-1][0], run[1])
            else:
                spans.append(run)
        return tuple(spans)

    def widened(self, most: int) -> "NumberSet":
        """A set of at most so many runs that has all of these numbers, and as few others as possible."""
        runs = self.runs
        if len(runs) <= most:
            return self
        gaps = [after[0] - before[1] for before, after in pairwise(runs)]
        kept = sorted(nlargest(most - 1, range(len(gaps)), key=gaps.__getitem__))
        starts, ends = [0, *[place + 1 for place in kept]], [*kept, len(gaps)]
        return NumberSet(
            tuple([(runs[start][0], runs[end][1]) for start, end in zip(starts, ends, strict=True)])
        )

    def slices(self, ascending: Sequence[int], count: int | None = None) -> list[slice]:
        """The slices of a sequence that ascends without repetitions that hold this set's members; not empty,
        ascending. `count`: only its first ones are looked at."""
        found: list[slice] = []
        place, count = 0, len(ascending) if count is None else count
        here = ascending[0] if count else _BEYOND[0]
        for first, last in self.runs:
            # A number is at most as many places away as it is larger: sets of many runs look at few of them
            if here < first:
                far = place + first - here
                place = bisect_left(ascending, first, place + 1, min(far, count))
                if place == count:
                    break
                here = ascending[place]
            if here <= last:
                far, start = place + last - here + 1, place
                place = bisect_right(ascending, last, start + 1, min(far, count))
                found.append(slice(start, place))
                if place == count:
                    break
                here = ascending[place]
        return found

    def within(self, ascending: Sequence[int]) -> list[int]:
        """The numbers of an ascending sequence that are in this set."""
        return [number for part in self.slices(ascending) for number in ascending[part]]


def without(values: Column, parts: Sequence[slice], count: int | None = None) -> Column:
    """A copy without these slices, which ascend and do not overlap; one pass, however many they are. `count`: only of
    the first ones."""
    if len(parts) <= MAX_CUT:
        kept = values[:count]
        cut(kept, parts)
        return kept
    kept, start = values[:0], 0
    for part in parts:
        kept.extend(values[start : part.start])
        start = part.stop
    kept.extend(values[start:count])
    return kept


def cut(values: Column, parts: Sequence[slice]) -> None:
    """Remove these slices, of which there are few."""
    for part in reversed(parts):
        del values[part]


_BEYOND: Final = (STAR + 1, STAR + 1)
"""A run behind all others."""

EMPTY: Final = NumberSet()
EVERYTHING: Final = NumberSet(((1, LARGEST),))


def _merge(ascending: Iterable[Run]) -> tuple[Run, ...]:
    runs: list[Run] = []
    for first, last in ascending:
        if runs and first <= runs[-1][1] + 1:
            if last > runs[-1][1]:
                runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return tuple(runs)


def _number(number: int) -> str:
    return "*" if number == STAR else str(number)
