"""What is found slice by slice is what is found at once; nothing is lost where two slices meet."""

import re

import pytest

from pillarbox.mail import slices
from pillarbox.mail.slices import SLICE_OCTETS

PLACES = [SLICE_OCTETS * factor + near for factor in (0, 1, 2, 3) for near in range(-6, 7)]
"""Where slices meet, and the octets around it."""
NEEDLE = b"\n--ab"


def octets_with(at: int, needle: bytes = NEEDLE) -> bytes:
    octets = bytearray(b"x" * (3 * SLICE_OCTETS + 5))
    octets[at : at + len(needle)] = needle
    return bytes(octets)


@pytest.mark.parametrize("at", [place for place in PLACES if place >= 0])
def test_something_where_slices_meet(at: int) -> None:
    octets, end = octets_with(at), 3 * SLICE_OCTETS + 5
    for start in (0, 1, 7):
        assert slices.find(octets, NEEDLE, start, end) == octets.find(NEEDLE, start, end)
        assert slices.count(octets, NEEDLE, start, end) == octets.count(NEEDLE, start, end)
        pattern = re.compile(rb"\n-{0,2}+a?(?:b|\Z)")
        found = slices.search(pattern, octets, start, end, reach=len(NEEDLE))
        at_once = pattern.search(octets, start, end)
        assert (found and found.span()) == (at_once and at_once.span())
    assert slices.count(octets, b"\n", at, end) == octets.count(b"\n", at, end)


@pytest.mark.parametrize("at", [0, SLICE_OCTETS - 1, SLICE_OCTETS, 3 * SLICE_OCTETS + 4])
def test_an_octet_above_127(at: int) -> None:
    octets = octets_with(at, b"\xff")
    assert not slices.is_ascii(octets, 0, len(octets))
    assert slices.is_ascii(octets, at + 1, len(octets))
    assert slices.is_ascii(octets, 0, at)


@pytest.mark.parametrize("piece", [b"", b"x", b"a\r\n", b"\n", b"\r", b"xy\r"])
def test_whole_lines(piece: bytes) -> None:
    octets = piece * (SLICE_OCTETS + 3) + b"end"
    parts = list(slices.whole_lines(octets))
    assert b"".join(parts) == octets
    assert max(map(len, parts)) <= SLICE_OCTETS
    if b"\n" in piece:
        assert all(part.endswith(b"\n") for part in parts[:-1])
