"""What BODY[...] and BINARY[...] mean within one message: octet ranges, or computed octets.

RFC 9051 §6.4.5.1, RFC 3516 §4. Most sections are a range of the message as stored, so that a part of a
large message is read without the rest of it; a selection of header fields is joined, and a decoded part
is decoded. A section that the message does not have is NIL.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct

from pillarbox.mail import transfer
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.protocol.imap.fetch_items import BodySection, Partial, SectionText
from pillarbox.protocol.imap.strings import without_nul

EMPTY_LINE: Final = b"\r\n"


class Extent(Struct, frozen=True, gc=False):
    """Octets of the message from `start` up to, not including, `end`."""

    start: int
    end: int


def body_section(root: Part, section: BodySection) -> Extent | bytes | None:
    """Where a section lies in a message, its octets if they must be computed, or None if it has no such section."""
    part = root.find(section.part)
    if part is None:
        return None
    match section.text:
        case SectionText.ALL:
            return Extent(part.body_start if section.part else part.header_start, part.end)
        case SectionText.MIME:
            return Extent(part.header_start, part.body_start)
    # RFC 9051 §6.4.5.1: HEADER and TEXT of a numbered part are those of the message that it encloses
    if section.part:
        if not part.is_message():
            return None
        part = part.children[0]
    match section.text:
        case SectionText.HEADER:
            return Extent(part.header_start, part.body_start)
        case SectionText.TEXT:
            return Extent(part.body_start, part.end)
        case SectionText.HEADER_FIELDS:
            return header_fields(part.header, frozenset(section.fields))
        case SectionText.HEADER_FIELDS_NOT:
            return header_fields(part.header, frozenset(section.fields), wanted=False)


def header_fields(header: Header, names: frozenset[bytes], *, wanted: bool = True) -> bytes:
    """The fields of these lower-case names, or all others, in their order and unchanged.

    RFC 9051 §6.4.5.1: the empty line is always there, even where no field matches.
    """
    raws = [field.raw for field in header.fields if field.name and (field.name.lower() in names) is wanted]
    return _with_empty_line(b"".join(raws))


_BETWEEN: Final = b".\n"
"""Parts one message's lines from the next one's: none of theirs begins with a dot or ends in a bare LF."""

_AT_ONCE: Final = 64
"""Digests in one block."""


@lru_cache(maxsize=64)
def other_fields(names: frozenset[bytes]) -> "re.Pattern[bytes]":
    """Finds what `select_cached_fields` leaves out where fields of these names are asked for: runs of other fields.

    Lines that begin with another letter than all the names are recognized by that letter alone. Empty lines, those
    of `_BETWEEN`, and what continues a field that was asked for, stay.
    """
    initials = re.escape(bytes(sorted({name[0] for name in names})))
    asked = rb"(?:%b)[ \t]*+:" % b"|".join(map(re.escape, sorted(names)))
    another = rb"(?!%b)[%b]" % (asked, initials)
    first = rb"\n(?:[^%b \t.\r\n]|%b)[^\n]*+" % (initials, another)
    more = rb"\n(?:[^%b.\r\n]|%b)[^\n]*+" % (initials, another)
    return re.compile(rb"%b(?:%b)*" % (first, more), re.IGNORECASE)


def select_cached_fields(cached: Sequence[bytes], names: frozenset[bytes]) -> list[bytes]:
    """The same as `header_fields` of each message, from the summaries' cached fields, and as it is sent: without NUL.

    Many at once, as one block of octets, for the listings of whole mailboxes.
    """
    found: list[bytes] = []
    others, after_each = other_fields(names), EMPTY_LINE + _BETWEEN
    for start in range(0, len(cached), _AT_ONCE):
        block = _BETWEEN + after_each.join(cached[start : start + _AT_ONCE]) + after_each
        found += without_nul(others.sub(b"", block)).split(_BETWEEN)[1:-1]
    return found


def _with_empty_line(fields: bytes) -> bytes:
    if fields and not fields.endswith(b"\n"):
        fields += EMPTY_LINE  # the header ended within its last field
    return fields + EMPTY_LINE


def decoded(octets: bytes, part: Part) -> bytes:
    """A part's octets without their transfer encoding. Raises `transfer.UnknownEncoding` (RFC 3516 §4.3)."""
    # RFC 2045 §6.4: multiparts and messages are never encoded, whatever they claim
    if part.children:
        return octets
    return transfer.decode_strict(octets, part.encoding)


def cut(octets: bytes, partial: Partial | None) -> bytes:
    """The substring that was asked for; beyond the end it is empty (RFC 9051 §6.4.5)."""
    if partial is None:
        return octets
    return octets[partial.origin : partial.origin + partial.length]


def narrowed(extent: Extent, partial: Partial | None) -> Extent:
    """`cut` for a range."""
    if partial is None:
        return extent
    start = min(extent.start + partial.origin, extent.end)
    return Extent(start, min(start + partial.length, extent.end))
