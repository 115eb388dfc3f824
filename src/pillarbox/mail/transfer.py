"""Decoding of Content-Transfer-Encodings (RFC 2045 §6): base64, quoted-printable, and the non-standard uuencode.

`decode` is for reading: it decodes what it can and never raises; `pieces` is the same in pieces of bounded size, so
that a body of any size needs little memory and no call of C code takes long. `decode_strict` is for IMAP BINARY
(RFC 3516 §4.3), which must report a part that cannot be decoded.
"""

import binascii
import re
from collections.abc import Generator, Iterator
from typing import Final

MAX_PIECE_OCTETS: Final = 16 * 1024
"""Octets that are decoded at once."""

IDENTITY: Final = frozenset({"7bit", "8bit", "binary", ""})
UUENCODE: Final = frozenset({"x-uuencode", "x-uue", "uuencode", "uue"})

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_OTHERS: Final = bytes(set(range(256)) - set(_ALPHABET))
# RFC 2045 §6.7 (3): white space at the end of a line was added in transit. The look-behind keeps long runs linear.
_TRAILING_SPACE: Final = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_UU_BEGIN: Final = re.compile(rb"^begin [0-7]{3,4}[ \t][^\n]*\n", re.MULTILINE)


class UnknownEncoding(ValueError):
    """These octets cannot be decoded; IMAP answers `NO [UNKNOWN-CTE]` (RFC 3516 §4.3)."""


def decode(octets: bytes, encoding: str) -> bytes:
    """The decoded octets, as far as possible; an unknown encoding is treated as none."""
    if len(octets) <= MAX_PIECE_OCTETS:
        match encoding:
            case "7bit" | "8bit":
                return octets
            case "base64":
                return decode_base64(octets)
            case "quoted-printable":
                return _decode_quoted_printable(octets)
    return b"".join(pieces(octets, 0, len(octets), encoding))


def pieces(
    octets: bytes, start: int, end: int, encoding: str, *, size: int = MAX_PIECE_OCTETS
) -> Iterator[bytes]:
    """The octets between two offsets decoded, as far as possible: a piece, perhaps empty, for each `size` of them.

    A uuencoded line longer than `size` loses what is beyond.
    """
    match encoding.lower():
        case "base64":
            return _base64_pieces(octets, start, end, size)
        case "quoted-printable":
            return _quoted_printable_pieces(octets, start, end, size)
        case name if name in UUENCODE:
            return _uu_pieces(octets, start, end, size)
    return (octets[at : min(at + size, end)] for at in range(start, end, size))


def decode_strict(octets: bytes, encoding: str) -> bytes:
    """The decoded octets; raises `UnknownEncoding` for an unknown encoding or broken data."""
    match encoding.lower():
        case name if name in IDENTITY:
            return octets
        case "base64":
            return b"".join(_strict_base64_pieces(octets))
        case "quoted-printable":
            return decode(octets, encoding)
        case name if name in UUENCODE and any(
            map(_UU_BEGIN.search, _line_pieces(octets, 0, len(octets), MAX_PIECE_OCTETS))
        ):
            return decode(octets, encoding)
    raise UnknownEncoding(encoding)


def _base64_pieces(octets: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    """Up to the first padding: lists append plain footers."""
    digits = b""
    for at in range(start, end, size):
        some, padding, _ = octets[at : min(at + size, end)].translate(None, _OTHERS).partition(b"=")
        digits += some
        if padding:
            break
        whole = len(digits) & ~3
        yield binascii.a2b_base64(digits[:whole])
        digits = digits[whole:]
    yield decode_base64(digits)


def decode_base64(octets: bytes) -> bytes:
    """A short text up to the first padding; a lone last digit is dropped."""
    digits = octets.translate(None, _OTHERS).partition(b"=")[0]
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def _strict_base64_pieces(octets: bytes) -> Iterator[bytes]:
    # RFC 2045 §6.8: octets outside the alphabet are ignored, but a missing digit is an error.
    digits = b""
    for at in range(0, len(octets), MAX_PIECE_OCTETS):
        digits += octets[at : at + MAX_PIECE_OCTETS].translate(None, _OTHERS)
        if b"=" in digits:  # what follows the padding is ignored, and it may be cut here
            digits += octets[at + MAX_PIECE_OCTETS : at + 2 * MAX_PIECE_OCTETS].translate(None, _OTHERS)
            break
        whole = len(digits) & ~3
        yield binascii.a2b_base64(digits[:whole])
        digits = digits[whole:]
    try:
        yield binascii.a2b_base64(digits)
    except binascii.Error as error:
        raise UnknownEncoding(f"base64: {error}") from None


def _line_pieces(octets: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    """Whole lines; a line longer than `size` is cut where a code of quoted-printable is not."""
    at = start
    while at < end:
        until = min(at + size, end)
        if until < end:
            until = octets.rfind(b"\n", at, until) + 1 or _within_line(octets, at, until)
        yield octets[at:until]
        at = until


def _within_line(octets: bytes, at: int, until: int) -> int:
    """A place before `until` that is in no code, and after no white space."""
    piece = octets[at:until]
    code = piece.rfind(b"=", -2)
    piece = piece if code <= 0 else piece[:code]
    return at + len(piece.rstrip(b" \t") or piece)


def _quoted_printable_pieces(octets: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    at = start
    for piece in _line_pieces(octets, start, end, size):
        at += len(piece)
        is_within_line = at < end and not piece.endswith(b"\n")
        yield piece if is_within_line and not piece.strip(b" \t") else _decode_quoted_printable(piece)


def _decode_quoted_printable(octets: bytes) -> bytes:
    """RFC 2045 §6.7; an equals sign that does not begin a code is kept."""
    if (
        b" \r\n" in octets
        or b" \n" in octets
        or b"\t\r\n" in octets
        or b"\t\n" in octets
        or octets[-1:] in b" \t"
    ):
        octets = _TRAILING_SPACE.sub(b"", octets)
    return binascii.a2b_qp(octets)


def _uu_begin(octets: bytes, start: int, end: int, size: int) -> Generator[bytes, None, int | None]:
    """Where the first uuencoded file begins; yields nothing for each piece that was read."""
    at = start
    for piece in _line_pieces(octets, start, end, size):
        if begin := _UU_BEGIN.search(piece):
            return at + begin.end()
        at += len(piece)
        yield b""
    return None


def _uu_pieces(octets: bytes, start: int, end: int, size: int) -> Iterator[bytes]:
    """The first file of a uuencoded text; lines that cannot be decoded are skipped."""
    begin = yield from _uu_begin(octets, start, end, size)
    is_whole = True  # not the rest of a line that was cut
    for piece in _line_pieces(octets, start if begin is None else begin, end, size):
        lines = piece.splitlines()
        if not is_whole:
            lines[0] = b""
        is_whole = piece.endswith(b"\n")
        last = lines.index(b"end") if b"end" in lines else len(lines)
        yield b"".join(map(_uu_line, lines[:last]))
        if last < len(lines):
            return


def _uu_line(line: bytes) -> bytes:
    if not line or not 32 <= line[0] <= 96:
        return b""
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        pass
    # Some encoders pad a line with garbage: keep the digits counted by its first octet.
    counted = ((line[0] - 32 & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:counted])
    except binascii.Error:
        return b""
