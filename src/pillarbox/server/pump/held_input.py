"""Input held back: octets that arrive while a handler is at work wait here, in order."""

from collections import deque
from typing import Final

MAX_HELD_OCTETS: Final = 128 * 1024
"""Octets kept for a session that is busy; beyond, reading is paused."""
MAX_TAKEN_OCTETS: Final = 64 * 1024
"""Octets given to the machine together, where more reads than one are held: as many as one read has at most."""


class HeldInput:
    """The octets that one connection has received and not yet fed to its machine."""

    __slots__ = ("_chunks", "octets", "paused")

    def __init__(self) -> None:
        # None while nothing is held, so that an idle connection keeps no queue.
        self._chunks: deque[bytes] | None = None
        self.octets = 0
        """How many are held."""
        self.paused = False
        """Reading is paused until the held octets have been taken."""

    @property
    def full(self) -> bool:
        """Whether reading must be paused."""
        return self.octets > MAX_HELD_OCTETS

    def add(self, octets: bytes) -> None:
        """Keep these as well."""
        if self._chunks is None:
            self._chunks = deque()
        self._chunks.append(octets)
        self.octets += len(octets)

    def take(self) -> bytes:
        """The first of what is held, which is then held no more: one read, or some small ones."""
        chunks = self._chunks
        if not chunks:
            return b""
        taken = [chunks.popleft()]
        octets = len(taken[0])
        while chunks and octets + len(chunks[0]) <= MAX_TAKEN_OCTETS:
            taken.append(chunks.popleft())
            octets += len(taken[-1])
        self.octets -= octets
        if not chunks:
            self._chunks = None
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def forget(self) -> int:
        """Drop all that is held; returns how many octets that were."""
        dropped, self._chunks, self.octets = self.octets, None, 0
        return dropped
