"""Messages that a client is sending: the state of an APPEND or REPLACE in progress."""

from dataclasses import dataclass, field

from pillarbox.mail.identifiers import MailboxId, Uid
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.events import MessageParameters
from pillarbox.world.blobs import BlobWriter


@dataclass(slots=True)
class IncomingMessages:
    """A command whose messages are arriving."""

    command: Append | Replace
    target: MailboxId
    available_octets: int | None
    """What the quota leaves; None without one."""
    replaced: Uid | None = None
    """REPLACE: which message."""
    octets: int = 0
    """Of all messages, as announced so far."""
    written: list[tuple[MessageParameters, BlobWriter]] = field(default_factory=list)
    failed: bool = False
    """Whether octets could not be written."""

    def abandon(self) -> None:
        """Discard what has arrived."""
        for _, writer in self.written:
            writer.abandon()
