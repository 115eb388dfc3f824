"""The searchable text of a message, folded.

Text and search terms are folded by the same rule (`mail.normalization.fold`), so that containing is plain substring
containment (RFC 9051 §6.4.4 asks for case-insensitive substrings of decoded text).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

from pillarbox.mail import address_field, encoded_word
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.normalization import fold, slices
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.text import body_pieces, header_pieces
from pillarbox.mail.transfer import MAX_PIECE_OCTETS

_MAX_CACHED_OCTETS: Final = 128
CHUNK_CHARACTERS: Final = 16 * 1024
"""Characters that are folded and searched together."""

Interlude = Callable[[], None]
"""Called between slices of some milliseconds; what it raises ends the search."""


def go_on() -> None:
    """An `Interlude` in which nothing happens."""


def contains(pieces: Iterable[str], folded: str, interlude: Interlude = go_on) -> bool:
    """Whether a text that comes in pieces contains a folded text."""
    size = max(CHUNK_CHARACTERS, 2 * len(folded))
    chunks = _chunks(pieces, size, interlude)
    first = next(chunks, "")
    if len(first) < size:  # all of it
        return folded in fold(first)
    overlap = ""
    for chunk in _chunks(map(fold, slices(chain((first,), chunks))), size, interlude):
        text = overlap + chunk
        if folded in text:
            return True
        overlap = text[-len(folded) + 1 :] if len(folded) > 1 else ""
    return False


def _chunks(pieces: Iterable[str], size: int, interlude: Interlude) -> Iterator[str]:
    """A text in chunks of at least `size` characters, but for the last one; pieces that are empty take time as well."""
    gathered, characters = list[str](), 0
    for piece in pieces:
        gathered.append(piece)
        characters += len(piece)
        if characters >= size:
            yield "".join(gathered)
            gathered, characters = [], 0
        interlude()
    yield "".join(gathered)


def field_contains(lines: bytes, name: str, folded: str, interlude: Interlude = go_on) -> bool:
    """Whether a field of this name has the text in its decoded value; an empty text: whether it is there.

    `lines`: header lines. RFC 9051 §6.4.4, HEADER.
    """
    if folded and len(lines) <= MAX_PIECE_OCTETS:
        value = _plain_value(lines, name.lower().encode(errors="replace"))
        if value is not None:
            return folded.encode() in value.lower()
    values = Header(lines).all(name)
    if not folded:
        return bool(values)
    return any(contains(encoded_word.pieces(value), folded, interlude) for value in values)


def addresses_contain(lines: bytes, name: str, folded: str, word: str, interlude: Interlude = go_on) -> bool:
    """Whether the ENVELOPE has the text in this address field; an empty text: whether the field is there.

    `lines`: header lines. `word`: the `longest_word` of the text. RFC 9051 §6.4.4, FROM.
    """
    if word and len(lines) <= MAX_PIECE_OCTETS:
        value = _plain_value(lines, name.lower().encode())
        if value is not None and word.encode() not in value.lower():
            return False
        if value is not None and len(value) <= _MAX_CACHED_OCTETS:
            return folded in _folded_addresses(value)
    values = Header(lines).all(name)
    if not folded:
        return bool(values)
    return contains(address_field.pieces(values), folded, interlude)


def longest_word(folded: str) -> str:
    """The longest run of letters and digits: a field has it as it is, however its addresses are written."""
    words = "".join([character if character.isalnum() else " " for character in folded]).split()
    return max(words, key=len, default="")


@lru_cache(maxsize=1024)
def _folded_addresses(value: bytes) -> str:
    # Of a short field: the same few correspondents appear in message after message
    return fold("".join(address_field.pieces((value,))))


def _plain_value(lines: bytes, key: bytes) -> bytes | None:
    """The value of a field, at a tenth of the cost, where the field occurs once, in ASCII, with nothing encoded.

    Empty where there is no such field, `None` where it is not so simple. `key`: its name in lower case.
    """
    lowered = lines.lower()
    start = 0 if lowered.startswith(key) else lowered.find(b"\n" + key) + 1
    if start == 0 and not lowered.startswith(key):
        return b""
    begin = start + len(key) + 1
    if lowered[begin - 1 : begin] != b":" or lowered.find(b"\n" + key, begin) >= 0:
        return None
    end = lines.find(b"\n", begin)
    while end >= 0 and lines[end + 1 : end + 2] in (b" ", b"\t"):
        end = lines.find(b"\n", end + 1)
    value = lines[begin : end if end >= 0 else len(lines)]
    return None if b"=?" in value or not value.isascii() else unfold(value)


def lines_may_contain(folded: str) -> Callable[[bytes], bool]:
    """A quick test of header lines: False where none of them can contain the text."""
    words = folded.split()
    if not words or not folded.isascii():
        return lambda _lines: True
    longest = max(words, key=len).encode()

    def may(lines: bytes) -> bool:
        return longest in lines.lower() or b"=?" in lines or not lines.isascii()

    return may


def body_contains(octets: bytes, root: Part, folded: str, interlude: Interlude = go_on) -> bool:
    """Whether the text of the body contains this (RFC 9051 §6.4.4, BODY)."""
    return _contains(body_pieces(octets, root), len(octets), folded, interlude)


def any_header_contains(root: Part, folded: str, interlude: Interlude = go_on) -> bool:
    """Whether the header of the message or of one of its parts contains this (RFC 9051 §6.4.4, TEXT)."""
    for part in root.walk():
        header = part.header
        if _contains(header_pieces(header), len(header.octets), folded, interlude):
            return True
        interlude()
    return False


def _contains(pieces: Iterable[str], octets: int, folded: str, interlude: Interlude) -> bool:
    """`contains`, of a text that is made of so many octets: a short one is searched at once."""
    if octets <= CHUNK_CHARACTERS:
        return folded in fold("".join(pieces))
    return contains(pieces, folded, interlude)


def everything(octets: bytes) -> Iterator[str]:
    """All that any search could find in a message, in pieces; not folded."""
    root = parse(octets)
    headers = (chain(header_pieces(part.header), ("\n",)) for part in root.walk())
    return chain(chain.from_iterable(headers), body_pieces(octets, root))
