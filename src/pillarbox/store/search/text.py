"""The searchable text of a message, folded.

Text and search terms are folded by the same rule (`mail.normalization.fold`), so that containing is plain substring
containment (RFC 9051 §6.4.4 asks for case-insensitive substrings of decoded text).
"""

from collections.abc import Callable

from pillarbox.mail.encoded_word import decode
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.normalization import fold
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.text import body_text, header_text


def field_contains(lines: bytes, name: str, folded: str) -> bool:
    """Whether a field of this name has the text in its decoded value; an empty text: whether it is there.

    `lines`: header lines. RFC 9051 §6.4.4, HEADER.
    """
    if folded:
        plainly = _plainly_contains(lines.lower(), name.lower().encode(errors="replace"), folded)
        if plainly is not None:
            return plainly
    values = Header(lines).all(name)
    return any(folded in fold(decode(value)) for value in values) if folded else bool(values)


def _plainly_contains(lines: bytes, key: bytes, folded: str) -> bool | None:
    """`field_contains` at a tenth of the cost, where the field occurs once, in ASCII, with nothing encoded.

    `None` where it is not so simple.
    """
    start = 0 if lines.startswith(key) else lines.find(b"\n" + key) + 1
    if start == 0 and not lines.startswith(key):
        return False
    value = start + len(key) + 1
    if lines[value - 1 : value] != b":" or lines.find(b"\n" + key, value) >= 0:
        return None
    end = lines.find(b"\n", value)
    while end >= 0 and lines[end + 1 : end + 2] in (b" ", b"\t"):
        end = lines.find(b"\n", end + 1)
    body = lines[value : end if end >= 0 else len(lines)]
    if b"=?" in body or not body.isascii():
        return None
    return folded.encode() in unfold(body)


def lines_may_contain(folded: str) -> Callable[[bytes], bool]:
    """A quick test of header lines: False where none of them can contain the text."""
    words = folded.split()
    if not words or not folded.isascii():
        return lambda _lines: True
    longest = max(words, key=len).encode()

    def may(lines: bytes) -> bool:
        return longest in lines.lower() or b"=?" in lines or not lines.isascii()

    return may


def body_contains(octets: bytes, root: Part, folded: str) -> bool:
    """Whether the text of the body contains this (RFC 9051 §6.4.4, BODY)."""
    return folded in fold(body_text(octets, root))


def any_header_contains(root: Part, folded: str) -> bool:
    """Whether the header of the message or of one of its parts contains this (RFC 9051 §6.4.4, TEXT)."""
    return any(folded in fold(header_text(part.header)) for part in root.walk())


def everything(octets: bytes) -> str:
    """All that any search could find in a message, folded: what the index is fed."""
    root = parse(octets)
    headers = (header_text(part.header) for part in root.walk())
    return fold("\n".join((*headers, body_text(octets, root))))
