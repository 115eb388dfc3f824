"""Putting many emails in order without holding others: no single step takes more than some milliseconds.

Sorting is one call of C, which keeps Python's lock. So many places are parted first, by what lies between some of them,
and each part is sorted by itself.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Final

from pillarbox.store.search import Interlude

PART: Final = 10_000
"""Places that are sorted at once, about: a few milliseconds."""
_SAMPLES: Final = 16
"""Places looked at for each part, so that parts become about equally long."""


def arranged(
    places: Sequence[int], value: Callable[[int], Any], *, descending: bool, pause: Interlude
) -> "array[int]":
    """These places by a value of each; those of equal value keep their order. `pause` is called between steps."""

    def key(at: int) -> tuple[Any, int]:
        # What is turned round at the end has to be the wrong way round before
        return value(places[at]), -at if descending else at

    found = array("I")
    for part in _parts(len(places), key, pause):
        found.extend([places[at] for at in sorted(part, key=key)])
        pause()
    if descending:
        found.reverse()
    return found


def _parts(number: int, key: Callable[[int], Any], pause: Interlude) -> Sequence[Sequence[int]]:
    """The positions below `number` in parts, of which each comes before the next."""
    if number <= PART:
        return [range(number)]
    wanted = number // PART + 1
    step = max(1, number // (wanted * _SAMPLES))
    samples = sorted(map(key, range(0, number, step)))
    borders = samples[_SAMPLES::_SAMPLES]
    parts = [array("I") for _ in range(len(borders) + 1)]
    for start in range(0, number, PART):
        pause()
        for at in range(start, min(number, start + PART)):
            parts[bisect_right(borders, key(at))].append(at)
    return parts
