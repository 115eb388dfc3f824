"""Parses a message into its MIME part tree (RFC 2045, RFC 2046).

`parse` never raises and reads each octet at most once per level of nesting, a slice at a time (`slices`), so that it
never keeps other threads waiting. `Limits` bound the tree, and what lies beyond is a leaf that holds all its octets
and says so (`Part.cut`): a multipart or message that is nested too deeply, and below the last part of a multipart
that is still divided, all the others together as one application/octet-stream.

Real mail breaks every rule: a missing closing boundary ends with the enclosing part; a part without a header has the
default type; a multipart nested in another one of the same boundary takes that boundary's lines up to its own closing
one; a boundary line must match as a whole (one boundary is often the beginning of another), unless no line does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import msgspec

from pillarbox.mail import parameter
from pillarbox.mail.header import Header, extent
from pillarbox.mail.parameter import Pairs
from pillarbox.mail.part import Disposition, MimeFields, Part
from pillarbox.mail.slices import SLICE_OCTETS, count, find, search
from pillarbox.mail.transfer import IDENTITY


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest tree; parts beyond it are leaves."""

    depth: int = 30
    """Levels of nesting, multiparts and enclosed messages alike."""
    parts: int = 1_000
    """Parts in the whole message, but for the leaf that may end each multipart around the last of them."""
    header_octets: int = 2 * 1024 * 1024
    """Octets of the headers of all parts together: when they are used up, nothing more is divided."""


DEFAULT_LIMITS: Final = Limits()


class TooElaborate(Exception):
    """The tree would exceed its limits."""


MAX_BOUNDARY_OCTETS: Final = 8 * 1024
"""RFC 2046 §5.1.1 allows 70; a longer one than this is not a boundary."""
MAX_PADDING_OCTETS: Final = 998
"""White space that may follow a boundary on its line (RFC 2046 §5.1.1, transport-padding): a line's worth."""


def parse(
    octets: bytes, limits: Limits = DEFAULT_LIMITS, *, whole: bool = False, crlf_only: bool = False
) -> Part:
    """The part tree of a whole message.

    `whole`: raise `TooElaborate` instead of leaving parts undivided, before anything is read that exceeds the limits.
    `crlf_only`: its lines are known to end in CRLF, which are counted in a third of the time.
    """
    return _Parser(octets, limits, whole, _CRLF if crlf_only else _LF).message(0, len(octets), 1)


Find = Callable[[bytes, int, int], int]
"""Looks for octets between two offsets of the message."""

_HYPHENS: Final = b"--"
_LF, _CRLF = b"\n", b"\r\n"
_CR: Final = 13
# What follows the boundary on its line: the closing hyphens, transport padding (RFC 2046 §5.1.1), the line end.
_LINE_REST: Final = re.compile(rb"(--)?[ \t\r]{0,%d}+(?:\n|\Z)" % (MAX_PADDING_OCTETS + 1))
_MAX_REST_OCTETS: Final = MAX_PADDING_OCTETS + len(b"--\r\n")
_MAX_NEAR_MISSES: Final = 20
"""After so many lines that only begin like the boundary, a pattern is compiled: it costs more, but is never slow."""

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


class _Inside(msgspec.Struct, frozen=True, gc=False):
    """What was found in a body."""

    children: tuple[Part, ...]
    read_to: int
    """The offset up to which it was read."""
    cut: bool = False
    """It would have parts, but for the limits."""


