"""An mbox file as a source. `fields` tells flags and labels; what it reads is removed, unless it is to be kept.

A file that has grown is read on from the last message imported: what is behind it is new. One that is another now
(Thunderbird has compacted it, messages were deleted or moved) is read from its start, and its messages are recognized
one by one. So it is by each later run, as any message that was imported may stand in it again, at any place.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.fields import Unpacked, unpack
from pillarbox.admin.importing.names import mailbox_of, readable
from pillarbox.admin.importing.reading import Chunks, opened
from pillarbox.admin.importing.recognition import Recognition, digest
from pillarbox.admin.importing.source import (
    AlreadyImported,
    Checkpoint,
    Found,
    SkippedMessage,
    SourceChanged,
    SourceMessage,
)
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS, Entry, Oversized, messages

_EACH: Final = b"each:"
"""What the fingerprint of a stream begins with whose messages are recorded one by one; an earlier version did not."""
_ANEW: Final = _EACH + b"anew"
"""The fingerprint of no message."""
_CHANGED: Final = (
    "it was changed since part of it was imported, and an earlier version did not record which messages those were. "
    "To import all of it again: --again"
)
_GMAIL_ID: Final = re.compile(rb"[0-9]{1,20}@xxx")
"""The sender in a separator of Takeout: the id of the message."""


def anew(item: str) -> Checkpoint:
    """What stands for the latest checkpoint of an mbox that was changed: it is read from its start."""
    return Checkpoint(item, fingerprint=_ANEW, messages=0)


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
        self, chunks: Chunks, latest: Checkpoint | None, recognition: Recognition, end: Callable[[int], int]
    ) -> Iterator[Found]:
        """The messages behind the latest checkpoint, at which the chunks begin; `None`, or `anew`: all.

        `end`: octets of the source that are read where so many of the mbox are. Raises `SourceChanged` before the first
        message where the latest one is not there.
        """
        is_anew = latest is not None and latest.fingerprint == _ANEW
        if latest and is_anew:
            yield AlreadyImported(0, end(0), (latest,))  # before all messages: the run may be stopped
            latest = None
        base, count = (latest.position, latest.messages) if latest else (0, 0)
        entries = _whole(messages(chunks, max_message_octets=self.max_message_octets), chunks)
        at = base
        if latest:
            imported = next(entries, None)
            if imported is not None and _is_same(imported, latest):
                at = base + imported.end
            elif not chunks.failure:
                raise SourceChanged(_CHANGED, each_recorded=_is_each_recorded(latest))
            yield AlreadyImported(count, end(at))
        prefix = _EACH if latest is None or _is_each_recorded(latest) else b""
        for entry in entries:
            at = base + entry.end
            found: SourceMessage | SkippedMessage
            if isinstance(entry, Oversized):
                found, octets = self._too_large(entry, base + entry.start, end(at)), b"%d octets" % entry.size
            elif (unpacked := unpack(entry)).is_mail and entry.octets.strip():
                found, octets = self._message(entry, unpacked, end(at)), unpacked.octets
                count += 1
            else:
                continue
            if latest:
                own, known = recognition.new(octets, self.item), False
            else:
                own, known = recognition.next(octets, self.item)
            stream = None
            if not is_anew:  # else all may be there that was imported, also behind this message
                stream = Checkpoint(self.item, base + entry.start, prefix + _fingerprint(entry), count)
            if known:
                already = int(isinstance(found, SourceMessage))
                yield AlreadyImported(already, end(at), (stream,) if stream else ())
            else:
                yield replace(found, checkpoint=stream, also=own)
        if chunks.failure:
            yield SkippedMessage(f"{self.where}, octet {at}", chunks.failure, None, end(at))

    def _too_large(self, entry: Oversized, position: int, end: int) -> SkippedMessage:
        reason = f"{entry.size} octets are over the limit of {self.max_message_octets}"
        return SkippedMessage(f"{self.where}, octet {position}", reason, None, end)

    def _message(self, entry: Entry, unpacked: Unpacked, end: int) -> SourceMessage:
        return SourceMessage(
            entry.message if self.keep_status_fields else unpacked.octets,
            unpacked.flags,
            unpacked.received_at_ms,
            None,
            end,
            tuple(dict.fromkeys(self._mailbox(levels) for levels in unpacked.mailboxes)),
            self._identity(entry, unpacked) if unpacked.mailboxes else "",
        )

    def _identity(self, entry: Entry, unpacked: Unpacked) -> str:
        """Takeout by label has a message in the mbox of each of its labels, each time with all of them.

        The id alone does not tell a message from all others: who splits or joins mbox files may give it to several.
        """
        if not _GMAIL_ID.fullmatch(entry.sender):
            return ""
        whose = f"{entry.sender.decode('ascii')} {digest(unpacked.octets).hex()}"
        return f"gmail:{whose} into {self.labels_below or ''}"

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

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """See `Source.read`."""
        latest, recognition = checkpoint_of(""), Recognition(checkpoint_of)
        reader = MboxReader(
            str(self.path),
            labels_below=self.labels_below,
            keep_status_fields=self.keep_status_fields,
            max_message_octets=self.max_message_octets,
        )
        with opened(self.path) as (file, packed_octets):

            def read(latest: Checkpoint | None) -> Iterator[Found]:
                # Progress counts octets of the file, positions count octets of the uncompressed text.
                chunks = Chunks(file, packed_octets, latest.position if latest else 0)
                return reader.read(chunks, latest, recognition, lambda _: packed_octets())

            try:
                yield from read(latest)
            except SourceChanged as changed:
                if not changed.each_recorded:
                    yield SkippedMessage(str(self.path), str(changed), None, self.octets)
                    return
                yield from read(anew(""))


def _whole(entries: Iterable[Entry | Oversized], chunks: Chunks) -> Iterator[Entry | Oversized]:
    """The entries without the last one where its end can't be read."""
    held = None
    for entry in entries:
        if held is not None:
            yield held
        held = entry if chunks.failure else None
        if held is None:
            yield entry


def _is_each_recorded(latest: Checkpoint) -> bool:
    return latest.fingerprint.startswith(_EACH)


def _is_same(entry: Entry | Oversized, latest: Checkpoint) -> bool:
    """Whether this is the message of the checkpoint; its flags may have changed."""
    if isinstance(entry, Oversized) or _is_each_recorded(latest):
        return latest.fingerprint.removeprefix(_EACH) == _fingerprint(entry)
    # As earlier versions recorded it
    octets = (entry.octets, unpack(entry).octets)
    return latest.fingerprint in [blake2b(each, digest_size=16).digest() for each in octets]


def _fingerprint(entry: Entry | Oversized) -> bytes:
    return str(entry.size).encode() if isinstance(entry, Oversized) else digest(unpack(entry).octets)
