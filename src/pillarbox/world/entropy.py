"""Randomness, as an interface.

`SystemEntropy` is the operating system's; everything that must not be guessed comes from it. `SeededEntropy`
repeats itself for the same seed, so that one number replays a whole test run.
"""

import base64
import os
import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")

_NONCE_OCTETS = 18


class Entropy(Protocol):
    """The interface to randomness."""

    def token_bytes(self, octets: int) -> bytes:
        """So many unpredictable octets."""

    def uniform(self, low: float, high: float) -> float:
        """A number between the two; for jitter, not for secrets."""

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order; for spreading load, not for secrets."""


def nonce(entropy: Entropy) -> str:
    """A fresh unguessable string: 24 letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(entropy.token_bytes(_NONCE_OCTETS)).decode("ascii")


def token(entropy: Entropy, octets: int) -> str:
    """So many unpredictable octets as letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(entropy.token_bytes(octets)).rstrip(b"=").decode("ascii")


class SystemEntropy:
    """The operating system's generator."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()

    def token_bytes(self, octets: int) -> bytes:
        """See `Entropy`."""
        return os.urandom(octets)

    def uniform(self, low: float, high: float) -> float:
        """See `Entropy`."""
        return self._random.uniform(low, high)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """See `Entropy`."""
        return self._random.sample(items, len(items))


class SeededEntropy:
    """Repeatable randomness, for tests and simulations only."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  (repeatable on purpose, never for secrets)

    def token_bytes(self, octets: int) -> bytes:
        """See `Entropy`."""
        return self._random.randbytes(octets)

    def uniform(self, low: float, high: float) -> float:
        """See `Entropy`."""
        return self._random.uniform(low, high)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """See `Entropy`."""
        return self._random.sample(items, len(items))
