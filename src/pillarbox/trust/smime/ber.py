"""Elements of BER, of which DER is the strict form (X.690): no more than CMS needs, and all of it bounded.

An element is where its octets are; nothing is copied. Forms without a length in advance, in which programs write what
they do not know the end of, are read too (RFC 5652 §5.2: only some parts must be DER).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 100_000
"""That are looked at in all, of one text: some hundredths of a second."""

INTEGER, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
CONTEXT_0 = 0xA0
_CONSTRUCTED: Final = 0x20
_INDEFINITE: Final = 0x80
_END: Final = b"\0\0"


class NotBer(ValueError):
    """It cannot be read; the text says why."""


class Element(NamedTuple):
    """Where an element is."""

    tag: int
    """The first octet: class, form and number."""
    start: int
    content: int
    end: int
    """Of its content."""
    after: int
    """Where the next one begins."""


class Reader:
    """Reads elements of some octets."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._left = MAX_ELEMENTS

    def root(self) -> Element:
        """The one element that the octets are. Raises `NotBer`. What follows it is ignored, as padding is."""
        return self._element(0, len(self._octets), 0)

    def children(self, parent: Element, tag: int | None = None) -> list[Element]:
        """Those in a constructed element. `tag`: what it must be. Raises `NotBer`."""
        return list(self.each(parent, tag))

    def each(self, parent: Element, tag: int | None = None) -> Iterator[Element]:
        """As `children`, one after another."""
        if not parent.tag & _CONSTRUCTED or (tag is not None and parent.tag != tag):
            raise NotBer("an element is of another type")
        at = parent.content
        while at < parent.end:
            child = self._element(at, parent.end, 0)
            yield child
            at = child.after

    def content(self, element: Element, tag: int) -> bytes:
        """The octets of a primitive element of this type. Raises `NotBer`."""
        if element.tag != tag:
            raise NotBer("an element is of another type")
        return self._octets[element.content : element.end]

    def whole(self, element: Element) -> bytes:
        """All octets of an element, its tag and length among them."""
        return self._octets[element.start : element.after]

    def inside(self, element: Element) -> bytes:
        """The octets of its content."""
        return self._octets[element.content : element.end]

    def string(self, element: Element) -> bytes:
        """An OCTET STRING, in one piece or in pieces. Raises `NotBer`."""
        if element.tag == OCTET_STRING:
            return self._octets[element.content : element.end]
        if element.tag != OCTET_STRING | _CONSTRUCTED:
            raise NotBer("an element is of another type")
        return b"".join([self.content(piece, OCTET_STRING) for piece in self.each(element)])

    def oid(self, element: Element) -> str:
        """An object identifier, dotted. Raises `NotBer`."""
        octets = self.content(element, OID)
        if not 0 < len(octets) <= 32 or octets[-1] & 0x80:
            raise NotBer("no object identifier")
        numbers, number = list[int](), 0
        for octet in octets:
            number = number << 7 | octet & 0x7F
            if not octet & 0x80:
                numbers.append(number)
                number = 0
        first = min(numbers[0] // 40, 2)
        return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))

    def _element(self, start: int, limit: int, depth: int) -> Element:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise NotBer("too many elements, or too deep")
        octets = self._octets
        if start + 2 > limit or octets[start] & 0x1F == 0x1F:
            raise NotBer("an element is cut off, or unknown")
        tag, length, content = octets[start], octets[start + 1], start + 2
        if length == _INDEFINITE and tag & _CONSTRUCTED:
            return self._until_end(tag, start, content, limit, depth)
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4 or content + size > limit:
                raise NotBer("a length is not readable")
            length = int.from_bytes(octets[content : content + size], "big")
            content += size
        end = content + length
        if end > limit:
            raise NotBer("an element is cut off")
        return Element(tag, start, content, end, end)

    def _until_end(self, tag: int, start: int, content: int, limit: int, depth: int) -> Element:
        at = content
        while self._octets[at : at + 2] != _END:
            at = self._element(at, limit, depth + 1).after
        if at + 2 > limit:
            raise NotBer("an element is cut off")
        return Element(tag, start, content, at, at + 2)


def sequence_of(tag: int, content: bytes) -> bytes:
    """An element with this content, in DER."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content
