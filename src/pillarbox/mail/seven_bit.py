"""Converts a message for a server without 8BITMIME or BINARYMIME (RFC 6152 §3, RFC 3030 §3).

Leaf parts are re-encoded: text as quoted-printable where it stays mostly readable, all else as base64. Nothing is
lost: decoding the result gives the original octets.

Limits, and their reasons:

* Nothing inside `multipart/signed` is changed (RFC 1847 §2.1: its content must arrive as it was signed), nor inside
  `multipart/encrypted`; a message with 8-bit octets there cannot be converted.
* A header with non-ASCII octets is not converted: it needs SMTPUTF8. The exception is a `message/global`
  part, which may be encoded as a whole (RFC 6532 §3.7); `message/rfc822` may not (RFC 2046 §5.2.1).
* Text without any MIME fields is labelled `charset=unknown-8bit` (RFC 1428 §3), since nothing more is known.
* Octets between the parts of a multipart are never shown; 8-bit octets there become "?".

A message that needs no conversion is returned as the same object. One with more parts than the parser divides is
not converted: what is in the others is not known.
"""

import re
from collections.abc import Iterator
from typing import Final

from pillarbox.mail.composing.encodings import base64_lines, quoted_printable
from pillarbox.mail.composing.folding import MAX_LINE_OCTETS
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.prepending import prepend
from pillarbox.mail.slices import count, find, is_ascii, search, slices, whole_lines
from pillarbox.mail.transfer import IDENTITY

_TOO_LONG: Final = re.compile(rb"[^\n]{%d}" % (MAX_LINE_OCTETS + 2))
_LONG_LINE: Final = re.compile(rb"\n" + _TOO_LONG.pattern)
"""Begins with a line feed: a search skips from line to line, and looks at each once."""
_LINE_END: Final = re.compile(rb"(?<!\r)\r*+\n")
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_HIGH_OCTETS: Final = bytes(range(128, 256))
_WITHOUT_HIGH: Final = bytes(range(128)) + b"?" * 128
SIGNED_OR_ENCRYPTED: Final = frozenset({"multipart/signed", "multipart/encrypted"})
"""Nothing in them is changed."""
_WHOLE: Final = SIGNED_OR_ENCRYPTED | {"message/global"}
"""Converted without regard to the parts in them, or not at all."""


class NotConvertible(Exception):
    """The message cannot be converted to the requested form; the text says why."""


def convert(octets: bytes, *, eight_bit: bool) -> bytes:
    """The message with lines of at most `MAX_LINE_OCTETS`, and in ASCII unless `eight_bit` is true.

    Its header is ASCII as well if `eight_bit` is false. Raises `NotConvertible`.
    """
    if _fits(octets, 0, len(octets), eight_bit=eight_bit):
        return octets
    return _Conversion(octets, eight_bit=eight_bit).message()


def in_final_form(octets: bytes) -> bool:
    """Whether relays that offer 8BITMIME leave the message as it is, so that it can be signed (RFC 6376 §5.3):
    no CR or LF stands alone, there is no NUL, and no line is longer than `MAX_LINE_OCTETS`."""
    return _fits(octets, 0, len(octets), eight_bit=True)


def has_long_line(octets: bytes) -> bool:
    """Whether any line is longer than `MAX_LINE_OCTETS`."""
    return _has_long_line(octets, 0, len(octets))


class LongLines:
    """Looks for a line longer than `MAX_LINE_OCTETS` in a message that comes in pieces."""

    def __init__(self) -> None:
        self.found = False
        self._tail = b"\n"

    def add(self, piece: bytes) -> None:
        """The next piece."""
        if not self.found:
            octets = self._tail + piece
            self.found = search(_LONG_LINE, octets, 0, len(octets), reach=MAX_LINE_OCTETS + 3) is not None
            self._tail = octets[-(MAX_LINE_OCTETS + 3) :]


def needs_smtputf8(octets: bytes) -> bool:
    """Whether a header of the message or of its parts is not ASCII, or it encloses an internationalized message
    (RFC 6532 §3). What `message/rfc822` encloses does not count."""
    return not octets.isascii() and _international(parse(octets))


def _international(part: Part) -> bool:
    if not part.header.octets.isascii():
        return True
    if part.media_type == "message":
        return part.content_type == "message/global" and part.encoding in IDENTITY
    return any(_international(child) for child in part.children)


def _fits(octets: bytes, start: int, end: int, *, eight_bit: bool) -> bool:
    return (
        (eight_bit or is_ascii(octets, start, end))
        and not _has_bare(octets, start, end)
        and not _has_long_line(octets, start, end)
    )


def _has_bare(octets: bytes, start: int, end: int) -> bool:
    """Whether there is a CR or LF alone, or NUL."""
    pairs = count(octets, b"\r\n", start, end)
    return (
        count(octets, b"\n", start, end) != pairs
        or count(octets, b"\r", start, end) != pairs
        or find(octets, b"\0", start, end) >= 0
    )


def _has_long_line(octets: bytes, start: int, end: int) -> bool:
    if _TOO_LONG.match(octets, start, end):
        return True
    return search(_LONG_LINE, octets, start, end, reach=MAX_LINE_OCTETS + 3) is not None


