"""The data items of FETCH, as values (RFC 9051 §6.4.5, RFC 3516, 7162, 8474, 8514, 8970).

Each item has its label: the octets that name it in the response. Macros (ALL, FAST, FULL) and the RFC 822
names of IMAP4rev1 are expanded by the grammar, so all other code sees only these values.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Attribute(Enum):
    """An item without arguments; its value is its name on the wire."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    UID = b"UID"
    FLAGS = b"FLAGS"
    MODSEQ = b"MODSEQ"
    INTERNALDATE = b"INTERNALDATE"
    SAVEDATE = b"SAVEDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"

    @property
    def label(self) -> bytes:
        """Its name in the response."""
        return self._value_


class SectionText(Enum):
    """Which text of a part BODY[...] means; its value is how the section spells it (RFC 9051 §6.4.5.1)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    ALL = b""
    HEADER = b"HEADER"
    HEADER_FIELDS = b"HEADER.FIELDS"
    HEADER_FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


@dataclass(frozen=True, slots=True)
class Partial:
    """A substring in octets: `<origin.length>` (RFC 9051 §6.4.5)."""

    origin: int
    length: int


@dataclass(frozen=True, slots=True)
class BodySection:
    """BODY[section]<partial> and BODY.PEEK, including RFC822, RFC822.HEADER and RFC822.TEXT of IMAP4rev1."""

    label: bytes
    """Its name in the response, with the origin octet where a partial was asked for: `BODY[TEXT]<0>`."""
    part: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    fields: tuple[bytes, ...] = ()
    """Names of header fields, lower-case, for HEADER.FIELDS and HEADER.FIELDS.NOT."""
    partial: Partial | None = None
    peek: bool = False
    """Whether reading it leaves \\Seen alone."""


@dataclass(frozen=True, slots=True)
class BinarySection:
    """BINARY[part]<partial>: a part's octets with the transfer encoding removed (RFC 9051 §6.4.5, RFC
    3516)."""

    label: bytes
    part: tuple[int, ...] = ()
    partial: Partial | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class BinarySize:
    """BINARY.SIZE[part]: how many octets BINARY would give."""

    label: bytes
    part: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """PREVIEW, of which a lazy one may be answered NIL while it is not available (RFC 8970 §3.1)."""

    lazy: bool = False

    @property
    def label(self) -> bytes:
        """Its name in the response."""
        return b"PREVIEW"


FetchItem: TypeAlias = Attribute | BodySection | BinarySection | BinarySize | Preview


def marks_seen(item: FetchItem) -> bool:
    """Whether answering this item sets \\Seen (RFC 9051 §6.4.5: BODY[...] and BINARY[...] without PEEK)."""
    return isinstance(item, BodySection | BinarySection) and not item.peek
