"""What a source of mail gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

LARGEST_OCTETS = 150 * 1024 * 1024
"""A larger message is passed over and told."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What to remember of a source once a message of it is stored."""

    item: str
    """The message's name in the source; empty where the source is one stream."""
    position: int = 0
    """Where the message begins in the stream, in octets."""
    fingerprint: bytes = b""
    """By which the message is known again there."""


@dataclass(frozen=True, slots=True)
class Item:
    """A message of a source."""

    octets: bytes
    """With CRLF line ends."""
    flags: str
    """Canonical text of `pillarbox.mail.flags`."""
    received_at_ms: int | None
    mark: Mark
    end: int
    """Octets of the source read when this one was done; for progress."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A message that can't be taken."""

    where: str
    why: str
    mark: Mark | None
    """`None`: it is tried again by the next run."""
    end: int


class SourceChanged(Exception):
    """The source is not what it was when part of it was taken. The text says what to do."""


class Source(Protocol):
    """Somewhere mail lies."""

    @property
    def name(self) -> str:
        """Under which its record is kept: the same in each run."""

    @property
    def mailbox(self) -> str:
        """The canonical name of the mailbox that it fills."""

    @property
    def octets(self) -> int:
        """How much there is to read, about."""

    def read(self, last: Mark | None, taken: Callable[[str], bool]) -> Iterator[Item | PassedOver]:
        """The messages not taken yet. `last`: the mark of the latest; `taken`: whether that item was.

        Raises OSError, or `SourceChanged`.
        """
