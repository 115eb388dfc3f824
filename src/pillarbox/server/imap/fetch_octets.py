"""The items of FETCH that need the message's own octets: BODY[...], BINARY[...], BINARY.SIZE[...].

A small message is read once, whole, and sliced. Of a large one only the ranges that were asked for are
read, and a value that is a range of it is streamed (`fetch_stream`), so that no response is in memory whole.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, assert_never

from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.protocol.imap import strings
from pillarbox.protocol.imap.fetch_items import BinarySection, BinarySize, BodySection, SectionText
from pillarbox.server.imap import sections
from pillarbox.server.imap.fetch_columns import OctetsItem
from pillarbox.server.imap.sections import Extent

Read: TypeAlias = Callable[[int, int | None], bytes]
"""Reads a message's octets from an offset on, so many or all."""


class Stored(NamedTuple):
    """A message, as its row describes it."""

    digest: bytes
    header_size: int
    size: int


class MessageOctets:
    """One message's octets and part tree, read as far as they are needed."""

    __slots__ = ("_octets", "_read", "stored", "tree")

    def __init__(
        self,
        stored: Stored,
        *,
        octets: bytes | None = None,
        read: Read | None = None,
        tree: Part | None = None,
    ) -> None:
        """Either all `octets`, or how to `read` some of them, which is for large messages."""
        self.stored = stored
        self.tree = tree
        """Its root part, where it is known already; `parts` parses it."""
        self._octets = octets
        self._read = read

    def whole(self) -> bytes:
        """All of it."""
        if self._octets is None:
            assert self._read is not None
            self._octets = self._read(0, None)
        return self._octets

    def range(self, extent: Extent) -> bytes:
        """Some of it."""
        if self._octets is None and self._read is not None:
            return self._read(extent.start, extent.end - extent.start)
        return self.whole()[extent.start : extent.end]

    def parts(self) -> Part:
        """Its root part."""
        if self.tree is None:
            self.tree = parse(self.whole())
        return self.tree


def needs_parts(item: OctetsItem) -> bool:
    """Whether the whole message is read for it, and not only its header or a range of it."""
    return not isinstance(item, BodySection) or bool(item.part)


def value(item: OctetsItem, message: MessageOctets) -> bytes | Extent:
    """An item's value: octets for the wire, or the range of the message that is sent as its literal.

    Raises `transfer.UnknownEncoding`, `BlobDamaged`, `DatabaseUnavailable`.
    """
    match item:
        case BodySection():
            return _body_section(item, message)
        case BinarySection():
            found = _decoded(item.part, message)
            return strings.NIL if found is None else strings.binary(sections.cut(found, item.partial))
        case BinarySize():
            return b"%d" % len(_decoded(item.part, message) or b"")
        case _:
            assert_never(item)


def on_wire(item: OctetsItem, message: MessageOctets) -> bytes:
    """An item's value as octets for the wire."""
    found = value(item, message)
    return strings.section(message.range(found)) if isinstance(found, Extent) else found


def _body_section(section: BodySection, message: MessageOctets) -> bytes | Extent:
    match _found(section, message):
        case None:
            return strings.NIL
        case Extent() as extent:
            return sections.narrowed(extent, section.partial)
        case bytes() as octets:
            return strings.section(sections.cut(octets, section.partial))


def _found(section: BodySection, message: MessageOctets) -> bytes | Extent | None:
    if section.part:
        return sections.body_section(message.parts(), section)
    # Where the message's own header ends is stored, so nothing is parsed
    stored = message.stored
    match section.text:
        case SectionText.TEXT:
            return Extent(stored.header_size, stored.size)
        case SectionText.HEADER | SectionText.MIME:
            return Extent(0, stored.header_size)
        case SectionText.HEADER_FIELDS | SectionText.HEADER_FIELDS_NOT:
            header, _ = Header.parse(message.range(Extent(0, stored.header_size)))
            return sections.header_fields(
                header, frozenset(section.fields), wanted=section.text is SectionText.HEADER_FIELDS
            )
        case _:
            return Extent(0, stored.size)


def _decoded(part: tuple[int, ...], message: MessageOctets) -> bytes | None:
    # RFC 3516 §4.2: without a part number it is the message as it is
    if not part:
        return message.whole()
    found = message.parts().find(part)
    if found is None:
        return None
    return sections.decoded(message.range(Extent(found.body_start, found.end)), found)
