"""The MIME part tree of a message, by octet ranges (RFC 2045, RFC 2046).

No body is copied or decoded: a part knows where in the message its header begins, where its body begins
and where it ends; whoever holds the octets slices them. What always holds:

* `header_start <= body_start <= end`; a child lies inside its parent's body; siblings follow one
  another.
* A body ends before the line end that belongs to the next boundary (RFC 2046 §5.1.1).
* `parse` never raises and reads each octet at most once per level of nesting; `Limits` bound the
  tree, and what lies beyond is a leaf whose octets are all there.

Real mail breaks every rule, so: a missing closing boundary ends with the enclosing part; a part without a
header has the default type; a multipart nested in another of the same boundary takes that boundary's
lines up to its own closing one; a boundary line is matched whole, not by its beginning (one boundary is
often the beginning of another), unless no line matches whole.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from pillarbox.mail import parameter
from pillarbox.mail.header import Header, extent
from pillarbox.mail.parameter import Pairs


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a tree may grow; beyond, parts are leaves."""

    depth: int = 30
    """Levels of nesting, multiparts and enclosed messages alike."""
    parts: int = 1_000
    """Parts in the whole message."""


DEFAULT_LIMITS: Final = Limits()
MAX_BOUNDARY_OCTETS: Final = 8 * 1024
"""RFC 2046 §5.1.1 allows 70; a longer one than this is no boundary."""


class Disposition(NamedTuple):
    """Content-Disposition (RFC 2183)."""

    kind: str
    """`inline`, `attachment` or another token, lower case."""
    raw_parameters: Pairs

    @property
    def parameters(self) -> dict[str, str]:
        """By lower-case name, RFC 2231 decoded."""
        return parameter.decode(self.raw_parameters)


