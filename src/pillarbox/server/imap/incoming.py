"""Messages that a client is sending: the state of an APPEND or REPLACE in progress."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pillarbox.mail.identifiers import Uid
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.events import MessageParameters
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, BlobWriter
from pillarbox.world.memory import Reservation
from pillarbox.world.world import World

FEW_FILES: Final = 4
"""So many files are removed at once; more, in a thread."""


@dataclass(slots=True)
class IncomingMessages:
    """A command whose messages are arriving."""

    command: Append | Replace
    replaced: Uid | None = None
    """REPLACE: which message."""
    looked_for: bool = False
    """Whether the mailbox it is for was found to exist."""
    available_octets: int | None = None
    """What the quota leaves; None without one, or while the mailbox was not looked for."""
    octets: int = 0
    """Of all messages, as announced so far."""
    written: list[tuple[MessageParameters, BlobWriter]] = field(default_factory=list)
    in_memory: list[Reservation] = field(default_factory=list)
    """For the messages that are not in files."""
    files: int = 0
    """Messages that are."""
    failed: bool = False
    """Whether octets could not be written or kept."""

    def writer(self, world: World, limits: ImapLimits, size: int) -> BlobWriter:
        """For a message of so many octets: in memory if it is small and there is room for it, else in a file."""
        in_memory = sum(reserved.octets for reserved in self.in_memory) + size
        if size < MAX_IN_DATABASE_OCTETS and in_memory <= limits.max_append_octets_in_memory:
            reserved = world.memory.accounts.received.try_reserve(size, self.fail)
            if reserved is not None:
                self.in_memory.append(reserved)
                return world.blobs.writer()
        self.files += 1
        return world.blobs.writer(max_in_memory_octets=0)

    def keep(self) -> None:
        """All has arrived: from now on it depends on us how long it takes."""
        for reserved in self.in_memory:
            reserved.keep()

    def fail(self) -> None:
        """Discard what has arrived and what is still to come; the command ends in NO."""
        self.failed = True
        self.abandon()

    def abandon(self) -> None:
        """Discard what has arrived."""
        writers = [writer for _, writer in self.written]
        if self.files > FEW_FILES:
            asyncio.get_running_loop().run_in_executor(None, _abandon, writers)
        else:
            _abandon(writers)
        for reserved in self.in_memory:
            reserved.release()
        self.in_memory.clear()


def _abandon(writers: Iterable[BlobWriter]) -> None:
    for writer in writers:
        writer.abandon()
