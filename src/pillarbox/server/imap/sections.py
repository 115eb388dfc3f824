"""What BODY[...] and BINARY[...] mean within one message: octet ranges, or computed octets.

RFC 9051 §6.4.5.1, RFC 3516 §4. Most sections are a range of the message as stored, so that a part of a
large message is read without the rest of it; a selection of header fields is joined, and a decoded part
is decoded. A section that the message does not have is NIL.
"""

import re
from collections import defaultdict
from collections.abc import Sequence, Set
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import Struct

from pillarbox.mail import transfer
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.summary import CACHED_FIELDS
from pillarbox.protocol.imap.fetch_items import BodySection, Partial, SectionText
from pillarbox.protocol.imap.strings import all_without_nul

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


class OtherFields(NamedTuple):
    """The fields of `CACHED_FIELDS` that were not asked for."""

    lines: "re.Pattern[bytes]"
    """Finds runs of them, with the line feed before and without the one behind."""
    never_first: frozenset[bytes]
    """The octets with which none of their lines begins."""


@lru_cache(maxsize=64)
def other_fields(names: frozenset[bytes]) -> OtherFields | None:
    """What `select_cached_fields` leaves out where fields of these names are asked for; None where that is nothing.

    As much of a name is looked at as tells it from all that were asked for: of most, the first letter.
    """
    asked = tuple([name + b":" for name in names])
    others = {_distinct(name + b":", asked) for name in CACHED_FIELDS - names}
    if not others:
        return None
    initials = {other[:1] for other in others}
    return OtherFields(
        re.compile(
            rb"\n(?:%b)[^\n]*+(?:\n(?:%b)[^\n]*+)*" % (_any_of(others), _any_of({*others, b" ", b"\t"}))
        ),
        frozenset(map(bytes, zip(range(256)))) - initials - {initial.upper() for initial in initials},
    )


def _any_of(beginnings: Set[bytes]) -> bytes:
    """An expression for these: one alternative for all that differ in their first octet alone."""
    initials = defaultdict[bytes, bytes](bytes)
    for beginning in sorted(beginnings):
        initials[beginning[1:]] += beginning[:1]
    return b"|".join([b"[%b]" % (some + some.upper()) + _any_case(rest) for rest, some in initials.items()])


def _distinct(name: bytes, others: tuple[bytes, ...]) -> bytes:
    """The shortest beginning of a name that none of the others has."""
    lengths = range(1, len(name) + 1)
    return next(name[:length] for length in lengths if not any(o.startswith(name[:length]) for o in others))


def _any_case(name: bytes) -> bytes:
    """An expression for a name of letters and hyphens."""
    octets = [bytes((octet,)) for octet in name]
    # RFC 5322 §4.5: white space may precede the colon
    forms = {b":": rb"[ \t:]", b"-": b"-"}
    return b"".join([forms.get(octet) or b"[%b]" % (octet + octet.upper()) for octet in octets])


def select_cached_fields(cached: Sequence[bytes], names: frozenset[bytes]) -> list[bytes]:
    """The same as `header_fields` of each message, from the summaries' cached fields, and as it is sent: without NUL.

    The names are of `CACHED_FIELDS`.
    """
    cached, others = all_without_nul(cached), other_fields(names)
    if others is None:
        return [fields + EMPTY_LINE for fields in cached]
    apart, first = others.lines.split, others.never_first
    return [
        b"".join(apart(fields)) + EMPTY_LINE
        if fields[:1] in first
        else b"".join(apart(b"\n" + fields))[1:] + EMPTY_LINE
        for fields in cached
    ]


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