class Kind(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a part's header says about its body. One instance serves all parts with the same short header."""

    header: Header
    media_type: str
    subtype: str
    raw_parameters: Pairs
    encoding: str
    charset: str | None
    """The charset as named, if any."""
    disposition: Disposition | None
    """Content-Disposition, where there is one (RFC 2183)."""
    boundary: bytes | None
    """Of a multipart that has one."""
    content_type: str
    """`text/plain`."""
    is_open_message: bool
    """A message in a message, readable as it stands (RFC 6532 §3.7 lets message/global be encoded)."""
    is_usual: bool
    """Its header is short: it will come again, and what is made of it is worth keeping."""


class Part(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One part; all offsets count octets from the start of the whole message."""

    kind: Kind
    header_start: int
    body_start: int
    end: int
    """Where the body ends: before the line end of the next boundary."""
    lines: int
    """Line ends in the body, as BODYSTRUCTURE counts them; 0 but for text, messages, and multiparts without parts."""
    children: tuple["Part", ...]
    """A multipart's parts; an enclosed message's root, alone."""

    @property
    def header(self) -> Header:
        """The part's own header."""
        return self.kind.header

    @property
    def media_type(self) -> str:
        """Lower case: `text`."""
        return self.kind.media_type

    @property
    def subtype(self) -> str:
        """Lower case: `plain`."""
        return self.kind.subtype

    @property
    def raw_parameters(self) -> Pairs:
        """Content-Type's parameters as they stand in the message, unquoted; empty where it is missing."""
        return self.kind.raw_parameters

    @property
    def encoding(self) -> str:
        """Content-Transfer-Encoding, lower case; `7bit` where none is named (RFC 2045 §6.1)."""
        return self.kind.encoding

    @property
    def content_type(self) -> str:
        """`text/plain`."""
        return self.kind.content_type

    @property
    def size(self) -> int:
        """The body's octets, as they stand (encoded)."""
        return self.end - self.body_start

    @property
    def parameters(self) -> dict[str, str]:
        """Content-Type's parameters by lower-case name, RFC 2231 decoded."""
        return parameter.decode(self.raw_parameters)

    @property
    def charset(self) -> str | None:
        """The charset as named, if any."""
        return self.kind.charset

    @property
    def disposition(self) -> Disposition | None:
        """Content-Disposition, where there is one (RFC 2183)."""
        return self.kind.disposition

    @property
    def filename(self) -> str | None:
        """What the sender calls the file: the disposition's name, else the type's (RFC 2183 §2.3)."""
        disposition = self.disposition
        named = disposition.parameters.get("filename") if disposition else None
        return named or self.parameters.get("name") or None

    @property
    def content_id(self) -> bytes | None:
        """Content-ID, angle brackets included (RFC 2045 §7)."""
        return self.header.first("content-id")

    @property
    def description(self) -> bytes | None:
        """Content-Description as it stands; it may hold encoded words (RFC 2045 §8)."""
        return self.header.first("content-description")

    @property
    def language(self) -> tuple[bytes, ...]:
        """Language tags (RFC 3282)."""
        value = parameter.strip_comments(self.header.first("content-language") or b"")
        return tuple(tag.strip() for tag in value.split(b",") if tag.strip())

    @property
    def location(self) -> bytes | None:
        """Content-Location (RFC 2557); folding white space inside a URI is none of it."""
        value = self.header.first("content-location")
        return value and b"".join(value.split())

    @property
    def md5(self) -> bytes | None:
        """Content-MD5 as it stands; never compared (RFC 1864)."""
        return self.header.first("content-md5")

    def is_message(self) -> bool:
        """Does its one child stand for an enclosed message?"""
        return self.media_type == "message" and bool(self.children)

    def walk(self) -> Iterator["Part"]:
        """Itself and all parts below, in the order they stand."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, section: Sequence[int]) -> "Part | None":
        """The part an IMAP section number names (RFC 9051 §6.4.5.1); the empty one names this part.

        In a multipart without parts, 1 is all of its body: BODYSTRUCTURE must show a part, and shows that.
        """
        part, is_root, is_body = self, True, False
        for number in section:
            if not is_root and part.is_message():
                part, is_root, is_body = part.children[0], True, False
            if part.media_type == "multipart" and part.children:
                if not 1 <= number <= len(part.children):
                    return None
                part, is_root = part.children[number - 1], False
            elif number == 1 and not is_body and (is_root or part.media_type == "multipart"):
                is_root, is_body = False, True  # a message that is not multipart has one part: its body
            else:
                return None
        return part


def parse(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> Part:
    """The part tree of a whole message."""
    return _Scan(octets, limits).message(0, len(octets), 1)


# What follows the boundary on its line: the closing mark, transport padding (RFC 2046 §5.1.1), the line end.
_Rest = re.Pattern[bytes]
_LINE_REST: Final = re.compile(rb"(--)?[ \t\r]*(?:\n|\Z)")
_NEAR_MISSES: Final = 20
"""After so many lines that only begin like the boundary, a pattern is made of it: dearer, but never slow."""
_LINE_REST_LOOSE: Final = re.compile(rb"(--)?[^\n]*\n?")

_USUAL_OCTETS: Final = 200
"""Headers up to this length are remembered with what they say."""

_TEXT_PLAIN: Final = ("text", "plain")
_MESSAGE: Final = ("message", "rfc822")
_LONE_TYPES: Final = {"text": _TEXT_PLAIN, "multipart": ("multipart", "mixed"), "message": _MESSAGE}
_IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})


class _Head(msgspec.Struct, frozen=True, gc=False):
    """A part's header, and where it stands."""

    kind: Kind
    start: int
    body_start: int


class _Delimiter(msgspec.Struct, frozen=True, gc=False):
    """A boundary line."""

    before: int
    """Where the body before it ends: without the line end, which is the boundary's."""
    line: int
    """Where the line begins."""
    after: int
    """Where the next line begins."""
    closing: bool


class _Scan:
    """One walk over one message."""

    __slots__ = ("limits", "octets", "parts_left")

    def __init__(self, octets: bytes, limits: Limits) -> None:
        self.octets = octets
        self.limits = limits
        self.parts_left = limits.parts

    def message(self, start: int, end: int, depth: int) -> Part:
        """The tree of the message between two offsets."""
        head = self.head(start, end, _TEXT_PLAIN)
        return self.part(head, end, self.children(head, end, depth)[0])

    def head(self, start: int, end: int, default: tuple[str, str]) -> _Head:
        octets = self.octets
        separator_start, body_start = extent(octets, start, end)
        kind = _kind(octets[start:body_start], octets[separator_start:body_start], default)
        if boundary := kind.boundary:
            # The empty line before the first boundary is missing: the header ends at the boundary.
            needle = b"--" + boundary
            if octets.find(needle, start, body_start) >= 0 and (
                first := self.delimiter(needle, _LINE_REST, start, body_start)
            ):
                return _Head(_kind(octets[start : first.line], b"", default), start, first.line)
        return _Head(kind, start, body_start)

    def part(self, head: _Head, end: int, children: tuple[Part, ...]) -> Part:
        kind, body_start = head.kind, head.body_start
        end = max(end, body_start)
        media_type = kind.media_type
        counts_lines = media_type in ("text", "message") or (media_type == "multipart" and not children)
        lines = self.octets.count(b"\n", body_start, end) if counts_lines else 0
        return Part(kind, head.start, body_start, end, lines, children)

    def children(self, head: _Head, end: int, depth: int) -> tuple[tuple[Part, ...], int]:
        """What lies in a body; and the offset up to which it was read."""
        self.parts_left -= 1
        if depth < self.limits.depth and self.parts_left > 0:
            if boundary := head.kind.boundary:
                return self.multipart(head, boundary, end, depth)
            if head.kind.is_open_message:
                return (self.message(head.body_start, max(end, head.body_start), depth + 1),), end
        return (), end

    def multipart(self, head: _Head, boundary: bytes, end: int, depth: int) -> tuple[tuple[Part, ...], int]:
        needle, rest, opening = self.opening(boundary, head.body_start, end)
        # RFC 2046 §5.1.5: the parts of a digest are messages unless they say otherwise.
        default = _MESSAGE if head.kind.subtype == "digest" else _TEXT_PLAIN
        found: list[Part] = []
        while opening is not None and not opening.closing and opening.after < end and self.parts_left > 0:
            following = self.delimiter(needle, rest, opening.after, end)
            inner = self.head(opening.after, following.line if following else end, default)
            if inner.kind.boundary == boundary:
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
        """The first boundary line, and how this sender writes them: exactly, if that opens a part at all."""
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
            if misses < _NEAR_MISSES:
                at = octets.find(line, at, end) + 1 or -1
            else:
                far = re.compile(re.escape(line) + rest.pattern).search(octets, at, end)
                at = far.start() + 1 if far else -1
        return None


def _kind(octets: bytes, separator: bytes, default: tuple[str, str]) -> Kind:
    # The headers of parts, other than those of messages, are the same few over and over.
    if len(octets) <= _USUAL_OCTETS:
        return _usual_kind(octets, separator, default)
    return _read_kind(Header(octets, separator), default, is_usual=False)


@lru_cache(maxsize=512)
def _usual_kind(octets: bytes, separator: bytes, default: tuple[str, str]) -> Kind:
    return _read_kind(Header(octets, separator), default, is_usual=True)


def _read_kind(header: Header, default: tuple[str, str], *, is_usual: bool) -> Kind:
    media_type, subtype = default
    raw_parameters: Pairs = ()
    if value := header.first("content-type"):
        token, raw_parameters = parameter.parse(value)
        named, _, sub = token.partition("/")
        # RFC 2045 §5.2: a type that cannot be read is as good as none.
        media_type, subtype = (named, sub) if named and sub else _LONE_TYPES.get(token, default)
    written = header.first("content-transfer-encoding")
    encoding = (parameter.parse(written).token if written else "") or "7bit"
    written = header.first("content-disposition")
    return Kind(
        header=header,
        media_type=media_type,
        subtype=subtype,
        raw_parameters=raw_parameters,
        encoding=encoding,
        charset=_charset(raw_parameters),
        disposition=Disposition(*parameter.parse(written)) if written else None,
        boundary=_boundary(raw_parameters) if media_type == "multipart" else None,
        content_type=f"{media_type}/{subtype}",
        is_open_message=media_type == "message" and subtype in ("rfc822", "global") and encoding in _IDENTITY,
        is_usual=is_usual,
    )


def _charset(parameters: Pairs) -> str | None:
    named = [(name, value) for name, value in parameters if name[:7].lower() == b"charset"]
    if not named:
        return None
    name, value = named[0]
    # RFC 2231 forms, and encoded words, take a closer look
    if len(named) == 1 and len(name) == 7 and value.isascii() and value.find(b"=?") < 0:
        return value.decode("ascii") or None
    return parameter.decode(parameters).get("charset") or None


def _boundary(parameters: Pairs) -> bytes | None:
    """The boundary, also where RFC 2231 §3 sections carry it."""
    for name, value in parameters:
        if name.lower() == b"boundary":
            return value if value.strip() and len(value) <= MAX_BOUNDARY_OCTETS else None
    joined = parameter.decode(parameters).get("boundary", "").encode("latin-1", "replace")
    return _boundary(((b"boundary", joined),)) if joined else None
