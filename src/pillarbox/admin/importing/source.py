"""Sources of mail: their interface and what they yield."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pillarbox.store.mailbox import Role


@dataclass(frozen=True, slots=True)
class SourceMailbox:
    """A mailbox as its source has it; it is created even if no message comes into it."""

    name: str
    """Canonical."""
    role: Role | None = None
    subscribed: bool = True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a source has been imported: saved in the commit that stores the message."""

    item: str
    """What names the message in the source: see `recognition`; of a Maildir, its name; empty where the source is one
    stream."""
    position: int = 0
    """Offset of the message in the stream, in octets."""
    fingerprint: bytes = b""
    """A hash by which the message at that offset is recognized; of a file, its size."""
    messages: int = 1
    """Messages of this item that are imported, with this one."""


@dataclass(frozen=True, slots=True)
class SourceMessage:
    """A message read from a source."""

    octets: bytes
    """With CRLF line ends."""
    flags: str
    """Canonical text of `pillarbox.mail.flags`."""
    received_at_ms: int | None
    checkpoint: Checkpoint | None
    end: int
    """Octets of the source read so far, for progress."""
    mailboxes: tuple[str, ...] = ()
    """Canonical names, where it does not belong into the source's mailbox alone."""
    identity: str = ""
    """What tells it from all others, where other sources may have the same message: it is imported once."""
    also: Checkpoint | None = None
    """A further one: in a stream, that of the message itself."""


@dataclass(frozen=True, slots=True)
class AlreadyImported:
    """Messages that an earlier run has imported."""

    messages: int
    end: int
    """Octets of the source read so far."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """To be saved, where they are recorded in another way than before."""


@dataclass(frozen=True, slots=True)
class SkippedMessage:
    """A message that can't be imported."""

    where: str
    why: str
    checkpoint: Checkpoint | None
    """`None`, without a further one: the next run tries it again."""
    end: int
    also: Checkpoint | None = None
    """As in `SourceMessage`."""


Found = SourceMessage | AlreadyImported | SkippedMessage
"""What a source yields."""


class SourceChanged(Exception):
    """A stream has changed since part of it was imported. The text says what to do.

    `each_recorded`: its messages are recorded one by one, so that it can be read from its start.
    """

    def __init__(self, text: str, *, each_recorded: bool = False) -> None:
        super().__init__(text)
        self.each_recorded = each_recorded


class Source(Protocol):
    """Somewhere mail is read from."""

    @property
    def name(self) -> str:
        """The key of its checkpoints: the same in each run."""

    @property
    def mailbox(self) -> str:
        """The canonical name of the mailbox to import into, where a message names no other."""

    @property
    def octets(self) -> int:
        """The approximate number of octets to read."""

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """The messages that are new, how many are not, and what is none.

        `checkpoint_of`: the checkpoint of an item, `None` where nothing of it was imported.

        Raises OSError.
        """
