"""A signature that is not good."""

from typing import Final, NamedTuple

from pillarbox.trust.results import Result

_MAX_QUOTED: Final = 40


class Rejection(NamedTuple):
    """Why a signature, a key or a chain does not count."""

    result: Result
    reason: str
    """In words, ASCII; what it repeats of the message or the DNS is escaped and short."""


class Rejected(Exception):
    """A `Rejection`, on its way to whoever tells of it."""

    def __init__(self, result: Result, reason: str) -> None:
        super().__init__(reason)
        self.rejection = Rejection(result, reason)


def quoted(text: str) -> str:
    """Text of a stranger as a part of a reason."""
    return ascii(text[:_MAX_QUOTED])
