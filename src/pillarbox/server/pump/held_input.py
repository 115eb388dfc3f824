"""Input held back: octets that arrive while a handler is at work wait here, in order."""

from typing import Final

MAX_HELD_OCTETS: Final = 128 * 1024
"""Octets kept for a session that is busy; beyond, reading is paused."""


class HeldInput:
    """The octets that one connection has received and not yet fed to its machine."""

    __slots__ = ("_chunks", "octets", "paused")

    def __init__(self) -> None:
        # None while nothing is held, so that an idle connection keeps no list.
        self._chunks: list[bytes] | None = None
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
            self._chunks = []
        self._chunks.append(octets)
        self.octets += len(octets)

    def take(self) -> bytes:
        """All that is held, which is then held no more."""
        chunks, self._chunks, self.octets = self._chunks, None, 0
        return b"".join(chunks) if chunks else b""

    def forget(self) -> int:
        """Drop all that is held; returns how many octets that were."""
        dropped, self._chunks, self.octets = self.octets, None, 0
        return dropped
