"""Binary parts in base64, for readers that take text only.

A part with `Content-Transfer-Encoding: binary` (RFC 3030, RFC 3516) may hold NUL and line ends that are none. IMAP's
literals may not hold NUL: "Implementations MUST encode binary data into a textual form, such as BASE64, before
transmitting the data" (RFC 3501 §4.3.1, RFC 9051 §4.3); POP3 has lines only.

Limits, and their reasons:

* Only parts that are labelled as binary: what any other label says of NUL is wrong, and nobody knows how.
* Nothing inside `multipart/signed` (RFC 1847 §2.1) and `multipart/encrypted`.
* Nothing in parts that the parser does not divide.

Decoding the result gives the original octets.
"""

from collections.abc import Iterator
from typing import Final

from pillarbox.mail.composing.encodings import base64_lines
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.seven_bit import SIGNED_OR_ENCRYPTED
from pillarbox.mail.slices import SLICE_OCTETS, find, slices

_BINARY: Final = "binary"
_ENCODING: Final = "content-transfer-encoding"
_LABEL: Final = b"Content-Transfer-Encoding: base64\r\n"


def holds_binary(octets: bytes) -> bool:
    """Whether a message holds NUL, which text never does."""
    return find(octets, b"\0", 0, len(octets)) >= 0


def encoded(octets: bytes) -> Iterator[bytes] | None:
    """The message in pieces, its binary parts in base64; `None` where it has none that can be encoded."""
    parts = list(_binary_parts(octets, parse(octets)))
    return _pieces(octets, parts) if parts else None


def _binary_parts(octets: bytes, part: Part) -> Iterator[Part]:
    if part.content_type in SIGNED_OR_ENCRYPTED or find(octets, b"\0", part.body_start, part.end) < 0:
        return
    if part.children:
        for child in part.children:
            yield from _binary_parts(octets, child)
    elif part.encoding == _BINARY and part.media_type not in ("multipart", "message") and not part.cut:
        yield part


def _pieces(octets: bytes, parts: list[Part]) -> Iterator[bytes]:
    at = 0
    for part in parts:
        yield from _sliced(octets, at, part.header_start)
        yield _labelled(part.header)
        yield from base64_lines(slices(octets, part.body_start, part.end))
        at = part.end
    yield from _sliced(octets, at, len(octets))


def _labelled(header: Header) -> bytes:
    fields = (_LABEL if field.key == _ENCODING else field.raw for field in header.fields)
    return b"".join((*fields, header.separator))


def _sliced(octets: bytes, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, SLICE_OCTETS):
        yield octets[at : min(at + SLICE_OCTETS, end)]
