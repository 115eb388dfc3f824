"""Searching a message a slice at a time.

A call that runs in C keeps every other thread of the process waiting, the event loop's too. What may be as large as a
message is therefore never searched by one call: each of these calls sees a slice, which takes a millisecond or less,
and between two of them other threads run. No more than a slice is copied.
"""

import re
from collections.abc import Iterator
from typing import Final

SLICE_OCTETS: Final = 256 * 1024
"""Octets that one call searches."""

_CR: Final = 13


def find(octets: bytes, needle: bytes, start: int, end: int) -> int:
    """`octets.find(needle, start, end)`."""
    overlap = len(needle) - 1
    while end - start > SLICE_OCTETS + overlap:
        found = octets.find(needle, start, start + SLICE_OCTETS + overlap)
        if found >= 0:
            return found
        start += SLICE_OCTETS
    return octets.find(needle, start, end)


def count(octets: bytes, needle: bytes, start: int, end: int) -> int:
    """`octets.count(needle, start, end)` of a needle that cannot overlap itself."""
    if end - start <= SLICE_OCTETS:
        return octets.count(needle, start, end)
    counted, overlap = 0, len(needle) - 1
    while end - start > SLICE_OCTETS + overlap:
        counted += octets.count(needle, start, start + SLICE_OCTETS + overlap)
        start += SLICE_OCTETS
    return counted + octets.count(needle, start, end)


def is_ascii(octets: bytes, start: int, end: int) -> bool:
    """`octets[start:end].isascii()`."""
    return all(octets[at : min(at + SLICE_OCTETS, end)].isascii() for at in range(start, end, SLICE_OCTETS))


def search(
    pattern: re.Pattern[bytes], octets: bytes, start: int, end: int, *, reach: int
) -> re.Match[bytes] | None:
    """`pattern.search(octets, start, end)` of a pattern that never looks at more than `reach` octets."""
    while end - start > SLICE_OCTETS + reach:
        stop = start + SLICE_OCTETS
        found = pattern.search(octets, start, stop + reach)
        if found and found.start() < stop:  # what begins later may look at more than this slice has
            return found
        start = stop
    return pattern.search(octets, start, end)


def slices(octets: bytes, start: int, end: int) -> Iterator[bytes]:
    """The octets between two offsets."""
    for at in range(start, end, SLICE_OCTETS):
        yield octets[at : min(at + SLICE_OCTETS, end)]


def whole_lines(octets: bytes) -> Iterator[bytes]:
    """The octets in slices that end with a line; of a line longer than a slice, in pieces that do not end with CR."""
    start = 0
    while len(octets) - start > SLICE_OCTETS:
        stop = octets.rfind(b"\n", start, start + SLICE_OCTETS) + 1
        if not stop:
            stop = start + SLICE_OCTETS
            stop -= octets[stop - 1] == _CR
        yield octets[start:stop]
        start = stop
    yield octets[start:]
