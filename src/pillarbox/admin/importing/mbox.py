"""An mbox file as a source.

Flags are read from the `Status`, `X-Status` and `X-Keywords` fields, as mail programs have written them since
Berkeley Mail; these fields are then removed, unless they are to be kept.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, cast

from pillarbox.admin.importing.source import Checkpoint, SkippedMessage, SourceChanged, SourceMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.header import Header
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS, Entry, Oversized, messages

CHUNK_OCTETS = 1 << 20

_STATUS = {"R": flag_text.SEEN}
_X_STATUS = {
    "A": flag_text.ANSWERED,
    "F": flag_text.FLAGGED,
    "D": flag_text.DELETED,
    "T": flag_text.DRAFT,
}


@dataclass(frozen=True, slots=True)
class MboxSource:
    """One file."""

    path: Path
    mailbox: str
    keep_status_fields: bool = False
    """Whether the fields with the flags stay in the message."""
    max_message_octets: int = MAX_MESSAGE_OCTETS
    """Messages beyond this size are skipped."""

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return f"mbox:{self.path.absolute()} into {self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return self.path.stat().st_size

    def read(
        self, checkpoint_of: Callable[[str], Checkpoint | None]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """See `Source.read`."""
        latest = checkpoint_of("")
        count = latest.messages if latest else 0
        with self.path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            # Progress counts octets of the file, positions count octets of the uncompressed text.
            file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
            base = latest.position if latest else 0
            file.seek(base)
            entries = messages(
                iter(lambda: file.read(CHUNK_OCTETS), b""), max_message_octets=self.max_message_octets
            )
            if latest:
                again = next(entries, None)
                if again is None or _fingerprint(again) != latest.fingerprint:
                    raise SourceChanged(
                        f"{self.path} was changed since part of it was imported. "
                        "To import all of it again: --again"
                    )
            for entry in entries:
                end = raw.tell() if packed else base + entry.end
                count += isinstance(entry, Entry)
                checkpoint = Checkpoint("", base + entry.start, _fingerprint(entry), count)
                yield self._convert(entry, checkpoint, end)

    def _convert(
        self, entry: Entry | Oversized, checkpoint: Checkpoint, end: int
    ) -> SourceMessage | SkippedMessage:
        where = f"{self.path}, octet {checkpoint.position}"
        if isinstance(entry, Oversized):
            return SkippedMessage(
                where, f"{entry.size} octets are over the limit of {self.max_message_octets}", checkpoint, end
            )
        octets, flags = _without_status(entry.message)
        return SourceMessage(
            entry.message if self.keep_status_fields else octets, flags, entry.received_at_ms, checkpoint, end
        )


def _fingerprint(entry: Entry | Oversized) -> bytes:
    if isinstance(entry, Oversized):
        return str(entry.size).encode()
    return blake2b(entry.octets, digest_size=16).digest()


def _without_status(octets: bytes) -> tuple[bytes, str]:
    header, body_start = Header.parse(octets)
    if not any(name in header for name in ("Status", "X-Status", "X-Keywords")):
        return octets, ""
    letters = (header.first("Status") or b"").decode("latin-1")
    more = (header.first("X-Status") or b"").decode("latin-1")
    keywords = (header.first("X-Keywords") or b"").decode("latin-1").replace(",", " ").split()
    known = [_STATUS[letter] for letter in letters if letter in _STATUS]
    known += [_X_STATUS[letter] for letter in more if letter in _X_STATUS]
    bare = header.without("Status", "X-Status", "X-Keywords")
    return bare.octets + octets[body_start:], flags_of([*known, *keywords])


def flags_of(names: Iterable[str]) -> str:
    """Canonical text of these flags and keywords, without those that IMAP can't represent or that are too many."""
    good: dict[str, None] = {}
    for name in names:
        try:
            good.setdefault(flag_text.canonical([name]))
        except (flag_text.InvalidFlag, flag_text.TooManyFlags):
            continue
    ends = accumulate(len(name) + 1 for name in good)
    room = flag_text.MAX_TEXT_OCTETS
    fitting = [name for name, end in zip(good, ends, strict=True) if end <= room]
    return flag_text.canonical(fitting[: flag_text.MAX_KEYWORDS])
