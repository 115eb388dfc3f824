"""Decoding text by charset label (WHATWG Encoding Standard; RFC 2046 §4.1.2).

What a label means stands in `charset_label`, what is not Python's own codec in `charset_codec` and `iso2022`. A byte
order mark says more than a label. Without a label, or with an unknown one, text is UTF-8 where it is valid, since
other text hardly ever is, and else windows-1252, the most common of the rest.

`decode` never raises: an invalid octet becomes U+FFFD. `pieces` is the same in pieces of bounded size.
"""

import codecs
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from encodings import charmap
from typing import Final

from pillarbox.mail import iso2022
from pillarbox.mail.charset_codec import MULTI, REPLACEMENT, SINGLE, MultiByteDecoder
from pillarbox.mail.charset_label import codec

MAX_PENDING_OCTETS: Final = 64 * 1024
"""Octets without a character, of a shift sequence in UTF-7, after which it is decoded as if it had ended."""

_WIDE: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
"""What has wide units, and the marks of their order."""
_MAX_MARK_OCTETS: Final = 4

_NOT_ASCII_BASED: Final = frozenset(
    {f"{wide}{order}" for wide in _WIDE for order in ("", "-le", "-be")}
    | {*iso2022.SHIFTED, "hz", "utf-7", "viscii", "shift_jis_2004", "cp864"}
    | {"cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"}  # EBCDIC
)


_ASCII_LABELS: Final = frozenset(
    ("us-ascii", "ascii", "usascii", "us", "iso646-us", "ansi_x3.4-1968", "ansi_x3.4-1986", "cp367", "ibm367")
)
_UNICODE: Final = ("utf-8", "utf-16", "utf-32", "gb18030")
"""The beginnings of the names of codecs by which octets can mean U+FFFD."""


def reads_ascii(label: str | None) -> bool:
    """Whether US-ASCII octets with this label decode to the same ASCII text."""
    return label is None or codec(label) not in _NOT_ASCII_BASED


def is_narrow(label: str) -> bool:
    """Whether text with this label, which could be read in text as US-ASCII, may tell the truth."""
    return (codec(label) or "")[:6] not in _WIDE


def is_known(label: str) -> bool:
    """Whether text with this label can be decoded by it, or is US-ASCII."""
    return codec(label) is not None or is_ascii(label)


def is_ascii(label: str) -> bool:
    """Whether it is a label of US-ASCII, with which octets above 127 are wrong."""
    return label.strip().lower() in _ASCII_LABELS


def decode(octets: bytes, label: str | None = None) -> str:
    """Decode octets with this label; guess where it is absent or unknown."""
    name = codec(label) if label else None
    if octets.isascii() and name not in _NOT_ASCII_BASED:
        return octets.decode("ascii")
    name = _marked(octets, name)
    return guess(octets) if name is None else _decode(octets, name)


def decode_strict(octets: bytes, label: str) -> str:
    """Decode octets with a label that is known; raises `UnicodeError` where an octet has no meaning."""
    if codec(label) == "utf-8":
        return octets.decode()
    text = decode(octets, label)
    if REPLACEMENT in text:
        raise UnicodeError(f"not in {label}")
    return text


def guess(octets: bytes) -> str:
    """Decode unlabelled text: as UTF-8 if valid, else as windows-1252."""
    try:
        return octets.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        return _decode(octets, "windows-1252")


def _marked(beginning: bytes, name: str | None) -> str | None:
    """The codec that a byte order mark, or its absence, makes of a codec."""
    if beginning.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if name and (marks := _WIDE.get(name[:6])):
        wide = name[:6]
        # RFC 2781 §4.3, and the same of UTF-32: big-endian without a mark
        return wide if beginning.startswith(marks) else f"{wide}-be" if name == wide else name
    return name


def _decode(octets: bytes, name: str) -> str:
    if table := SINGLE.get(name):
        return codecs.charmap_decode(octets, "replace", table)[0]
    if multi := MULTI.get(name):
        return multi.text(octets)
    if name in iso2022.SHIFTED:
        return iso2022.Decoder(name).decode(octets, True)
    return _characters(octets.decode(name, "replace"), name)


def _characters(text: str, name: str) -> str:
    # UTF-7 can encode a lone surrogate, which is not a character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if name == "utf-7" else text


def is_well_formed(pieces: Sequence[bytes], label: str | None) -> bool:
    """Whether all octets, which come in pieces, have a meaning in the charset; without one, whether they are UTF-8.

    Costs about as much as to decode them.
    """
    name = _marked(b"".join(pieces[:_MAX_MARK_OCTETS])[:_MAX_MARK_OCTETS], codec(label) if label else None)
    if name is None or name.startswith(_UNICODE):
        return _decodes(pieces, name or ("utf-8" if label is None else "ascii"))
    return not any(REPLACEMENT in text for text in _decoded(pieces, name))


def _decodes(pieces: Iterable[bytes], name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        for piece in pieces:
            decoder.decode(piece)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


# --- in pieces

Source = Callable[[], Iterable[bytes]]
"""Returns the same pieces anew each time."""


def pieces(source: Source, label: str | None) -> Iterator[str]:
    """`decode` of octets that come in pieces: a piece of text, perhaps empty, for each that is read.

    Guessing reads all before it decodes any.
    """
    name = _marked(_beginning(source), codec(label) if label else None)
    if name is None:
        is_utf_8 = yield from _is_utf_8(source)
        name = "utf-8" if is_utf_8 else "windows-1252"
    yield from _decoded(source(), name)


def _beginning(source: Source) -> bytes:
    begun = b""
    for piece in source():
        begun += piece
        if len(begun) >= _MAX_MARK_OCTETS:
            break
    return begun[:_MAX_MARK_OCTETS]


def _is_utf_8(source: Source) -> Generator[str, None, bool]:
    """Whether the octets are UTF-8; yields nothing for each piece that was read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in source():
            decoder.decode(piece)
            yield ""
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _decoder(name: str) -> codecs.IncrementalDecoder:
    if table := SINGLE.get(name):
        return charmap.IncrementalDecoder("replace", table)
    if multi := MULTI.get(name):
        return MultiByteDecoder(multi)
    if name in iso2022.SHIFTED:
        return iso2022.Decoder(name)
    return codecs.getincrementaldecoder(name)("replace")


def _decoded(octets: Iterable[bytes], name: str) -> Iterator[str]:
    decoder = _decoder(name)
    for piece in octets:
        yield _characters(decoder.decode(piece), name)
        if name == "utf-7" and len(decoder.getstate()[0]) > MAX_PENDING_OCTETS:
            yield _characters(decoder.decode(b"", True), name)
            decoder.reset()
    yield _characters(decoder.decode(b"", True), name)
