"""EmailBodyValue: the text of a part, at most so many octets of it (RFC 8621 §4.1.4, §4.2).

No more of a part is decoded than its value may need: a part of any size costs what its value does, 5 ms for
`MAX_VALUE_OCTETS`, and 20 ms in the dearest charset, in slices of less than a millisecond.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from pillarbox.mail import charset, text, transfer
from pillarbox.mail.part import Part
from pillarbox.protocol.jmap.email.body_part import Interlude, decoded, go_on, is_encoded
from pillarbox.protocol.jmap.types.email import EmailBodyValue

MAX_VALUE_OCTETS: Final = 1024 * 1024
"""The longest value, whatever the client asks for; the rest is truncated, and there is the blob."""
MAX_RESPONSE_OCTETS: Final = 8 * 1024 * 1024
"""All values of one response together; when they are used up, further values are empty and truncated."""

_DECODED_FOR_ONE: Final = 4
"""Octets of a part, when it is decoded, that may be one octet of its value: UTF-32 has four."""
_ENCODED_FOR_ONE: Final = 8
"""And before it is decoded."""
_MAX_CHARACTER_OCTETS: Final = 4
_REPLACEMENT: Final = "\ufffd"

_MAX_TAG_CHARACTERS: Final = 16 * 1024
_MAX_OPENINGS: Final = 8
_TAG: Final = re.compile(r"<[a-zA-Z/!?](?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*>")
_MAX_REFERENCE_CHARACTERS: Final = 34
_REFERENCE: Final = re.compile(r"&#?[A-Za-z0-9]*\Z")


class Room(Struct):
    """How much the values of a response may still have."""

    octets: int = MAX_RESPONSE_OCTETS

    def take(self, value: EmailBodyValue) -> None:
        """Count a value."""
        self.octets -= len(value.value) if value.value.isascii() else len(value.value.encode())


def body_value(
    octets: bytes, part: Part, max_octets: int = MAX_VALUE_OCTETS, interlude: Interlude = go_on
) -> EmailBodyValue:
    """The value of a text part with at most so many octets of UTF-8."""
    pieces, is_whole = _beginning(octets, part, max_octets, interlude)
    label = text.label(part, pieces[0] if pieces else b"")
    decoded_texts = list[str]()
    for one in charset.pieces(lambda: pieces, label):
        decoded_texts.append(one)
        interlude()
    found = "".join(decoded_texts)
    if not is_whole:
        found = found.removesuffix(_REPLACEMENT)  # the first octets of a character
    whole = found.replace("\r\n", "\n")
    value = cut(whole, max_octets, is_html=part.mime.content_type == "text/html")
    has_problem = not _is_known(part, label) or _is_malformed(value, pieces, label)
    return EmailBodyValue(value, has_problem, not is_whole or len(value) < len(whole))


def _is_malformed(value: str, pieces: Sequence[bytes], label: str | None) -> bool:
    """Whether the octets of a value have no meaning in its charset, or had to be guessed."""
    if value.isascii():
        return False
    if label is None:  # what is not UTF-8 is taken for windows-1252
        return not charset.is_well_formed(pieces, None)
    return charset.is_ascii(label) or (_REPLACEMENT in value and not charset.is_well_formed(pieces, label))


def _beginning(octets: bytes, part: Part, max_octets: int, interlude: Interlude) -> tuple[list[bytes], bool]:
    """Decoded octets enough for a value, and whether these are all. They end with a whole character of UTF-8."""
    wanted = _DECODED_FOR_ONE * max_octets + _MAX_CHARACTER_OCTETS
    most = (_ENCODED_FOR_ONE * max_octets) // transfer.MAX_PIECE_OCTETS + 2
    source: Iterator[bytes] = decoded(octets, part)
    pieces, gathered = list[bytes](), 0
    for piece in islice(source, most):
        pieces.append(piece)
        gathered += len(piece)
        interlude()
        if gathered > wanted:
            break
    else:
        if next(source, None) is None:
            return pieces, True
    pieces[-2:] = [_whole_characters(b"".join(pieces[-2:])[: min(wanted - gathered, 0) or None])]
    return pieces, False


def _whole_characters(octets: bytes) -> bytes:
    """Without a character of UTF-8 at the end of which octets are missing."""
    for at in range(1, min(_MAX_CHARACTER_OCTETS, len(octets)) + 1):
        octet = octets[-at]
        if octet >= 0xC0:  # it begins a character of 2, 3 or 4
            needed = 2 if octet < 0xE0 else 3 if octet < 0xF0 else 4
            return octets[:-at] if at < needed else octets
        if octet < 0x80:
            break
    return octets


def _is_known(part: Part, label: str | None) -> bool:
    """Whether its transfer encoding and its charset are."""
    is_encoding = is_encoded(part) or part.encoding in transfer.IDENTITY
    return is_encoding and (label is None or charset.is_known(label))


def cut(whole: str, max_octets: int, *, is_html: bool) -> str:
    """The beginning of a text that has at most so many octets of UTF-8, between two characters.

    Of HTML, it does not end inside a tag or a character reference, unless a tag is longer than 16 Ki characters.
    """
    if len(whole) <= max_octets // _MAX_CHARACTER_OCTETS or len(octets := whole.encode()) <= max_octets:
        return whole
    value = octets[:max_octets].decode("utf-8", "ignore")
    if not is_html:
        return value
    start = _open_tag(whole, len(value))
    if start is None:
        start = value.rfind("&", max(len(value) - _MAX_REFERENCE_CHARACTERS, 0))
        following = whole[len(value)]
        if start < 0 or not (following.isalnum() or following in "#;") or not _REFERENCE.match(value, start):
            return value
    return value[:start]


def _open_tag(whole: str, end: int) -> int | None:
    """Where the tag begins that is not closed before the end, which is not that of the text."""
    start, first = end, max(end - _MAX_TAG_CHARACTERS, 0)
    for _ in range(_MAX_OPENINGS):
        start = whole.rfind("<", first, start)
        if start < 0:
            return None
        following = whole[start + 1]
        is_tag = (following.isascii() and following.isalpha()) or following in "/!?"
        if is_tag and _TAG.match(whole, start, end) is None:
            return start
    return None