class _Parser:
    """The parse of one message."""

    __slots__ = ("count", "depth", "find", "header_octets_left", "line_end", "octets", "parts_left", "whole")

    def __init__(self, octets: bytes, limits: Limits, whole: bool, line_end: bytes) -> None:
        self.octets = octets
        short = len(octets) <= SLICE_OCTETS
        self.find: Find = octets.find if short else partial(find, octets)
        self.count: Find = octets.count if short else partial(count, octets)
        self.whole = whole
        self.line_end = line_end
        self.depth = limits.depth
        self.parts_left = limits.parts
        self.header_octets_left = limits.header_octets

    def message(self, start: int, end: int, level: int) -> Part:
        """The tree of the message between two offsets."""
        head = self.head(start, end, _TEXT_PLAIN)
        found = self.inside(head, end, level)
        return self.part(head, end, found.children, cut=found.cut)

    def head(self, start: int, end: int, default: tuple[str, str]) -> _PartHead:
        octets = self.octets
        separator_start, body_start, cut = extent(octets, start, end)
        self.header_octets_left -= body_start - start
        if self.whole and self.header_octets_left < 0:
            raise TooElaborate
        mime = _mime_fields(octets[start:body_start], octets[separator_start:body_start], default, cut)
        if boundary := mime.boundary:
            # If the empty line before the first boundary is missing, the header ends at the boundary.
            needle = _HYPHENS + boundary
            if octets.find(needle, start, body_start) >= 0 and (
                first := self.delimiter(needle, start, body_start)
            ):
                mime = _mime_fields(octets[start : first.line], b"", default, False)
                return _PartHead(mime, start, first.line)
        return _PartHead(mime, start, body_start)

    def part(self, head: _PartHead, end: int, children: tuple[Part, ...], *, cut: bool) -> Part:
        mime, body_start = head.mime, head.body_start
        end = max(end, body_start)
        media_type, lines = mime.media_type, 0
        if media_type == "message" and children and children[0].media_type in ("text", "message"):
            (inner,) = children  # the lines of its body are counted
            lines = self.count(self.line_end, body_start, inner.body_start) + inner.lines
        elif media_type in ("text", "message") or (media_type == "multipart" and not children):
            lines = self.count(self.line_end, body_start, end)
        return Part(mime, head.start, body_start, end, lines, children, cut)

    def inside(self, head: _PartHead, end: int, level: int) -> _Inside:
        """What is in a body."""
        self.parts_left -= 1
        boundary, is_message = head.mime.boundary, head.mime.is_open_message
        if boundary is None and not is_message:
            return _Inside((), end)
        if level >= self.depth or self.parts_left <= 0 or self.header_octets_left <= 0:
            if self.whole:
                raise TooElaborate
            return _Inside((), end, cut=True)
        if boundary is not None:
            return self.multipart(head, boundary, end, level)
        return _Inside((self.message(head.body_start, max(end, head.body_start), level + 1),), end)

    def multipart(self, head: _PartHead, boundary: bytes, end: int, level: int) -> _Inside:
        needle, is_loose, opening = self.opening(boundary, head.body_start, end)
        # RFC 2046 §5.1.5: the parts of a digest are messages unless they say otherwise.
        default = _MESSAGE if head.mime.subtype == "digest" else _TEXT_PLAIN
        children: list[Part] = []
        opens = opening is not None and not opening.closing and opening.after < end
        while opens:
            assert opening is not None
            following = self.delimiter(needle, opening.after, end, is_loose=is_loose)
            opens = following is not None and not following.closing and following.after < end
            if self.parts_left < (2 if opens else 1) or self.header_octets_left <= 0:
                if self.whole:
                    raise TooElaborate
                self.parts_left -= 1
                children.append(Part(_UNDIVIDED, opening.after, opening.after, end, 0, (), cut=True))
                return _Inside(tuple(children), end)
            inner = self.head(opening.after, following.line if following else end, default)
            if inner.mime.boundary == boundary:
                found = self.inside(inner, end, level + 1)
                following = self.delimiter(needle, found.read_to, end, is_loose=is_loose)
                opens = following is not None and not following.closing and following.after < end
                until = following.before if following else end
            else:
                until = following.before if following else end
                found = self.inside(inner, until, level + 1)
            children.append(self.part(inner, until, found.children, cut=found.cut))
            opening = following
        return _Inside(tuple(children), opening.after if opening else end)

    def opening(self, boundary: bytes, start: int, end: int) -> tuple[bytes, bool, _Delimiter | None]:
        """The first boundary line, and how to match the others: exactly, if an exact match opens a part at all."""
        needle = _HYPHENS + boundary
        found = self.delimiter(needle, start, end)
        if found is not None and not found.closing:
            return needle, False, found
        if needle[-1:].isspace():  # RFC 2046 §5.1.1: a boundary does not end with a space
            return self.opening(boundary.rstrip(), start, end)
        # RFC 2046 §5.1.1: "it is sufficient that the boundary appear in its entirety following the CRLF".
        return needle, True, self.delimiter(needle, start, end, is_loose=True)

    def delimiter(self, needle: bytes, start: int, end: int, *, is_loose: bool = False) -> _Delimiter | None:
        """The first boundary line from `start`, itself the start of a line.

        Loose: whatever follows the boundary on that line.
        """
        octets, line = self.octets, b"\n" + needle
        at = start if octets.startswith(needle, start, end) else self.find(line, start, end) + 1 or -1
        misses = 0
        while at >= 0:
            rest = at + len(needle)
            if is_loose:
                after = self.find(b"\n", rest, end) + 1 or end
                closing = octets.startswith(_HYPHENS, rest, after)
            elif found := _LINE_REST.match(octets, rest, end):
                after, closing = found.end(), found[1] is not None
            else:
                misses += 1
                at = self.next_place(line, at, end, misses)
                continue
            before = at - 1 if at > start else start
            if before > start and octets[before - 1] == _CR:
                before -= 1
            return _Delimiter(before, at, after, closing)
        return None

    def next_place(self, line: bytes, at: int, end: int, misses: int) -> int:
        """Where the next line begins like a boundary line, or -1, after so many that were none."""
        if misses != _MAX_NEAR_MISSES:
            return self.find(line, at, end) + 1 or -1
        whole = re.compile(re.escape(line) + _LINE_REST.pattern)
        far = search(whole, self.octets, at, end, reach=len(line) + _MAX_REST_OCTETS)
        return far.start() + 1 if far else -1


def _mime_fields(octets: bytes, separator: bytes, default: tuple[str, str], cut: bool) -> MimeFields:
    # Headers of parts, unlike those of messages, are mostly the same few.
    if len(octets) <= _MAX_CACHED_HEADER_OCTETS:
        return _cached_mime_fields(octets, separator, default, cut)
    return _parse_mime_fields(Header(octets, separator, cut=cut), default, is_cacheable=False)


@lru_cache(maxsize=512)
def _cached_mime_fields(octets: bytes, separator: bytes, default: tuple[str, str], cut: bool) -> MimeFields:
    return _parse_mime_fields(Header(octets, separator, cut=cut), default, is_cacheable=True)


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


_UNDIVIDED: Final = msgspec.structs.replace(
    _mime_fields(b"", b"", ("application", "octet-stream"), False), encoding="binary"
)
"""What is said of the parts that are not divided."""
