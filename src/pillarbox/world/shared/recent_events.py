"""The last warnings and errors of all processes of a server, in memory that they share.

Each process has a seat with a few slots and writes them in turn, so none waits for another, and what a process logged
before it died can still be read. A slot that is read while it is written makes no sense and is left out.
"""

from typing import Final

import msgspec
from msgspec import Struct

SLOTS: Final = 16
"""Events that are kept of each process."""
SLOT_OCTETS: Final = 1024
_LENGTH_OCTETS: Final = 2
_SEAT_OCTETS: Final = SLOTS * SLOT_OCTETS
MAX_EVENT_CHARACTERS: Final = 80


class RecentEvent(Struct, frozen=True):
    """A warning or an error."""

    at_ms: int
    level: str
    event: str
    text: str
    """Its fields, in one line."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RecentEvent).decode


def octets_for(seats: int) -> int:
    """The size of the memory in octets."""
    return seats * _SEAT_OCTETS


class RecentEvents:
    """The events, as one process sees them."""

    __slots__ = ("_memory", "_seat", "_slot")

    def __init__(self, memory: memoryview, seat: int) -> None:
        self._memory = memory
        self._seat = seat
        self._slot: int | None = None

    def at(self, seat: int) -> "RecentEvents":
        """The same, for a process with another seat."""
        return RecentEvents(self._memory, seat)

    def add(self, event: RecentEvent) -> None:
        """Keep an event, in the place of this process's oldest; its text is cut where it is too long."""
        if self._slot is None:  # after a process that had this seat before
            kept = [self._read(self._seat * SLOTS + slot) for slot in range(SLOTS)]
            self._slot = min(range(SLOTS), key=lambda slot: seen.at_ms if (seen := kept[slot]) else 0)
        octets = _fitting(event)
        start = self._seat * _SEAT_OCTETS + self._slot * SLOT_OCTETS
        self._slot = (self._slot + 1) % SLOTS
        whole = len(octets).to_bytes(_LENGTH_OCTETS, "big") + octets
        self._memory[start : start + len(whole)] = whole

    def all(self) -> list[RecentEvent]:
        """Those of all processes, oldest first."""
        found = (self._read(slot) for slot in range(len(self._memory) // SLOT_OCTETS))
        return sorted((event for event in found if event), key=lambda event: event.at_ms)

    def _read(self, slot: int) -> RecentEvent | None:
        start = slot * SLOT_OCTETS
        length = int.from_bytes(self._memory[start : start + _LENGTH_OCTETS], "big")
        begin = start + _LENGTH_OCTETS
        try:
            return _decode(self._memory[begin : begin + length]) if length else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None


def _fitting(event: RecentEvent) -> bytes:
    name, text = event.event[:MAX_EVENT_CHARACTERS], event.text[:SLOT_OCTETS]
    while True:
        octets = _encode(RecentEvent(event.at_ms, event.level, name, text))
        if len(octets) <= SLOT_OCTETS - _LENGTH_OCTETS:
            return octets
        text = text[: len(text) // 2]
