"""The items of FETCH that need the message's own octets: BODY[...], BINARY[...], BINARY.SIZE[...].

A small message is read once, whole, and sliced. Of a large one only the ranges that were asked for are
read, and what is a range of it is streamed (`fetching`), so that no answer ever lies in memory whole.
"""

from typing import Final, NamedTuple, assert_never

from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.protocol.imap import strings
from pillarbox.protocol.imap.fetch_items import BinarySection, BinarySize, BodySection, SectionText
from pillarbox.server.imap import sections
from pillarbox.server.imap.fetch_columns import OctetsItem
from pillarbox.server.imap.sections import Extent
from pillarbox.server.imap.trees import PartTrees
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Transaction

LARGE_OCTETS: Final = 512 * 1024
"""From this size on a message is read by ranges, and what must be made of it is made in a thread."""


class Stored(NamedTuple):
    """A message as its row names it."""

    digest: bytes
    header_size: int
    size: int

    @property
    def large(self) -> bool:
        """Whether to read it by ranges."""
        return self.size >= LARGE_OCTETS


class MessageOctets:
    """One message's octets and part tree, read as far as they are needed."""

    __slots__ = ("_blobs", "_read", "_trees", "_tx", "stored")

    def __init__(
        self,
        tx: Transaction,
        blobs: Blobs,
        trees: PartTrees,
        stored: Stored,
        octets: bytes | None = None,
    ) -> None:
        self._tx = tx
        self._blobs = blobs
        self._trees = trees
        self._read = octets
        self.stored = stored

    def whole(self) -> bytes:
        """All of it."""
        if self._read is None:
            self._read = self._blobs.read(self._tx, self.stored.digest)
        return self._read

    def range(self, extent: Extent) -> bytes:
        """Some of it."""
        if self._read is None and self.stored.large:
            return self._blobs.read(self._tx, self.stored.digest, extent.start, extent.end - extent.start)
        return self.whole()[extent.start : extent.end]

    def tree(self) -> Part:
        """Its parts."""
        tree = self._trees.get(self.stored.digest)
        if tree is None:
            tree = parse(self.whole())
            self._trees.keep(self.stored.digest, tree)
        return tree


def value(item: OctetsItem, message: MessageOctets) -> bytes | Extent:
    """An item's value: octets for the wire, or the range of the message that is its literal.

    Raises `transfer.UnknownEncoding`, `BlobMissing`, `DatabaseUnavailable`.
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
    """An item's value with its octets."""
    found = value(item, message)
    return strings.literal(message.range(found)) if isinstance(found, Extent) else found


def _body_section(section: BodySection, message: MessageOctets) -> bytes | Extent:
    match _found(section, message):
        case None:
            return strings.NIL
        case Extent() as extent:
            return sections.narrowed(extent, section.partial)
        case bytes() as octets:
            return strings.literal(sections.cut(octets, section.partial))


def _found(section: BodySection, message: MessageOctets) -> bytes | Extent | None:
    if section.part:
        return sections.body_section(message.tree(), section)
    # Where the message's own header ends is known, so nothing is parsed
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
    # RFC 3516 §4.2: without a part number it is the message as it stands
    if not part:
        return message.whole()
    found = message.tree().find(part)
    if found is None:
        return None
    return sections.decoded(message.range(Extent(found.body_start, found.end)), found)
