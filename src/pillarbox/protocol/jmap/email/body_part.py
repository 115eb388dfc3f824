"""The body parts of a message as JMAP sees them (RFC 8621 §4.1.4): a tree that ends at enclosed messages.

A part has the number by which IMAP names it (RFC 9051 §6.4.5.1), and its blob id is that of the message with this
number. So `find` knows a part by its number, also inside of an enclosed message that was opened by its blob id, even
one in base64, which has no number in IMAP.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail import transfer
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse

MAX_NUMBERS: Final = 64
"""Numbers in one part number, more than any part has."""
MAX_ENCODED_MESSAGES: Final = 3
"""Messages in messages that are decoded to find a part, each as long as the one around it."""

_PLAIN: Final = parse(b"").mime


class BodyPart(Struct, frozen=True, eq=False):
    """A part and its place."""

    part: Part
    number: str | None
    """Its partId: None for a multipart, and for nothing else."""
    subparts: tuple["BodyPart", ...] = ()
    """Those of a multipart, which has at least one."""

    @property
    def type(self) -> str:
        """Lower case: `text/plain`."""
        return self.part.mime.content_type

    @property
    def disposition(self) -> str | None:
        """Lower case: `attachment`."""
        disposition = self.part.mime.disposition
        return (disposition.type or None) if disposition else None

    def leaves(self) -> Iterator["BodyPart"]:
        """All parts that are no multipart, in order."""
        if self.number is not None:
            yield self
        for child in self.subparts:
            yield from child.leaves()


def tree(root: Part) -> BodyPart:
    """The parts of a message."""
    return _body_part(root, "")


def _body_part(part: Part, section: str) -> BodyPart:
    if part.media_type != "multipart":
        return BodyPart(part, section or "1")
    children = part.children or (_whole_body(part),)
    before = f"{section}." if section else ""
    subparts = [_body_part(child, f"{before}{place}") for place, child in enumerate(children, 1)]
    return BodyPart(part, None, tuple(subparts))


def _whole_body(part: Part) -> Part:
    """The text that a multipart without parts is, as `bodystructure` has it."""
    return msgspec.structs.replace(part, mime=_PLAIN, header_start=part.body_start)


# --- octets

Interlude = Callable[[], None]
"""Called between slices of less than a millisecond; what it raises ends the work."""


def go_on() -> None:
    """An `Interlude` in which nothing happens."""


def size(octets: bytes, part: Part, interlude: Interlude = go_on) -> int:
    """Octets of a part when its transfer encoding is undone; costs as much as to decode it, 4 ms a megabyte."""
    if not is_encoded(part):
        return part.size
    counted = 0
    for piece in decoded(octets, part):
        counted += len(piece)
        interlude()
    return counted


def is_encoded(part: Part) -> bool:
    """Whether its octets are others when its transfer encoding, where that is known, is undone."""
    encoding = part.encoding
    return encoding in ("base64", "quoted-printable") or encoding in transfer.UUENCODE


def decoded(octets: bytes, part: Part) -> Iterator[bytes]:
    """A part's octets in pieces: the content of its blob."""
    return transfer.pieces(octets, part.body_start, part.end, part.encoding)


def blob_id(of_message: str, number: str) -> str:
    """The id of a part's blob; `of_message` may be that of an enclosed message, a part itself."""
    number = number.replace(".", "_")  # RFC 8620 §1.2 has no dot in an id
    return f"{of_message}_{number}" if "-" in of_message else f"{of_message}-{number}"


def find(octets: bytes, number: str) -> tuple[bytes, Part] | None:
    """The part of a message with this number, as blob ids have it, with the octets that it is in.

    Those are others than the message's where the part is inside of an enclosed message that is encoded. Opening one
    costs as much as to decode and to parse it. None where there is no such part.
    """
    if len(number) > 10 * MAX_NUMBERS:
        return None
    places = number.split(".")
    if not all(place.isascii() and place.isdigit() and len(place) < 5 for place in places):
        return None
    section = [int(place) for place in places]
    for _ in range(MAX_ENCODED_MESSAGES + 1):
        root = parse(octets)
        if part := root.find(section):
            whole = part.media_type == "multipart"
            return octets, _whole_body(part) if whole else part
        begin = next((end for end in range(len(section) - 1, 0, -1) if root.find(section[:end])), 0)
        outer = root.find(section[:begin]) if begin else None
        if outer is None or not is_message(outer) or outer.children:
            return None
        octets, section = b"".join(decoded(octets, outer)), section[begin:]
    return None


def is_message(part: Part) -> bool:
    """Whether it is an enclosed message, encoded or not."""
    return part.mime.content_type in ("message/rfc822", "message/global")
