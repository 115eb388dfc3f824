"""What the octets of a message rule out, before any of it is decoded.

Most messages do not contain what is searched for, and in many what is searched stands as it is: US-ASCII, without a
transfer encoding, perhaps as HTML. There, a word of the text that is not among the octets is not in the message. It
costs a fifth of parsing and decoding; where anything else may stand in the message, nothing is ruled out.
"""

import re
from collections.abc import Callable
from operator import methodcaller
from typing import Final

from pillarbox.mail.header import MAX_FIELDS
from pillarbox.mail.slices import SLICE_OCTETS

MAX_WORDS: Final = 4
"""Words of the text that are looked for, the longest first."""

_WORD: Final = re.compile(r"[a-z0-9]+")
_ENCODING: Final = b"content-transfer-encoding"
_ENCODINGS: Final = (b": 7bit", b": 8bit", b": binary")
_CHARSET: Final = b"charset"
CHARSETS: Final = ("utf-8", "us-ascii", "iso-8859-1", "windows-125")
"""Labels that may go on: US-ASCII is itself in all that begin so (`charset_label`)."""
_CHARSETS: Final = tuple([mark + label.encode() for label in CHARSETS for mark in (b"=", b'="')])
_REFERENCES: Final = (b"nbsp;", b"amp;", b"lt;", b"gt;", b"quot;")
"""Character references that are neither letters nor digits."""

_MIN_FIELD_OCTETS: Final = len(b"a:\n")

Excludes = Callable[[bytes, int], bool]
"""Takes the octets of a message, and how many of them are its header."""


def excludes(folded: str, *, in_header: bool) -> Excludes:
    """A quick test of a message's octets: whether their decoded text can't contain the folded text.

    The text is that of the body, or of header and body. False where only decoding tells.
    """
    if folded.isascii():
        words = sorted(set(_WORD.findall(folded)), key=len, reverse=True)[:MAX_WORDS]
        tests = [_absent(word.encode()) for word in words]
    else:
        tests = [lambda _lowered: True]  # text in US-ASCII does not contain it

    def test(octets: bytes, header_size: int) -> bool:
        if len(octets) > SLICE_OCTETS or not octets.isascii() or _may_have_many_fields(octets):
            return False
        header, body = octets[:header_size].lower(), octets[header_size:].lower()
        for absent in tests:
            if absent(body) and (not in_header or absent(header)):
                return _stands_as_it_is(header, body, in_header=in_header)
        return False

    return test


def _may_have_many_fields(octets: bytes) -> bool:
    """Whether a header may have so many that the last of them are read as one line."""
    return len(octets) > MAX_FIELDS * _MIN_FIELD_OCTETS and octets.count(b"\n") > MAX_FIELDS


def _absent(word: bytes) -> Callable[[bytes], bool]:
    """A test for a word in octets of lower case, whether or not tags part its letters."""
    ends_a_piece = methodcaller("endswith", tuple([word[:at] for at in range(1, len(word))]))
    begins_a_piece = methodcaller("startswith", tuple([word[at:] for at in range(1, len(word))]))

    def absent(lowered: bytes) -> bool:
        if lowered.find(word) >= 0:
            return False
        if lowered.find(b"<") < 0:
            return True
        # What is removed of HTML begins with "<" and ends with ">"; letters on both sides of it become one word
        return not (
            any(map(ends_a_piece, lowered.split(b"<"))) and any(map(begins_a_piece, lowered.split(b">")))
        )

    return absent


def _stands_as_it_is(header: bytes, body: bytes, *, in_header: bool) -> bool:
    """Whether the text has no letters or digits but those of the octets, and HTML's tags are all that parts them."""
    has_parts = header.find(b"multipart") >= 0 or not _are_all(header, b"message", (b"-id",))
    may_be_html = has_parts or header.find(b"html") >= 0
    return (
        _are_all(header, _ENCODING, _ENCODINGS)
        and _are_all(header, _CHARSET, _CHARSETS)
        and not (in_header and header.find(b"=?") >= 0)  # encoded words (RFC 2047)
        and not (has_parts and body.find(b"=?") >= 0)
        and not (may_be_html and not _are_all(body, b"&", _REFERENCES))
        and not (may_be_html and not _are_all(body, _CHARSET, _CHARSETS))  # HTML may name its own
        and not (has_parts and not _are_all(body, _ENCODING, _ENCODINGS))
    )


def _are_all(lowered: bytes, what: bytes, rests: tuple[bytes, ...]) -> bool:
    """Whether all that begins so goes on in one of these ways."""
    at = lowered.find(what)
    while at >= 0:
        at += len(what)
        if not lowered.startswith(rests, at):
            return False
        at = lowered.find(what, at)
    return True
