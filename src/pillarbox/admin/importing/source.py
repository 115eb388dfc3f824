"""Sources of mail: their interface and what they yield."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a source has been imported: saved in the commit that stores the message."""

    item: str
    """The message's name in the source; empty where the source is one stream."""
    position: int = 0
    """Offset of the message in the stream, in octets."""
    fingerprint: bytes = b""
    """A hash by which the message at that offset is recognized."""


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """A message read from a source."""

    octets: bytes
    """With CRLF line ends."""
    flags: str
    """Canonical text of `pillarbox.mail.flags`."""
    received_at_ms: int | None
    checkpoint: Checkpoint
    end: int
    """Octets of the source read so far, for progress."""


@dataclass(frozen=True, slots=True)
class SkippedMessage:
    """A message that can't be imported."""

    where: str
    why: str
    checkpoint: Checkpoint | None
    """`None`: the next run tries it again."""
    end: int


class SourceChanged(Exception):
    """The source has changed since part of it was imported. The text says what to do."""


class Source(Protocol):
    """Somewhere mail is read from."""

    @property
    def name(self) -> str:
        """The key of its checkpoints: the same in each run."""

    @property
    def mailbox(self) -> str:
        """The canonical name of the mailbox to import into."""

    @property
    def octets(self) -> int:
        """The approximate number of octets to read."""

    def read(
        self, latest: Checkpoint | None, is_imported: Callable[[str], bool]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """The messages not imported yet.

        `latest`: the latest checkpoint of a stream; `is_imported`: whether an item was imported.

        Raises OSError, or `SourceChanged`.
        """
