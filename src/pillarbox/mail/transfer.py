"""Decoding of Content-Transfer-Encodings (RFC 2045 §6): base64, quoted-printable, and the non-standard uuencode.

`decode` is for reading: it decodes what it can and never raises. `decode_strict` is for IMAP BINARY (RFC 3516 §4.3),
which must report a part that cannot be decoded.
"""

import binascii
import re
from typing import Final

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
    match encoding.lower():
        case "base64":
            return decode_base64(octets)
        case "quoted-printable":
            return decode_quoted_printable(octets)
        case name if name in UUENCODE:
            return decode_uuencode(octets)
    return octets


def decode_strict(octets: bytes, encoding: str) -> bytes:
    """The decoded octets; raises `UnknownEncoding` for an unknown encoding or broken data."""
    match encoding.lower():
        case name if name in IDENTITY:
            return octets
        case "base64":
            # RFC 2045 §6.8: octets outside the alphabet are ignored, but a missing digit is an error.
            try:
                return binascii.a2b_base64(octets)
            except binascii.Error as error:
                raise UnknownEncoding(f"base64: {error}") from None
        case "quoted-printable":
            return decode_quoted_printable(octets)
        case name if name in UUENCODE and _UU_BEGIN.search(octets):
            return decode_uuencode(octets)
    raise UnknownEncoding(encoding)


def decode_base64(octets: bytes) -> bytes:
    """Decode up to the first padding (lists append plain footers); a lone last digit is dropped."""
    digits = octets.translate(None, _OTHERS).partition(b"=")[0]
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))


def decode_quoted_printable(octets: bytes) -> bytes:
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


def decode_uuencode(octets: bytes) -> bytes:
    """The first file of a uuencoded text; lines that cannot be decoded are skipped."""
    begin = _UU_BEGIN.search(octets)
    decoded = []
    for line in octets[begin.end() if begin else 0 :].splitlines():
        if line == b"end":
            break
        decoded.append(_uu_line(line))
    return b"".join(decoded)


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
