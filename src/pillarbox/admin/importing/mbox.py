"""An mbox file as a source. `fields` tells flags and labels; what it reads is removed, unless it is to be kept."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.fields import Unpacked, unpack
from pillarbox.admin.importing.names import mailbox_of, readable
from pillarbox.admin.importing.reading import Chunks, opened
from pillarbox.admin.importing.source import Checkpoint, SkippedMessage, SourceChanged, SourceMessage
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS, Entry, Oversized, messages

_GMAIL_ID: Final = re.compile(rb"[0-9]{1,20}@xxx")
"""The sender in a separator of Takeout: the id of the message."""


@dataclass(frozen=True, slots=True)
class MboxReader:
    """The messages of an mbox, wherever its octets are."""

    where: str
    """What the mbox is called in reports."""
    item: str = ""
    """The item of its checkpoints."""
    labels_below: str | None = None
    """The mailbox below which the mailboxes of labels are; `None`: at the top."""
    keep_status_fields: bool = False
    """Whether the fields with the flags stay in the message."""
    max_message_octets: int = MAX_MESSAGE_OCTETS
    """Messages beyond this size are skipped."""

    def read(
        self, chunks: Chunks, latest: Checkpoint | None, end: Callable[[int], int]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """The messages behind the latest checkpoint, at which the chunks begin.

        `end`: octets of the source that are read where so many of the mbox are. Raises `SourceChanged`.
        """
        base, count = (latest.position, latest.messages) if latest else (0, 0)
        entries = _whole(messages(chunks, max_message_octets=self.max_message_octets), chunks)
        at = base
        if latest:
            imported = next(entries, None)
            if imported is not None and _is_same(imported, latest):
                at = base + imported.end
            elif not chunks.failure:
                raise SourceChanged(
                    f"{self.where} was changed since part of it was imported. To import all of it again: --again"
                )
        for entry in entries:
            at = base + entry.end
            if isinstance(entry, Oversized):
                position = base + entry.start
                reason = f"{entry.size} octets are over the limit of {self.max_message_octets}"
                checkpoint = Checkpoint(self.item, position, _fingerprint(entry, None), count)
                yield SkippedMessage(f"{self.where}, octet {position}", reason, checkpoint, end(at))
                continue
            unpacked = unpack(entry)
            if unpacked.is_mail and entry.octets.strip():
                count += 1
                checkpoint = Checkpoint(self.item, base + entry.start, _fingerprint(entry, unpacked), count)
                yield self._message(entry, unpacked, checkpoint, end(at))
        if chunks.failure:
            yield SkippedMessage(f"{self.where}, octet {at}", chunks.failure, None, end(at))

    def _message(self, entry: Entry, unpacked: Unpacked, checkpoint: Checkpoint, end: int) -> SourceMessage:
        return SourceMessage(
            entry.message if self.keep_status_fields else unpacked.octets,
            unpacked.flags,
            unpacked.received_at_ms,
            checkpoint,
            end,
            tuple(dict.fromkeys(self._mailbox(levels) for levels in unpacked.mailboxes)),
            self._identity(entry) if unpacked.mailboxes else "",
        )

    def _identity(self, entry: Entry) -> str:
        """Takeout by label has a message in the mbox of each of its labels, each time with all of them."""
        is_takeout = _GMAIL_ID.fullmatch(entry.sender)
        return f"gmail:{entry.sender.decode('ascii')} into {self.labels_below or ''}" if is_takeout else ""

    def _mailbox(self, levels: tuple[str, ...]) -> str:
        is_inbox = len(levels) == 1 and levels[0].upper() == INBOX
        return self.labels_below if self.labels_below and is_inbox else mailbox_of(levels, self.labels_below)


@dataclass(frozen=True, slots=True)
class MboxSource:
    """One file, also `.gz`."""

    path: Path
    mailbox: str
    labels_below: str | None = None
    """See `MboxReader`."""
    keep_status_fields: bool = False
    max_message_octets: int = MAX_MESSAGE_OCTETS

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return f"mbox:{readable(str(self.path.absolute()))} into {self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return self.path.stat().st_size

    def read(
        self, checkpoint_of: Callable[[str], Checkpoint | None]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """See `Source.read`."""
        latest = checkpoint_of("")
        reader = MboxReader(
            str(self.path),
            labels_below=self.labels_below,
            keep_status_fields=self.keep_status_fields,
            max_message_octets=self.max_message_octets,
        )
        with opened(self.path) as (file, packed_octets):
            # Progress counts octets of the file, positions count octets of the uncompressed text.
            chunks = Chunks(file, packed_octets, latest.position if latest else 0)
            yield from reader.read(chunks, latest, lambda _: packed_octets())


def _whole(entries: Iterable[Entry | Oversized], chunks: Chunks) -> Iterator[Entry | Oversized]:
    """The entries without the last one where its end can't be read."""
    held = None
    for entry in entries:
        if held is not None:
            yield held
        held = entry if chunks.failure else None
        if held is None:
            yield entry


def _is_same(entry: Entry | Oversized, latest: Checkpoint) -> bool:
    """Whether this is the message of the checkpoint; its flags may have changed."""
    unpacked = unpack(entry) if isinstance(entry, Entry) else None
    return latest.fingerprint in (_fingerprint(entry, None), _fingerprint(entry, unpacked))


def _fingerprint(entry: Entry | Oversized, unpacked: Unpacked | None) -> bytes:
    if isinstance(entry, Oversized):
        return str(entry.size).encode()
    return blake2b(unpacked.octets if unpacked else entry.octets, digest_size=16).digest()
