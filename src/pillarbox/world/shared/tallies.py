"""Failures by key, counted over all workers.

A table of small sets, as in a processor's cache: a key's hash selects its set, and in a full set the tally that
was updated longest ago is replaced. Workers write without a lock: numbers are written atomically, and at worst,
when two workers count at the same instant, one failure is lost. A tally only decides how long an attempt is delayed.
"""

from dataclasses import dataclass
from hashlib import blake2b

SETS = 8_192
WAYS = 8
_CELLS = SETS * WAYS
_NUMBERS = 3
TALLIES_OCTETS = _CELLS * 8 * (1 + _NUMBERS)


@dataclass(slots=True)
class Tally:
    """Recent failures. Times are seconds of the machine's monotonic clock, which all processes share."""

    failures: float
    at: float
    """When the last failure was added."""
    free_at: float = 0.0
    """When the next attempt may proceed."""


class Tallies:
    """The table."""

    __slots__ = ("_hashing", "_keys", "_numbers")

    def __init__(self, memory: memoryview, secret: bytes) -> None:
        self._keys = memory[: _CELLS * 8].cast("Q")
        self._numbers = memory[_CELLS * 8 :].cast("d")
        self._hashing = blake2b(digest_size=8, key=secret)

    def get(self, *key: str) -> Tally | None:
        """A copy of a key's tally."""
        hashed = self._hash(key)
        place = self._place(hashed)
        return None if place is None else self._tally(place)

    def put(self, tally: Tally, *key: str) -> None:
        """Store a key's tally."""
        hashed = self._hash(key)
        place = self._place(hashed)
        if place is None:
            place = self._replaceable(hashed)
            self._keys[place] = 0
        numbers = self._numbers
        numbers[place], numbers[place + _CELLS] = tally.failures, tally.at
        numbers[place + 2 * _CELLS] = tally.free_at
        self._keys[place] = hashed

    def forget(self, *key: str) -> None:
        """Delete a key's tally."""
        place = self._place(self._hash(key))
        if place is not None:
            self._keys[place] = 0

    def _tally(self, place: int) -> Tally:
        numbers = self._numbers
        return Tally(numbers[place], numbers[place + _CELLS], numbers[place + 2 * _CELLS])

    def _place(self, hashed: int) -> int | None:
        start = hashed % SETS * WAYS
        keys = self._keys[start : start + WAYS].tolist()
        return start + keys.index(hashed) if hashed in keys else None

    def _replaceable(self, hashed: int) -> int:
        """The place in the set that is free, or was updated longest ago."""
        start = hashed % SETS * WAYS
        return min(
            range(start, start + WAYS),
            key=lambda place: self._numbers[place + _CELLS] if self._keys[place] else -1.0,
        )

    def _hash(self, key: tuple[str, ...]) -> int:
        hashing = self._hashing.copy()
        hashing.update("\0".join(key).encode("utf-8", "surrogatepass"))
        return int.from_bytes(hashing.digest(), "big") or 1  # 0 marks a free place
