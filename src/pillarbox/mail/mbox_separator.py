"""The line that begins a message in an mbox: `From sender date` (RFC 4155 Appendix A), as programs write it.

Text may begin with "From " as well, and not all writers quote it. So how much a line must look like a separator depends
on where it stands:

- A sender and a full date, as C's `asctime` or RFC 5322 writes them, are a separator after an empty line, and elsewhere
  if a header field follows: not all writers end a message with an empty line.
- `From ` or `From -` alone (Thunderbird), or an address and some time, are one after an empty line if a field follows.
"""

import re
from typing import Final

from pillarbox.mail import date

MAX_SEPARATOR_OCTETS: Final = 1_000
"""A longer line is not a separator."""
_FIELD_OCTETS: Final = 80
"""Octets of the next line within which the name of a field ends."""
REACH_OCTETS: Final = MAX_SEPARATOR_OCTETS + _FIELD_OCTETS + 16
"""What is looked at, at most, from the empty line before a separator on."""

_LINE: Final = re.compile(rb"\n(From [^\n]{0,%d})\n" % MAX_SEPARATOR_OCTETS)
_DAY: Final = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[,\s]\s{0,4}"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_CLOCK: Final = rb"\d\d?:\d\d(?::\d\d)?"
_ZONE: Final = rb"(?:\s{1,4}(?:[A-Z]{1,5}|[+-]\d{4})){0,2}"
_FULL: Final = re.compile(
    rb"From .*?\b" + _DAY + rb"(?:"
    # asctime: Jul 23 19:39:23 2002, with a zone before or behind the year
    + _MONTH + rb"\s{1,4}\d\d?\s{1,4}" + _CLOCK + _ZONE + rb"\s{1,4}\d{4}" + _ZONE
    # RFC 5322 §3.3: 23 Jul 2002 19:39:23 +0200
    + rb"|\d\d?[\s-]" + _MONTH + rb"[\s-]\d{4}\s{1,4}" + _CLOCK + _ZONE + rb"(?:\s{1,4}\([A-Z]{1,5}\))?"
    # UUCP
    + rb")(?:\s{1,4}remote\sfrom\s[^\s]{1,255})?\s*\Z"
)  # fmt: skip
_LOOSE: Final = re.compile(rb"From (?:-?\s*\Z|(?:[^\s@]{0,320}@[^\s]{0,320}|-)\s.*?\d:\d\d)")
_FIELD: Final = re.compile(rb"[!-9;-~]{1,%d}[ \t]?:" % (_FIELD_OCTETS - 2))
_BEFORE_DATE: Final = re.compile(rb"\b" + _DAY + rb"|\b(?=\d\d?[\s-]" + _MONTH + rb")|\b(?=\d{4}-\d\d-\d\d)")
_UUCP: Final = re.compile(rb"\sremote\sfrom\s.*")
_YEAR_10000_MS: Final = 253_402_300_800_000


def find(buffer: bytearray, start: int, *, at_end: bool, begins: bool) -> tuple[int, bytes, int] | int:
    """The first separator whose line comes after a line feed at `start` or later.

    `at_end`: nothing comes after the buffer. `begins`: the buffer's first octet is a line feed before the first line.
    Returns the offset of the line, its text, and the offset of its line end; where there is none, the offset at which
    to search again when there is more.
    """
    while found := _LINE.search(buffer, start):
        verdict = _judge(buffer, found, at_end=at_end, begins=begins)
        if verdict is None:
            return found.start()
        if verdict:
            return found.start() + 1, found[1].rstrip(b"\r"), found.end() - 1
        start = found.start() + 1
    return max(start, len(buffer) - MAX_SEPARATOR_OCTETS - 16)


def is_at(buffer: bytearray, at: int) -> bool:
    """Whether a separator stands there, where a Content-Length says that a message has ended."""
    found = _LINE.match(buffer, at - 1)
    if found is None:
        return False
    line = found[1].rstrip(b"\r")
    return bool(_FULL.match(line) or (_LOOSE.match(line) and _FIELD.match(buffer, found.end())))


def begins_mbox(head: bytes) -> bool:
    """Whether a file that begins with these octets, "From " first, is an mbox: a date or a field must be there too."""
    line, line_end, rest = head.partition(b"\n")
    return bool(line_end) and bool(_FULL.match(line.rstrip(b"\r")) or _FIELD.match(rest))


def received_at_ms(separator: bytes) -> int | None:
    """The date of a separator, in ms since 1970; without a zone it is UTC (RFC 4155 Appendix A)."""
    found = _BEFORE_DATE.search(separator)
    at_ms = date.parse(_UUCP.sub(b"", separator[found.end() :])) if found else None
    return None if at_ms is None or at_ms >= _YEAR_10000_MS else at_ms


def _judge(buffer: bytearray, found: re.Match[bytes], *, at_end: bool, begins: bool) -> bool | None:
    """Whether the line is a separator; `None` where the next line must be seen, and is not there yet."""
    before, line = found.start(), found[1].rstrip(b"\r")
    full = _FULL.match(line) is not None
    after_empty_line = buffer.endswith((b"\n", b"\n\r"), 0, before)
    if full and (after_empty_line or before == 0):
        return True
    if not (full or ((after_empty_line or (before == 0 and begins)) and _LOOSE.match(line))):
        return False
    if _FIELD.match(buffer, found.end()):
        return True
    following = len(buffer) - found.end()
    return False if at_end or following >= _FIELD_OCTETS or buffer.find(b"\n", found.end()) >= 0 else None
