"""The properties of an Email that are made of the message (RFC 8621 §4.1.3, §4.1.4); each is made as JSON."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail import attachment, text
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email import body_part
from pillarbox.protocol.jmap.email.body_lists import BodyLists, body_lists
from pillarbox.protocol.jmap.email.body_part import BodyPart, Interlude
from pillarbox.protocol.jmap.email.body_part_properties import PartReader
from pillarbox.protocol.jmap.email.body_values import MAX_VALUE_OCTETS, Room, body_value
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.fields import Fields, HeaderFields, KnownFields, email_headers
from pillarbox.protocol.jmap.types.email import BODY_PART, EmailBodyValue

_encode: Final = msgspec.json.Encoder().encode


class BodyArguments(Struct, frozen=True):
    """What is wanted of parts and texts (§4.2); `plan.body_arguments` makes it."""

    properties: tuple[str, ...] = BODY_PART.by_default
    fetch_text: bool = False
    fetch_html: bool = False
    fetch_all: bool = False
    max_octets: int = MAX_VALUE_OCTETS
    """Of one value."""

    @property
    def has_values(self) -> bool:
        """Whether any text is wanted."""
        return self.fetch_text or self.fetch_html or self.fetch_all


class Source(IntEnum):
    """What the wanted properties of an email are made of."""

    ROW = 0
    HEADER = 1
    """The octets of its header as well: the first `Summary.header_size`."""
    BODY = 2
    """All its octets."""


class Message:
    """One email while it is rendered: what several properties are made of is made once."""

    def __init__(
        self,
        row: EmailRow,
        octets: bytes,
        body: BodyArguments,
        room: Room,
        interlude: Interlude,
        source: Source,
    ) -> None:
        """`octets`: what `source` says."""
        self.row, self.octets, self.body, self.room = row, octets, body, room
        self.interlude = interlude
        self._source = source
        self._fields: Fields | None = None
        self._root: Part | None = None
        self._tree: BodyPart | None = None
        self._lists: BodyLists | None = None
        self._parts: PartReader | None = None

    @property
    def header(self) -> Header:
        """Of the octets."""
        # Where a header ends depends on what follows it
        return Header(self.octets) if self._source is Source.HEADER else self.root.header

    @property
    def fields(self) -> Fields:
        """The header fields by name."""
        if self._fields is None:
            if self._source is Source.ROW:
                self._fields = KnownFields(self.row.lines)
            else:
                self._fields = HeaderFields(self.header)
        return self._fields

    @property
    def root(self) -> Part:
        """The parts as `mail` has them."""
        if self._root is None:
            self._root = parse(self.octets)
        return self._root

    @property
    def tree(self) -> BodyPart:
        """The parts as JMAP has them."""
        if self._tree is None:
            self._tree = body_part.tree(self.root)
        return self._tree

    @property
    def lists(self) -> BodyLists:
        """textBody, htmlBody, attachments."""
        if self._lists is None:
            self._lists = body_lists(self.tree)
        return self._lists

    @property
    def parts(self) -> PartReader:
        """Reads the wanted properties of parts."""
        if self._parts is None:
            self._parts = PartReader(self.octets, self.row.blob_id, self.body.properties, self.interlude)
        return self._parts

    def values(self) -> dict[str, EmailBodyValue]:
        """The wanted texts by partId."""
        wanted: dict[str, Part] = {}
        for is_wanted, parts in self._with_text():
            for one in parts if is_wanted else ():
                if one.number and one.part.media_type == "text":
                    wanted[one.number] = one.part
        found: dict[str, EmailBodyValue] = {}
        for number, part in wanted.items():
            most = max(min(self.body.max_octets, self.room.octets), 0)
            found[number] = body_value(self.octets, part, most, self.interlude)
            self.room.take(found[number])
        return found

    def _with_text(self) -> Iterable[tuple[bool, Iterable[BodyPart]]]:
        yield self.body.fetch_text, self.lists.text_body
        yield self.body.fetch_html, self.lists.html_body
        yield self.body.fetch_all, self.tree.leaves()


def _preview(message: Message) -> bytes:
    preview = message.row.preview
    return _encode(text.preview(message.octets, message.root) if preview is None else preview)


def _has_attachment(message: Message) -> bytes:
    found = message.row.has_attachment
    return (
        b"true"
        if (attachment.has_attachment(message.octets, message.root) if found is None else found)
        else b"false"
    )


def _body_values(message: Message) -> bytes:
    return _encode(message.values()) if message.body.has_values else b"{}"


BODY_PROPERTIES: Final[dict[str, Callable[[Message], bytes]]] = {
    "headers": lambda message: _encode(email_headers(message.header)),
    "bodyStructure": lambda message: _encode(message.parts.structure(message.tree)),
    "bodyValues": _body_values,
    "textBody": lambda message: _encode(message.parts.leaves(message.lists.text_body)),
    "htmlBody": lambda message: _encode(message.parts.leaves(message.lists.html_body)),
    "attachments": lambda message: _encode(message.parts.leaves(message.lists.attachments)),
    "hasAttachment": _has_attachment,
    "preview": _preview,
}
"""How each is made."""
