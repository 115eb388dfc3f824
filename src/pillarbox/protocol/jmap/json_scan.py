"""What a JSON text will be, seen before it is decoded: how deep, how many values, how many members of objects.

Linear, and by operations on octets only: texts are taken out, then what is left of each piece is counted. A text that
is no JSON is read correctly up to where the decoder stops.
"""

from collections.abc import Generator
from typing import Final

from msgspec import Struct

PIECE_OCTETS: Final = 64 * 1024
"""So many octets are looked at in one go: some 0.3 ms."""

_STRUCTURE: Final = b"[]{},:"
_ALL_ELSE: Final = bytes(octet for octet in range(256) if octet not in _STRUCTURE)
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NONCHARACTERS: Final = (b"\xef\xb7", b"\xbf\xbe", b"\xbf\xbf", b"\\u")
"""Octets in which a code point may lie that is no character; most texts have none of them."""


class Shape(Struct, frozen=True, gc=False):
    """What was seen."""

    depth: int
    values: int
    """At most so many; a few more than there are."""
    members: int
    """Of all objects together."""
    odd: bool
    """Whether a text may hold noncharacters."""


class TooComplex(Exception):
    """There is more than allowed."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.limit = limit
        """The name of the limit."""


def scan(octets: bytes, *, max_depth: int, max_values: int) -> Generator[None, None, Shape]:
    """Look through a JSON text, piece by piece. Raises `TooComplex` as soon as it is seen."""
    seen, within_text, odd, at = _Seen(max_depth, max_values), False, False, 0
    while at < len(octets):
        end = _end_of_piece(octets, at)
        parts = octets[at:end].replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        seen.add(b"".join(parts[within_text::2]).translate(None, _ALL_ELSE))
        within_text ^= not len(parts) % 2
        # one before the piece as well: the octets of a character may be in two
        odd = odd or any(octets.find(mark, max(at - 1, 0), end) >= 0 for mark in _NONCHARACTERS)
        at = end
        if at < len(octets):
            yield
    return Shape(seen.deepest, seen.values, seen.members, odd)


def _end_of_piece(octets: bytes, at: int) -> int:
    """Where the piece ends that begins here: not within an escape."""
    end = min(at + PIECE_OCTETS, len(octets))
    run = end - at - len(octets[at:end].rstrip(b"\\"))
    return end + 1 if run % 2 and end < len(octets) else end


class _Seen:
    """The counts so far."""

    __slots__ = ("_depth", "_max_depth", "_max_values", "deepest", "members", "values")

    def __init__(self, max_depth: int, max_values: int) -> None:
        self._depth = self.deepest = self.members = 0
        self.values = 1
        self._max_depth, self._max_values = max_depth, max_values

    def add(self, structure: bytes) -> None:
        """The brackets, commas and colons of the next piece."""
        self.members += structure.count(b":")
        containers = structure.count(b"[") + structure.count(b"{")
        self.values += structure.count(b",") + containers
        if self.values > self._max_values:
            raise TooComplex("maxJsonValues")
        depth, deepest, steps = self._depth, self.deepest, _STEPS
        if containers or depth:
            for bracket in structure.translate(None, b",:"):
                depth += steps[bracket]
                if depth > deepest:
                    deepest = depth
        self._depth, self.deepest = depth, deepest
        if deepest > self._max_depth:
            raise TooComplex("maxJsonDepth")