class _Conversion:
    """The conversion of one message."""

    def __init__(self, octets: bytes, *, eight_bit: bool) -> None:
        self._octets = octets
        self._eight_bit = eight_bit

    def message(self) -> bytes:
        root = parse(self._octets)
        if "mime-version" not in root.header and "content-type" not in root.header:
            return self._unlabelled(root)
        return b"".join(self._part(root))

    def _part(self, part: Part) -> Iterator[bytes]:
        """A part in pieces: they are joined once, however deep it is."""
        if _fits(self._octets, part.header_start, part.end, eight_bit=self._eight_bit):
            yield self._octets[part.header_start : part.end]
        elif part.children and part.content_type not in _WHOLE:
            header = self._header(part)
            if "content-transfer-encoding" in header:
                yield _relabelled(header, "8bit" if self._eight_bit else "7bit")
            else:
                yield header.octets
            yield from self._inside(part)
        else:
            yield self._leaf(part)

    def _leaf(self, part: Part) -> bytes:
        if part.cut:
            raise NotConvertible("it has too many parts, or they are nested too deeply")
        if part.content_type in SIGNED_OR_ENCRYPTED:
            raise NotConvertible(f"a {part.content_type} part would be broken by conversion")
        if part.content_type == "message/global" and part.encoding in IDENTITY:
            return self._encoded(part)
        if part.media_type in ("multipart", "message"):
            raise NotConvertible(f"a {part.content_type} part cannot be encoded")
        return self._encoded(part)

    def _header(self, part: Part) -> Header:
        if not _fits(part.header.octets, 0, len(part.header.octets), eight_bit=False):
            raise NotConvertible("a header needs SMTPUTF8")
        return part.header

    def _inside(self, part: Part) -> Iterator[bytes]:
        """A composite body: its parts converted, the octets between them made safe."""
        at = part.body_start
        for child in part.children:
            yield self._between(at, child.header_start)
            yield from self._part(child)
            at = child.end
        yield self._between(at, part.end)

    def _between(self, start: int, end: int) -> bytes:
        octets = self._octets[start:end]
        if _fits(octets, 0, len(octets), eight_bit=self._eight_bit):
            return octets
        if _has_long_line(octets, 0, len(octets)):
            raise NotConvertible("a line between parts is too long")
        lines = (_LINE_END.sub(b"\r\n", lines).replace(b"\0", b"?") for lines in whole_lines(octets))
        return b"".join(lines if self._eight_bit else (each.translate(_WITHOUT_HIGH) for each in lines))

    def _encoded(self, part: Part) -> bytes:
        header = self._header(part)
        body = self._octets[part.body_start : part.end]
        match part.encoding:
            case "quoted-printable":
                return header.octets + self._repaired_quoted_printable(body)
            case "base64":
                # RFC 2045 §6.8: decoders ignore octets outside the base64 alphabet
                return header.octets + _wrapped(_without_high(body))
            case encoding if encoding not in IDENTITY:
                raise NotConvertible(f"the encoding {encoding} cannot be converted")
        encoding, encoded = _encode(body, text=part.media_type == "text")
        return _relabelled(header, encoding) + encoded

    def _repaired_quoted_printable(self, body: bytes) -> bytes:
        repaired = _HIGH.sub(lambda match: b"=%02X" % match[0][0], body)
        if not _fits(repaired, 0, len(repaired), eight_bit=False):
            raise NotConvertible("quoted-printable text has lines that are too long")
        return repaired

    def _unlabelled(self, root: Part) -> bytes:
        """Text without MIME fields."""
        header = self._header(root)
        encoding, encoded = _encode(self._octets[root.body_start : root.end], text=True)
        label = (
            b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
            b"Content-Transfer-Encoding: %s\r\n" % encoding.encode()
        )
        kept = header.octets if header.separator else header.octets + b"\r\n"
        return prepend(label, kept) + encoded


def _relabelled(header: Header, encoding: str) -> bytes:
    """The header with another Content-Transfer-Encoding."""
    name = "Content-Transfer-Encoding"
    kept = header.without(name).octets
    if kept[:1] in (b" ", b"\t"):
        raise NotConvertible("a header begins with a line that continues nothing")
    return f"{name}: {encoding}\r\n".encode() + kept


def _encode(body: bytes, *, text: bool) -> tuple[str, bytes]:
    """The octets of a leaf in ASCII, in the more readable encoding."""
    # Quoted-printable is line-based: where line ends are irregular, or where it would triple the size, base64 is used.
    if text and not _has_bare(body, 0, len(body)):
        high_octets = len(body) - len(_without_high(body))
        if high_octets * 4 < len(body):
            return "quoted-printable", b"".join(quoted_printable(whole_lines(body)))
    return "base64", b"".join(base64_lines(slices(body, 0, len(body))))


def _without_high(octets: bytes) -> bytes:
    return b"".join([lines.translate(None, _HIGH_OCTETS) for lines in whole_lines(octets)])


def _wrapped(digits: bytes) -> bytes:
    """Base64 with lines of the right length."""
    if _fits(digits, 0, len(digits), eight_bit=False):
        return digits
    digits = b"".join(digits.split())
    return b"\r\n".join(digits[start : start + 76] for start in range(0, len(digits), 76))
