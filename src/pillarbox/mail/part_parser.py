"""Parses a message into its MIME part tree (RFC 2045, RFC 2046).

`parse` never raises and reads each octet at most once per level of nesting; `Limits` bound the tree, and what lies
beyond is a leaf that holds all its octets.

Real mail breaks every rule: a missing closing boundary ends with the enclosing part; a part without a header has the
default type; a multipart nested in another one of the same boundary takes that boundary's lines up to its own closing
one; a boundary line must match as a whole (one boundary is often the beginning of another), unless no line does.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from pillarbox.mail import parameter
from pillarbox.mail.header import Header, extent
from pillarbox.mail.parameter import Pairs
from pillarbox.mail.part import Disposition, MimeFields, Part
from pillarbox.mail.transfer import IDENTITY


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest tree; parts beyond it are leaves."""

    depth: int = 30
    """Levels of nesting, multiparts and enclosed messages alike."""
    parts: int = 1_000
    """Parts in the whole message."""


DEFAULT_LIMITS: Final = Limits()
MAX_BOUNDARY_OCTETS: Final = 8 * 1024
"""RFC 2046 §5.1.1 allows 70; a longer one than this is not a boundary."""


def parse(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> Part:
    """The part tree of a whole message."""
    return _Parser(octets, limits).message(0, len(octets), 1)


# What follows the boundary on its line: the closing hyphens, transport padding (RFC 2046 §5.1.1), the line end.
_Rest = re.Pattern[bytes]
_LINE_REST: Final = re.compile(rb"(--)?[ \t\r]*(?:\n|\Z)")
_MAX_NEAR_MISSES: Final = 20
"""After so many lines that only begin like the boundary, a pattern is compiled: it costs more, but is never slow."""
_LINE_REST_LOOSE: Final = re.compile(rb"(--)?[^\n]*\n?")

_MAX_CACHED_HEADER_OCTETS: Final = 200
"""The parsed fields of headers up to this length are cached."""

_TEXT_PLAIN: Final = ("text", "plain")
_MESSAGE: Final = ("message", "rfc822")
_LONE_TYPES: Final = {"text": _TEXT_PLAIN, "multipart": ("multipart", "mixed"), "message": _MESSAGE}


class _PartHead(msgspec.Struct, frozen=True, gc=False):
    """A part's MIME fields, and the offsets of its header and body."""

    mime: MimeFields
    start: int
    body_start: int


class _Delimiter(msgspec.Struct, frozen=True, gc=False):
    """A boundary line."""

    before: int
    """Where the body before it ends; the line end in between belongs to the boundary."""
    line: int
    """Where the line begins."""
    after: int
    """Where the next line begins."""
    closing: bool


class _Parser:
    """The parse of one message."""

    __slots__ = ("limits", "octets", "parts_left")

    def __init__(self, octets: bytes, limits: Limits) -> None:
        self.octets = octets
        self.limits = limits
        self.parts_left = limits.parts

    def message(self, start: int, end: int, depth: int) -> Part:
        """The tree of the message between two offsets."""
        head = self.head(start, end, _TEXT_PLAIN)
        return self.part(head, end, self.children(head, end, depth)[0])

    def head(self, start: int, end: int, default: tuple[str, str]) -> _PartHead:
        octets = self.octets
        separator_start, body_start = extent(octets, start, end)
        mime = _mime_fields(octets[start:body_start], octets[separator_start:body_start], default)
        if boundary := mime.boundary:
            # If the empty line before the first boundary is missing, the header ends at the boundary.
            needle = b"--" + boundary
            if octets.find(needle, start, body_start) >= 0 and (
                first := self.delimiter(needle, _LINE_REST, start, body_start)
            ):
                return _PartHead(_mime_fields(octets[start : first.line], b"", default), start, first.line)
        return _PartHead(mime, start, body_start)

    def part(self, head: _PartHead, end: int, children: tuple[Part, ...]) -> Part:
        mime, body_start = head.mime, head.body_start
        end = max(end, body_start)
        media_type = mime.media_type
        counts_lines = media_type in ("text", "message") or (media_type == "multipart" and not children)
        lines = self.octets.count(b"\n", body_start, end) if counts_lines else 0
        return Part(mime, head.start, body_start, end, lines, children)

    def children(self, head: _PartHead, end: int, depth: int) -> tuple[tuple[Part, ...], int]:
        """The parts in a body, and the offset up to which it was read."""
        self.parts_left -= 1
        if depth < self.limits.depth and self.parts_left > 0:
            if boundary := head.mime.boundary:
                return self.multipart(head, boundary, end, depth)
            if head.mime.is_open_message:
                return (self.message(head.body_start, max(end, head.body_start), depth + 1),), end
        return (), end

    def multipart(
        self, head: _PartHead, boundary: bytes, end: int, depth: int
    ) -> tuple[tuple[Part, ...], int]:
        needle, rest, opening = self.opening(boundary, head.body_start, end)
        # RFC 2046 §5.1.5: the parts of a digest are messages unless they say otherwise.
        default = _MESSAGE if head.mime.subtype == "digest" else _TEXT_PLAIN
        found: list[Part] = []
        while opening is not None and not opening.closing and opening.after < end and self.parts_left > 0:
            following = self.delimiter(needle, rest, opening.after, end)
            inner = self.head(opening.after, following.line if following else end, default)
            if inner.mime.boundary == boundary:
                children, read_to = self.children(inner, end, depth + 1)
                following = self.delimiter(needle, rest, read_to, end)
                until = following.before if following else end
            else:
                until = following.before if following else end
                children, _ = self.children(inner, until, depth + 1)
            found.append(self.part(inner, until, children))
            opening = following
        return tuple(found), opening.after if opening else end

    def opening(self, boundary: bytes, start: int, end: int) -> tuple[bytes, _Rest, _Delimiter | None]:
        """The first boundary line, and how to match the others: exactly, if an exact match opens a part at all."""
        needle, rest = b"--" + boundary, _LINE_REST
        found = self.delimiter(needle, rest, start, end)
        if found is not None and not found.closing:
            return needle, rest, found
        if needle[-1:].isspace():  # RFC 2046 §5.1.1: a boundary does not end with a space
            return self.opening(boundary.rstrip(), start, end)
        # RFC 2046 §5.1.1: "it is sufficient that the boundary appear in its entirety following the CRLF".
        return needle, _LINE_REST_LOOSE, self.delimiter(needle, _LINE_REST_LOOSE, start, end)

    def delimiter(self, needle: bytes, rest: _Rest, start: int, end: int) -> _Delimiter | None:
        """The first boundary line from `start`, itself the start of a line."""
        octets, line = self.octets, b"\n" + needle
        at = start if octets.startswith(needle, start, end) else octets.find(line, start, end) + 1 or -1
        misses = 0
        while at >= 0:
            if found := rest.match(octets, at + len(needle), end):
                before = at - 1 if at > start else start
                if before > start and octets[before - 1] == 13:
                    before -= 1
                return _Delimiter(before, at, found.end(), found[1] is not None)
            misses += 1
            if misses < _MAX_NEAR_MISSES:
                at = octets.find(line, at, end) + 1 or -1
            else:
                far = re.compile(re.escape(line) + rest.pattern).search(octets, at, end)
                at = far.start() + 1 if far else -1
        return None


def _mime_fields(octets: bytes, separator: bytes, default: tuple[str, str]) -> MimeFields:
    # Headers of parts, unlike those of messages, are mostly the same few.
    if len(octets) <= _MAX_CACHED_HEADER_OCTETS:
        return _cached_mime_fields(octets, separator, default)
    return _parse_mime_fields(Header(octets, separator), default, is_cacheable=False)


@lru_cache(maxsize=512)
def _cached_mime_fields(octets: bytes, separator: bytes, default: tuple[str, str]) -> MimeFields:
    return _parse_mime_fields(Header(octets, separator), default, is_cacheable=True)


def _parse_mime_fields(header: Header, default: tuple[str, str], *, is_cacheable: bool) -> MimeFields:
    media_type, subtype = default
    raw_parameters: Pairs = ()
    if value := header.first("content-type"):
        token, raw_parameters = parameter.parse(value)
        named, _, sub = token.partition("/")
        # RFC 2045 §5.2: a type that cannot be parsed counts as missing.
        media_type, subtype = (named, sub) if named and sub else _LONE_TYPES.get(token, default)
    written = header.first("content-transfer-encoding")
    encoding = (parameter.parse(written).token if written else "") or "7bit"
    written = header.first("content-disposition")
    return MimeFields(
        header=header,
        media_type=media_type,
        subtype=subtype,
        raw_parameters=raw_parameters,
        encoding=encoding,
        charset=_charset(raw_parameters),
        disposition=Disposition(*parameter.parse(written)) if written else None,
        boundary=_boundary(raw_parameters) if media_type == "multipart" else None,
        content_type=f"{media_type}/{subtype}",
        is_open_message=media_type == "message" and subtype in ("rfc822", "global") and encoding in IDENTITY,
        is_cacheable=is_cacheable,
    )


def _charset(parameters: Pairs) -> str | None:
    named = [(name, value) for name, value in parameters if name[:7].lower() == b"charset"]
    if not named:
        return None
    name, value = named[0]
    # RFC 2231 forms and encoded words need to be decoded
    if len(named) == 1 and len(name) == 7 and value.isascii() and value.find(b"=?") < 0:
        return value.decode("ascii") or None
    return parameter.decode(parameters).get("charset") or None


def _boundary(parameters: Pairs) -> bytes | None:
    """The boundary, also from RFC 2231 §3 sections."""
    for name, value in parameters:
        if name.lower() == b"boundary":
            return value if value.strip() and len(value) <= MAX_BOUNDARY_OCTETS else None
    joined = parameter.decode(parameters).get("boundary", "").encode("latin-1", "replace")
    return _boundary(((b"boundary", joined),)) if joined else None
