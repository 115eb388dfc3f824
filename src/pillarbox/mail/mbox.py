"""The mbox format (RFC 4155 and its variants): many messages in one file.

`messages` turns chunks of octets, cut anywhere, into messages one at a time; it holds one message and one chunk in
memory, never the file. `mbox_separator` has the line that begins a message. What precedes the first separator is a
message too, so a file with a single bare message works.

Content-Length (mboxcl, mboxcl2) is believed where it ends exactly at a separator or at the end of the file: then the
text may have lines that look like separators.

Quoting is undone as defined by mboxrd: `>From ` and `>>From ` lose one `>`; in mboxo, where `>>From ` was never
quoted, that line loses one too many. Where the length is believed, and a line begins with a bare "From " or the header
has the UID that Dovecot writes, nothing was quoted (mboxcl2). Line ends are kept; `Entry.message` gives the form that
IMAP needs.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.mail import mbox_separator

MAX_MESSAGE_OCTETS: Final = 150 * 1024 * 1024
"""A larger message is skipped and reported as `Oversized`."""
_MAX_LENGTH_HEADER_OCTETS: Final = 64 * 1024
"""A Content-Length beyond these octets of the header is not seen."""

_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEADER_END: Final = re.compile(rb"\n\r?\n")
_LENGTH: Final = re.compile(rb"\nContent-Length:[ \t]{0,8}(\d{1,12})[ \t]{0,8}\r?\n", re.IGNORECASE)
_DOVECOT: Final = re.compile(rb"^X-UID: \d", re.MULTILINE)
_EMPTY_LINES: Final = re.compile(rb"(?:\r?\n){0,2}")


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
    counted: bool = False
    """Whether its Content-Length was believed."""

    @property
    def message(self) -> bytes:
        """The message with CRLF line ends (RFC 5322 §2.1)."""
        return with_crlf(self.octets)

    @property
    def sender(self) -> bytes:
        """The envelope sender in the separator (RFC 4155 Appendix A)."""
        words = self.separator.split(None, 2)
        return words[1] if len(words) > 1 else b""

    @property
    def received_at_ms(self) -> int | None:
        """When it was received, in ms since 1970; without a zone it is UTC (RFC 4155 Appendix A)."""
        return mbox_separator.received_at_ms(self.separator)


@dataclass(frozen=True, slots=True)
class Oversized:
    """A message over the limit; its octets were not kept."""

    separator: bytes
    size: int
    """Octets."""
    start: int = 0
    end: int = 0


def with_crlf(octets: bytes) -> bytes:
    """The octets with CRLF for each bare LF (RFC 5322 §2.1)."""
    if octets.count(b"\n") == octets.count(b"\r\n"):
        return octets
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # several times as fast as an expression


def messages(
    chunks: Iterable[bytes], *, max_message_octets: int = MAX_MESSAGE_OCTETS
) -> Iterator[Entry | Oversized]:
    """The messages of an mbox, in order."""
    splitter = _Splitter(max_message_octets)
    for chunk in chunks:
        yield from splitter.feed(chunk)
    yield from splitter.finish()


class _Splitter:
    """The octets of a message that has not ended yet, and what is known about it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # The buffer begins with the line end before the message, so that the first line is like all others.
        self._buffer = bytearray(b"\n")
        self._removed = 0
        """Octets removed from the buffer: its octet 1 is octet `_removed` of the input."""
        self._at_end = False
        self._next(b"", 0)

    def _next(self, separator: bytes, begin: int) -> None:
        """A message begins, behind its separator."""
        self._separator, self._begin = separator, begin
        self._searched = self._dropped = 0
        self._length_known = False

    def feed(self, chunk: bytes) -> Iterator[Entry | Oversized]:
        self._buffer += chunk
        while (entry := self._entry()) is not None:
            yield from entry
        if self._searched > self._limit:
            # The last two octets tell whether an empty line comes before what follows.
            drop = self._searched - 2
            self._dropped += drop
            self._removed += drop
            del self._buffer[1 : 1 + drop]
            self._searched -= drop

    def finish(self) -> Iterator[Entry | Oversized]:
        self._at_end = True
        yield from self.feed(b"")
        end = len(self._buffer)
        yield from self._made(_without_last_empty_line(bytes(self._buffer[1:])), end, quoted=True)

    def _entry(self) -> tuple[Entry | Oversized, ...] | None:
        """The next message, if all of it is there; nothing for one that is empty."""
        if not self._length_known and not self._dropped:
            if (ends := self._believed_end()) is None:
                return None
            self._length_known = True
            if ends:
                return self._cut(*ends)
        found = mbox_separator.find(
            self._buffer, self._searched, at_end=self._at_end, begins=not (self._separator or self._dropped)
        )
        if isinstance(found, int):
            self._searched = found
            return None
        octets = _without_last_empty_line(bytes(self._buffer[1 : found[0]]))
        return self._cut_at(found, self._made(octets, found[0], quoted=True))

    def _believed_end(self) -> tuple[int, int] | tuple[()] | None:
        """Where the message ends by its Content-Length, and where the next separator begins.

        Empty where it is not to be believed, `None` where more octets are needed to tell.
        """
        buffer = self._buffer
        header_end = _HEADER_END.search(buffer, 0, _MAX_LENGTH_HEADER_OCTETS)
        if header_end is None:
            return None if len(buffer) < _MAX_LENGTH_HEADER_OCTETS and not self._at_end else ()
        length = _LENGTH.search(buffer, 0, header_end.end())
        if length is None or buffer.find(b"\nFrom ", 0, length.start()) >= 0 or int(length[1]) > self._limit:
            return ()
        end = header_end.end() + int(length[1])
        if len(buffer) < end + mbox_separator.REACH_OCTETS and not self._at_end:
            return None
        if len(buffer) < end:
            return ()
        following = _EMPTY_LINES.match(buffer, end)
        assert following is not None  # it matches anywhere
        at = following.end()
        if at == len(buffer) or (buffer[at - 1] == ord("\n") and mbox_separator.is_at(buffer, at)):
            return end, at
        return ()

    def _cut(self, end: int, at: int) -> tuple[Entry | Oversized, ...]:
        octets = bytes(self._buffer[1:at])
        octets = octets[: max(end - 1, len(_without_last_empty_line(octets)))]
        quoted = b"\nFrom " not in octets and not _is_of_dovecot(octets)
        made = self._made(octets, at, quoted=quoted, counted=True)
        if at < len(self._buffer):
            line_end = self._buffer.index(b"\n", at)
            return self._cut_at((at, bytes(self._buffer[at:line_end]).rstrip(b"\r"), line_end), made)
        self._removed += at - 1
        self._buffer[:] = b"\n"
        self._next(b"", self._removed)
        return made

    def _cut_at(
        self, found: tuple[int, bytes, int], made: tuple[Entry | Oversized, ...]
    ) -> tuple[Entry | Oversized, ...]:
        """Remove a message and the separator of the next one from the buffer."""
        start, separator, line_end = found
        begin = self._removed + start - 1
        del self._buffer[:line_end]
        self._removed += line_end
        self._next(separator, begin)
        return made

    def _made(
        self, octets: bytes, end: int, *, quoted: bool, counted: bool = False
    ) -> tuple[Entry | Oversized, ...]:
        span = self._begin, self._removed + end - 1
        size = self._dropped + len(octets)
        if size > self._limit:
            return (Oversized(self._separator, size, *span),)
        if not self._separator and not octets.strip():
            return ()
        if quoted and b">From " in octets:
            octets = _QUOTED.sub(rb"\1", octets)
        return (Entry(self._separator, octets, *span, counted),)


def _is_of_dovecot(octets: bytes) -> bool:
    header_end = _HEADER_END.search(octets, 0, _MAX_LENGTH_HEADER_OCTETS)
    return header_end is not None and _DOVECOT.search(octets, 0, header_end.end()) is not None


def _without_last_empty_line(octets: bytes) -> bytes:
    for empty in (b"\r\n", b"\n"):
        if octets.endswith(b"\n" + empty) or octets == empty:
            return octets[: -len(empty)]
    return octets
