"""The mbox format (RFC 4155 and its variants): many messages in one file.

`messages` turns chunks of octets, cut anywhere, into messages one at a time; it holds one message and one chunk in
memory, never the file. A message begins at a line `From sender date`. Not all writers end a message with an empty
line, and not all quote "From " in running text; so a line with a full date begins a message anywhere, and a line with
at least a time of day begins one after an empty line. What precedes the first separator is a message too, so a file
with a single bare message works.

Quoting is undone as defined by mboxrd: `>From ` and `>>From ` lose one `>`. Line ends are kept;
`Entry.message` gives the form that IMAP needs.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

from pillarbox.mail.date import MONTHS

MAX_MESSAGE_OCTETS: Final = 150 * 1024 * 1024
"""A larger message is skipped and reported as `Oversized`."""
_SEPARATOR_OCTETS: Final = 1_000
"""A longer line is not a separator."""

_LINE: Final = re.compile(rb"\n(From [^\n]{1,%d})\n" % _SEPARATOR_OCTETS)
_CTIME: Final = re.compile(
    rb"From .*\s(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[,\s]+[A-Z][a-z]{2}\s+\d\d?\s+\d\d?:\d\d"
)
_TIME: Final = re.compile(rb"\s\d?\d:\d\d")
_DATE: Final = re.compile(
    rb"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s+(?P<day>\d\d?)\s+(?P<hour>\d\d?):(?P<minute>\d\d)"
    rb"(?::(?P<second>\d\d))?(?:\s+[A-Z]{1,5})?(?:\s+(?P<zone>[+-]\d{4}))?\s+(?P<year>\d{4})(?:\s+(?P<late>[+-]\d{4}))?"
)
_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the file."""

    separator: bytes
    """The `From ` line without its line end; empty for a message without one."""
    octets: bytes
    """The message, unquoted, its line ends as in the file."""
    start: int = 0
    """Offset at which its separator begins, from the start of reading."""
    end: int = 0
    """Offset at which the next message begins."""

    @property
    def message(self) -> bytes:
        """The message with CRLF line ends (RFC 5322 §2.1)."""
        if self.octets.count(b"\n") == self.octets.count(b"\r\n"):
            return self.octets
        return _BARE_LF.sub(b"\r\n", self.octets)

    @property
    def sender(self) -> bytes:
        """The envelope sender in the separator (RFC 4155 Appendix A)."""
        words = self.separator.split(None, 2)
        return words[1] if len(words) > 1 else b""

    @property
    def received_at_ms(self) -> int | None:
        """When it was received, in ms since 1970; without a zone it is UTC (RFC 4155 Appendix A)."""
        return _date(self.separator)


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message over the limit; its octets were not kept."""

    separator: bytes
    size: int
    """Octets."""
    start: int = 0
    end: int = 0


def messages(
    chunks: Iterable[bytes], *, max_message_octets: int = MAX_MESSAGE_OCTETS
) -> Iterator[Entry | Oversized]:
    """The messages of an mbox, in order."""
    # The buffer begins with the line end before the message, so that the first line is like all others.
    buffer, separator, dropped, scanned = bytearray(b"\n"), b"", 0, 0
    # Octets removed from the buffer: its octet 1 is octet `removed` of the input.
    begin = removed = 0
    for chunk in chain(chunks, (None,)):
        if chunk is not None:
            buffer += chunk
        while found := _next_separator(buffer, scanned):
            start, following, end = found
            span = begin, removed + start - 1
            yield from _entry(separator, bytes(buffer[1:start]), dropped, max_message_octets, span)
            separator, dropped, scanned, begin = following, 0, 0, span[1]
            del buffer[:end]
            removed += end
        scanned = max(0, len(buffer) - _SEPARATOR_OCTETS - 16)
        if scanned > max_message_octets:
            dropped += scanned - 1
            removed += scanned - 1
            del buffer[1:scanned]
            scanned = 0
    span = begin, removed + len(buffer) - 1
    yield from _entry(separator, bytes(buffer[1:]), dropped, max_message_octets, span)


def _next_separator(buffer: bytearray, at: int) -> tuple[int, bytes, int] | None:
    """The offset of a separator, its text, and the offset of its line end."""
    while found := _LINE.search(buffer, at):
        before, line = found.start(), found[1].rstrip(b"\r")
        after_empty_line = before == 0 or buffer.endswith((b"\n", b"\n\r"), 0, before)
        if _CTIME.match(line) or (after_empty_line and _TIME.search(line)):
            return before + 1, line, found.end() - 1
        at = before + 1
    return None


def _entry(
    separator: bytes, octets: bytes, dropped: int, limit: int, span: tuple[int, int]
) -> Iterator[Entry | Oversized]:
    if dropped or len(octets) > limit:
        yield Oversized(separator, dropped + len(octets), *span)
    elif separator or octets.strip():
        octets = _without_last_empty_line(octets)
        unquoted = _QUOTED.sub(rb"\1", octets) if b">From " in octets else octets
        yield Entry(separator, unquoted, *span)


def _without_last_empty_line(octets: bytes) -> bytes:
    for empty in (b"\r\n", b"\n"):
        if octets.endswith(b"\n" + empty) or octets == empty:
            return octets[: -len(empty)]
    return octets


def _date(separator: bytes) -> int | None:
    found = _DATE.search(separator)
    if found is None:
        return None
    month = MONTHS.index(found["month"].decode("ascii")) + 1
    day, hour, minute, second = (int(found[name] or 0) for name in ("day", "hour", "minute", "second"))
    try:
        received = datetime(int(found["year"]), month, day, hour, minute, second, tzinfo=UTC)
        zone = int(found["zone"] or found["late"] or 0)
        hours, minutes = divmod(abs(zone), 100)
        offset = timedelta(hours=hours, minutes=minutes)
        received += offset if zone < 0 else -offset
    except (ValueError, OverflowError):
        return None
    return int(received.timestamp()) * 1000
