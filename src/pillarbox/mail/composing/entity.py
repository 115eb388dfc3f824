"""Parts become a message, in pieces (RFC 2045, RFC 2046).

A part is a `Leaf` or a `Multipart`; `pieces` writes a whole tree of them. Texts are written in ASCII: as they are, as
quoted-printable or as base64, whatever changes least on the way, so that signatures hold (RFC 6376 §5.3). Other
leaves are base64, but for messages, which may not be encoded (RFC 2046 §5.2.1): they stay as they are, with CRLF line
ends. One that cannot stand in a message so, as it has NUL, a lone CR or a line that is too long, becomes a file
(application/octet-stream), with all its octets.

Boundaries follow from a seed. They begin with "=_", which is in no encoded part; texts that have it are encoded, and
of enclosed messages it is looked up that they have none of them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import msgspec

from pillarbox.mail.composing.encodings import (
    BOUNDARY_MARK,
    Encoding,
    LineScan,
    TextScan,
    base64_lines,
    crlf_lines,
    quoted_printable,
    text_lines,
)
from pillarbox.mail.composing.folding import field
from pillarbox.mail.composing.parameters import Parameter, value_words

_READ_OCTETS: Final = 64 * 1024
"""Octets that are read of a source at once."""
_SEEDS: Final = 4
"""Beginnings of boundaries that are tried; one that nobody could know is in no message."""

OPAQUE: Final = "application/octet-stream"
NOT_ENCODED: Final = frozenset(
    {
        "message/rfc822", "message/partial", "message/external-body", "message/delivery-status",
        "message/disposition-notification", "message/feedback-report",
    }
)  # fmt: skip
"""Types that stay as they are (RFC 2046 §5.2, RFC 3464 §2.1, RFC 8098 §3.1, RFC 5965 §3)."""


class Source(Protocol):
    """Octets that are somewhere else, such as a blob."""

    @property
    def size(self) -> int:
        """Octets in all."""

    def read(self, start: int, end: int) -> bytes:
        """Those between two offsets; called for at most 64 KiB at a time, in order, perhaps twice over."""


class OctetsSource(msgspec.Struct, frozen=True, eq=False):
    """Octets in memory."""

    octets: bytes

    @property
    def size(self) -> int:
        """Octets in all."""
        return len(self.octets)

    def read(self, start: int, end: int) -> bytes:
        """Those between two offsets."""
        return self.octets[start:end]


class Leaf(msgspec.Struct, frozen=True, eq=False):
    """A part without parts: a text, or the octets of a source."""

    media_type: str
    """`text/plain`."""
    parameters: tuple[Parameter, ...]
    """Of Content-Type."""
    fields: bytes
    """Its other complete header fields, without Content-Transfer-Encoding."""
    content: str | Source
    """A text has LF or CRLF line ends; its charset must be among the parameters: UTF-8."""


class Multipart(msgspec.Struct, frozen=True, eq=False):
    """A part with parts, at least one; its boundary is chosen here."""

    media_type: str
    parameters: tuple[Parameter, ...]
    """Of Content-Type, without `boundary`."""
    fields: bytes
    parts: tuple["Entity", ...]


Entity = Leaf | Multipart


class ComposedMessage(msgspec.Struct, frozen=True, eq=False):
    """A message that can be written."""

    header: bytes
    """Complete fields, without those of `root`."""
    root: Entity
    boundary_seed: str
    """A text that nobody can guess."""

    def pieces(self) -> Iterator[bytes]:
        """Its octets: see `pieces`."""
        return pieces(self.header, self.root, self.boundary_seed)

    def octets(self) -> bytes:
        """All of them, of a small message."""
        return b"".join(self.pieces())

    @property
    def needs_smtputf8(self) -> bool:
        """A header field is not ASCII: an address, an id or a raw value has no such form (RFC 6531 §3.1)."""
        return not self.header.isascii() or not _has_ascii_fields(self.root)


def _has_ascii_fields(entity: Entity) -> bool:
    parts = entity.parts if isinstance(entity, Multipart) else ()
    return entity.fields.isascii() and all(map(_has_ascii_fields, parts))


def pieces(header: bytes, root: Entity, seed: str) -> Iterator[bytes]:
    """The octets of a message in pieces of some ten KiB, or empty ones while it is looked at what there is.

    `header`: complete fields, without those of `root`. `seed`: a text that nobody can guess, for the boundaries.
    Raises what reading a source raises.
    """
    writing = _Writing(seed)
    yield from writing.look(root)
    yield header
    yield from writing.entity(root)
    if isinstance(root, Leaf):  # a message ends with a line end, also where an encoded body does not
        yield writing.end(root)


class _Writing:
    """The writing of one message."""

    __slots__ = ("eight_bit", "encodings", "marks", "multiparts")

    def __init__(self, seed: str) -> None:
        digests = [hashlib.sha256(f"{n} {seed}".encode()).hexdigest()[:24] for n in range(_SEEDS)]
        self.marks = [BOUNDARY_MARK + digest.encode("ascii") for digest in digests]
        self.encodings: dict[int, Encoding] = {}
        """By the identity of a leaf; base64 of those that are not here."""
        self.eight_bit: set[int] = set()
        """Multiparts, by identity, that have something that is 8bit."""
        self.multiparts = 0

    def look(self, entity: Entity) -> Iterator[bytes]:
        """Decide how each leaf is written."""
        if isinstance(entity, Multipart):
            for part in entity.parts:
                yield from self.look(part)
            if any(self.is_eight_bit(part) for part in entity.parts):
                self.eight_bit.add(id(entity))
        elif isinstance(entity.content, str):
            text = TextScan()
            for lines in text_lines(entity.content):
                text.add(lines)
                yield b""
            self.encodings[id(entity)] = text.encoding()
        elif entity.media_type in NOT_ENCODED:
            yield from self.look_at_message(entity, entity.content)

    def is_eight_bit(self, entity: Entity) -> bool:
        return id(entity) in self.eight_bit or self.encodings.get(id(entity)) == "8bit"

    def look_at_message(self, leaf: Leaf, content: Source) -> Iterator[bytes]:
        scan = LineScan(self.marks)
        for octets in crlf_lines(_read(content)):
            scan.add(octets)
            yield b""
            if scan.is_unfit:
                return
        left = [mark for mark in self.marks if mark not in scan.found]
        if left:
            self.marks = left
            self.encodings[id(leaf)] = "7bit" if scan.is_ascii else "8bit"

    def entity(self, entity: Entity) -> Iterator[bytes]:
        """A part with its header."""
        if isinstance(entity, Leaf):
            yield from self.leaf(entity)
            return
        # All of one length: none is the beginning of another
        boundary = self.marks[0].decode("ascii") + f".{self.multiparts:04d}"
        self.multiparts += 1
        words = value_words(entity.media_type, (*entity.parameters, ("boundary", boundary)))
        yield field("Content-Type", words)
        if id(entity) in self.eight_bit:  # RFC 2045 §6.4: the encoding of a multipart covers its parts
            yield field("Content-Transfer-Encoding", ["8bit"])
        yield entity.fields + b"\r\n"
        delimiter = b"--" + boundary.encode("ascii")
        between = delimiter + b"\r\n"
        for part in entity.parts:
            yield between
            yield from self.entity(part)
            between = b"\r\n" + delimiter + b"\r\n"
        yield b"\r\n" + delimiter + b"--\r\n"

    def leaf(self, leaf: Leaf) -> Iterator[bytes]:
        encoding = self.encodings.get(id(leaf), "base64")
        if encoding == "base64" and leaf.media_type in NOT_ENCODED:
            content_type = field("Content-Type", value_words(OPAQUE, _names(leaf.parameters)))
        else:
            content_type = field("Content-Type", value_words(leaf.media_type, leaf.parameters))
        yield content_type + field("Content-Transfer-Encoding", [encoding]) + leaf.fields + b"\r\n"
        yield from self.body(leaf.content, encoding)

    def end(self, leaf: Leaf) -> bytes:
        return b"\r\n" if self.encodings.get(id(leaf), "base64") == "base64" else b""

    def body(self, content: str | Source, encoding: Encoding) -> Iterator[bytes]:
        octets: Iterable[bytes] = text_lines(content) if isinstance(content, str) else _read(content)
        match encoding:
            case "base64":
                return base64_lines(octets)
            case "quoted-printable":
                return quoted_printable(octets)
        return crlf_lines(octets)


def _read(source: Source) -> Iterator[bytes]:
    for at in range(0, source.size, _READ_OCTETS):
        yield source.read(at, min(at + _READ_OCTETS, source.size))


def _names(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    return tuple(parameter for parameter in parameters if parameter[0].lower() == "name")
