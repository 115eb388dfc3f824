"""The MIME part tree of a message, by octet ranges (RFC 2045, RFC 2046): its values. `part_parser` makes them.

No body is copied or decoded: a part knows the offsets of its header, its body and its end in the message; who holds
the octets slices them. What always holds:

* `header_start <= body_start <= end`; a child lies inside its parent's body; siblings follow one another.
* A body ends before the line end that belongs to the next boundary (RFC 2046 §5.1.1).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from pillarbox.mail import parameter
from pillarbox.mail.header import Header
from pillarbox.mail.parameter import Pairs


class Disposition(NamedTuple):
    """Content-Disposition (RFC 2183)."""

    type: str
    """`inline`, `attachment` or another token, lower case."""
    raw_parameters: Pairs

    @property
    def parameters(self) -> dict[str, str]:
        """By lower-case name, RFC 2231 decoded."""
        return parameter.decode(self.raw_parameters)


class MimeFields(msgspec.Struct, frozen=True, eq=False, gc=False):
    """What a part's MIME header fields say. Parts with the same short header share one instance."""

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
    """The boundary of a multipart, if it has one."""
    content_type: str
    """`text/plain`."""
    is_open_message: bool
    """A message in a message, readable as it stands (RFC 6532 §3.7 lets message/global be encoded)."""
    is_cacheable: bool
    """Its header is short: it is likely to recur, and results derived from it are worth caching."""


class Part(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One part; all offsets count octets from the start of the whole message."""

    mime: MimeFields
    header_start: int
    body_start: int
    end: int
    """Where the body ends: before the line end of the next boundary."""
    lines: int
    """Line ends in the body, as BODYSTRUCTURE counts them; 0 but for text, messages, and multiparts without parts."""
    children: tuple["Part", ...]
    """A multipart's parts; an enclosed message's root, alone."""
    cut: bool = False
    """It stands for parts that lie beyond the limits of the parser, and is a leaf; decisions about safety must not
    rest on what is not found in it."""

    @property
    def header(self) -> Header:
        """The part's own header."""
        return self.mime.header

    @property
    def media_type(self) -> str:
        """Lower case: `text`."""
        return self.mime.media_type

    @property
    def subtype(self) -> str:
        """Lower case: `plain`."""
        return self.mime.subtype

    @property
    def raw_parameters(self) -> Pairs:
        """Content-Type's parameters as they stand in the message, unquoted; empty where it is missing."""
        return self.mime.raw_parameters

    @property
    def encoding(self) -> str:
        """Content-Transfer-Encoding, lower case; `7bit` where none is named (RFC 2045 §6.1)."""
        return self.mime.encoding

    @property
    def content_type(self) -> str:
        """`text/plain`."""
        return self.mime.content_type

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
        return self.mime.charset

    @property
    def disposition(self) -> Disposition | None:
        """Content-Disposition, where there is one (RFC 2183)."""
        return self.mime.disposition

    @property
    def filename(self) -> str | None:
        """The file name that the sender suggests: the disposition's, else the type's (RFC 2183 §2.3)."""
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
        """Content-Location (RFC 2557); folding white space inside the URI is removed."""
        value = self.header.first("content-location")
        return value and b"".join(value.split())

    @property
    def md5(self) -> bytes | None:
        """Content-MD5 as it stands; never verified (RFC 1864)."""
        return self.header.first("content-md5")

    def is_message(self) -> bool:
        """Whether its one child is an enclosed message."""
        return self.media_type == "message" and bool(self.children)

    def walk(self) -> Iterator["Part"]:
        """This part and all parts below it, in message order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, section: Sequence[int]) -> "Part | None":
        """The part that an IMAP section number names (RFC 9051 §6.4.5.1); the empty one names this part.

        In a multipart without parts, 1 is its whole body, which BODYSTRUCTURE shows as its only part.
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
