"""Bodies in ASCII, in pieces: base64 and quoted-printable (RFC 2045 §6).

Each step takes a millisecond at most where pieces have no more than 64 KiB, so that nobody waits for a large body.
"""

import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from pillarbox.mail.composing.folding import MAX_LINE_OCTETS

Encoding = Literal["7bit", "8bit", "quoted-printable", "base64"]

_LINE: Final = 57
"""Octets in a line of base64: 76 characters (RFC 2045 §6.8)."""
_SLICE: Final = _LINE * 1024
_TEXT_SLICE: Final = 32 * 1024
"""Characters of text that are handled at once, and octets of a line that is written before its end is known."""
_HIGH: Final = bytes(range(128, 256))
_CONTROLS: Final = bytes(code for code in range(32) if code not in b"\t\r\n") + b"\x7f"
BOUNDARY_MARK: Final = b"=_"
"""What boundaries begin with: it is in no base64 and in no quoted-printable (RFC 2045 §6.7)."""
_SENSITIVE: Final = re.compile(rb"\n(?:From |[^\r\n]{%d})|[ \t]\r\n|--=_" % (MAX_LINE_OCTETS + 1))
"""What relays change, or a reader takes for a boundary."""
_LONG_LINE: Final = re.compile(rb"\n[^\r\n]{%d}" % (MAX_LINE_OCTETS + 1))
_FROM: Final = re.compile(rb"(?<![^\n])From ")


def base64_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Octets in base64, a thousand lines at a time; the last line has no CRLF. A piece gives octets, or none yet."""
    rest, between = b"", b""
    for piece in pieces:
        at = 0
        while len(piece) - at + len(rest) >= _SLICE:
            size = _SLICE - len(rest)
            yield between + _base64(rest + piece[at : at + size])
            rest, at, between = b"", at + size, b"\r\n"
        rest += piece[at:]
    if rest:
        yield between + _base64(rest)


def _base64(octets: bytes) -> bytes:
    return b"\r\n".join(
        [binascii.b2a_base64(octets[at : at + _LINE], newline=False) for at in range(0, len(octets), _LINE)]
    )


def text_lines(text: str) -> Iterator[bytes]:
    """Text in UTF-8 with CRLF for each line end, LF or CRLF; a lone CR is kept. In slices that do not end with CR."""
    at = 0
    while at < len(text):
        until = min(at + _TEXT_SLICE, len(text))
        while until < len(text) and text[until - 1] == "\r":
            until += 1
        some = text[at:until]
        yield some.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")
        at = until


class TextScan:
    """Chooses the encoding of a text that is seen in pieces, as `text_lines` gives them."""

    __slots__ = ("_bare", "_high", "_octets", "_sensitive", "_tail")

    def __init__(self) -> None:
        self._octets = 0
        self._high = 0
        self._sensitive = False
        self._bare = False
        self._tail = b"\n"

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._octets += len(piece)
        if not piece.isascii():
            self._high += len(piece) - len(piece.translate(None, _HIGH))
        self._bare = self._bare or piece.count(b"\r") != piece.count(b"\r\n") or b"\0" in piece
        if not self._sensitive:
            seen = self._tail + piece
            self._sensitive = _SENSITIVE.search(seen) is not None or len(
                piece.translate(None, _CONTROLS)
            ) < len(piece)
            self._tail = seen[-(MAX_LINE_OCTETS + 3) :]

    def encoding(self) -> Encoding:
        """7bit where nothing on the way changes it, else quoted-printable if most of it stays readable."""
        if self._bare or self._high * 4 >= max(self._octets, 1):
            return "base64"
        ends_blank = self._tail[-1:] in (b" ", b"\t")
        return "quoted-printable" if self._high or self._sensitive or ends_blank else "7bit"


def quoted_printable(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Text with CRLF line ends as quoted-printable, some lines at a time (RFC 2045 §6.7).

    "From " at the beginning of a line is encoded: mbox files, and relays that write them, would change it.
    """
    rest = b""
    for piece in pieces:
        octets = rest + piece
        # whole lines; of a long line, what there is of it, but no half of a line end
        end = octets.rfind(b"\n") + 1
        if not end and len(octets) > _TEXT_SLICE:
            end = len(octets) - (octets[-1:] == b"\r")
            yield _quoted(octets[:end]) + b"=\r\n"
        elif end:
            yield _quoted(octets[:end])
        rest = octets[end:]
    if rest:
        yield _quoted(rest)


def _quoted(lines: bytes) -> bytes:
    encoded = binascii.b2a_qp(lines, istext=True)
    if b"\r\n" not in lines:  # soft line breaks are written like the first line end, LF where there is none
        encoded = encoded.replace(b"\n", b"\r\n")
    # Divided behind the letter, so that no line becomes longer than 76 characters
    return _FROM.sub(b"=46=\r\nrom ", encoded)


class LineScan:
    """Looks at a message in pieces, whose lines end in CRLF: how it may stand in another one (RFC 2046 §5.2.1)."""

    __slots__ = ("_marks", "_tail", "_tail_octets", "found", "is_ascii", "is_unfit")

    def __init__(self, marks: Iterable[bytes]) -> None:
        self.is_ascii = True
        self.is_unfit = False
        """It has a line that is too long, a lone CR or NUL: as a message it cannot stand in a message."""
        self.found: set[bytes] = set()
        """Which of the marks are in it."""
        self._marks = tuple(marks)
        self._tail = b"\n"
        self._tail_octets = max([MAX_LINE_OCTETS + 3, *map(len, self._marks)])

    def add(self, piece: bytes) -> None:
        """The next piece; it does not end with CR."""
        self.is_ascii = self.is_ascii and piece.isascii()
        seen = self._tail + piece
        self.found.update(mark for mark in self._marks if mark in seen)
        self.is_unfit = (
            self.is_unfit
            or b"\0" in piece
            or piece.count(b"\r") != piece.count(b"\r\n")
            or _LONG_LINE.search(seen) is not None
        )
        self._tail = seen[-self._tail_octets :]


def crlf_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Octets with CRLF for each line end, LF or CRLF; no piece ends with CR but the last."""
    rest = b""
    for piece in pieces:
        octets = rest + piece
        end = len(octets) - (octets[-1:] == b"\r")
        octets, rest = octets[:end], octets[end:]
        if octets.count(b"\n") != octets.count(b"\r\n"):
            octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        yield octets
    if rest:
        yield rest
