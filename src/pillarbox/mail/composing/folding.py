"""Header fields as octets: words, folded (RFC 5322 §2.1.1, §2.2.3).

A field may be folded between any two of its words, and nowhere else.
"""

import re
from collections.abc import Iterable
from typing import Final

MAX_LINE_OCTETS: Final = 998
"""The longest line, without its CRLF (RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6)."""
FOLDED_OCTETS: Final = 76
"""Lines are folded to this length where words allow it: 78 by RFC 5322 §2.1.1, 76 by RFC 2047 §2."""
MAX_FIELD_OCTETS: Final = 64 * 1024
"""Text of one field, but for an address list."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]+")
MAX_NAME_OCTETS: Final = 128
"""Names of fields, so that their first line has room for a word."""


class NotWritable(ValueError):
    """It has no form in a header field; the text says why, and may be sent to a client."""


def is_field_name(name: str) -> bool:
    """Whether a field may have this name (RFC 5322 §3.6.8)."""
    return len(name) <= MAX_NAME_OCTETS and _FIELD_NAME.fullmatch(name) is not None


def checked(text: str, max_octets: int = MAX_FIELD_OCTETS) -> str:
    """The text, which has no control character but TAB; raises `NotWritable`."""
    if len(text) > max_octets:
        raise NotWritable(f"longer than {max_octets} octets")
    if _CONTROL.search(text):
        raise NotWritable("has a line end or another control character")
    return text


def field(name: str, words: Iterable[str]) -> bytes:
    """A whole field with its line end. Raises `NotWritable` where a word does not fit on a line."""
    pieces = [name, ":"]
    used = len(name) + 1
    is_first = True
    for word in words:
        size = len(word) if word.isascii() else len(word.encode())
        if used + 1 + size > FOLDED_OCTETS and not is_first:
            pieces.append("\r\n")
            used = 0
        used += 1 + size
        if used > MAX_LINE_OCTETS:
            raise NotWritable(f"a word is too long for a line of {MAX_LINE_OCTETS} octets")
        pieces += (" ", word)
        is_first = False
    pieces.append("\r\n")
    return "".join(pieces).encode()


def raw_field(name: str, value: str) -> bytes:
    """A field whose value is written as it is; only lines beyond the limit are folded. Raises `NotWritable`.

    Its own folding stays: a line end, CRLF or LF, before white space in a line that has something else as well.
    """
    if len(value) > MAX_FIELD_OCTETS:
        raise NotWritable(f"longer than {MAX_FIELD_OCTETS} octets")
    lines = value.replace("\r\n", "\n").split("\n")
    for place, line in enumerate(lines):
        checked(line)
        # RFC 5322 §3.2.2: no line consists of white space only, and each but the first begins with it
        if place and (line[:1] not in (" ", "\t") or not line.strip(" \t")):
            raise NotWritable("a line end that folds nothing")
    lines[0] = f"{name}:{lines[0]}"
    return b"".join(piece + b"\r\n" for line in lines for piece in _fitting(line.encode()))


def _fitting(line: bytes) -> Iterable[bytes]:
    """A line, folded before white space if it is too long."""
    while len(line) > MAX_LINE_OCTETS:
        at = max(line.rfind(b" ", 1, MAX_LINE_OCTETS), line.rfind(b"\t", 1, MAX_LINE_OCTETS))
        # something has to remain on either side
        if at <= 0 or not line[:at].strip(b" \t") or not line[at:].strip(b" \t"):
            raise NotWritable(f"a line longer than {MAX_LINE_OCTETS} octets")
        yield line[:at]
        line = line[at:]
    yield line
