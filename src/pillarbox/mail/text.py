"""The text of a message: all of it for searching, its beginning for lists of messages.

`body_pieces` is what IMAP's `SEARCH BODY` and `TEXT` search (RFC 9051 §6.4.4): every text part with its transfer
encoding and charset decoded, HTML without markup, enclosed messages with their headers. `preview` is IMAP's `PREVIEW`
(RFC 8970) and JMAP's `preview` (RFC 8621 §4.1.4).

Both accept any octets, never raise, and return text that UTF-8 can encode. Text comes in pieces, each made of at most
`transfer.MAX_PIECE_OCTETS`, so that a message of any size needs little memory besides its octets; there is a piece,
perhaps an empty one, for each so many octets that were read.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pillarbox.mail import charset, encoded_word, html_text, transfer
from pillarbox.mail.header import Field, Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse

MAX_PREVIEW_CHARACTERS: Final = 200
"""RFC 8970 §3.3: SHOULD be 200, MUST NOT exceed 256; RFC 8621 §4.1.4: at most 256."""
PREVIEW_OCTETS: Final = 64 * 1024
"""Octets of a part from which its preview is taken."""
MAX_PREVIEW_OCTETS: Final = 128 * 1024
"""Octets of all parts that are read for a preview: those of a message whose first parts show nothing."""
ENCODED_MESSAGE_DEPTH: Final = 3
"""Levels of enclosed messages that are decoded although they have a transfer encoding."""

_SHOWN: Final = ("text/plain", "text/html", "text/enriched", "multipart/mixed")
_QUOTE: Final = ord(b">")
_NEAR_OCTETS: Final = 1024
_SEEN_CHARACTERS: Final = 256
_NO_ATTRIBUTION: Final = re.compile(r"\n\s*+[^\s:][^\n:]*+\n")
_MESSAGES: Final = ("message/rfc822", "message/global")
_META_CHARSET: Final = re.compile(rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
# Controls, soft hyphens, zero-width and direction marks: senders pad previews with them, and no protocol allows NUL.
_INVISIBLE: Final = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_ATTRIBUTION: Final = re.compile(
    r"(?:On|Am|Le|El|Il|Op|W dniu|Den) .{5,200}:\s*\Z|.{1,100} (?:wrote|writes|schrieb|a écrit)\s*:\s*\Z"
)


def body_pieces(octets: bytes, part: Part) -> Iterator[str]:
    """All text of a message, its parts one after another, separated by line ends."""
    pieces = _texts(octets, part, ENCODED_MESSAGE_DEPTH)
    next(pieces, None)  # the line end before the first
    return pieces


def preview(octets: bytes, part: Part) -> str:
    """The beginning of the readable text, on one line, at most `MAX_PREVIEW_CHARACTERS` long."""
    left = MAX_PREVIEW_OCTETS
    for candidate in _readable(part):
        if preview := _fast_preview(octets, candidate):
            return preview
        limit = min(PREVIEW_OCTETS, left)
        if shown := _begin("".join(plain_pieces(octets, candidate, limit))):
            return shown
        left -= min(candidate.size, limit)
        if left <= 0:
            break
    return ""


def _fast_preview(octets: bytes, part: Part) -> str | None:
    """The preview of text in the common form: US-ASCII, not encoded, and without quoted lines near its beginning."""
    mime = part.mime
    if mime.encoding not in transfer.IDENTITY or mime.content_type == "text/html":
        return None
    near = octets[part.body_start : min(part.end, part.body_start + _NEAR_OCTETS)]
    if _QUOTE in near or not near.isascii() or not charset.reads_ascii(mime.charset):
        return None
    seen = near.decode("ascii")
    begun = _plain_beginning(seen)
    # A line that introduces a quotation must not be shown; one above another ordinary line does not introduce any
    is_whole = len(near) == part.end - part.body_start
    return begun if is_whole or _NO_ATTRIBUTION.search(seen, _SEEN_CHARACTERS) else None


def part_pieces(octets: bytes, part: Part, limit: int | None = None) -> Iterator[str]:
    """One part's body decoded, markup included; at most `limit` encoded octets of it."""
    start, end = part.body_start, part.end if limit is None else min(part.end, part.body_start + limit)

    def source() -> Iterator[bytes]:
        return transfer.pieces(octets, start, end, part.encoding)

    return charset.pieces(source, label(part, next(source(), b"")))


def _short_text(octets: bytes, part: Part) -> str:
    """`part_pieces` at once."""
    body = transfer.decode(octets[part.body_start : part.end], part.encoding)
    return charset.decode(body, label(part, body))


def label(part: Part, beginning: bytes) -> str | None:
    """The charset of a part whose decoded body begins so.

    HTML may name its own, which was read as US-ASCII and thus must be like it.
    """
    written = part.mime.charset
    if written is None and part.subtype == "html" and (found := _META_CHARSET.search(beginning, 0, 2048)):
        named = found[1].decode("ascii", "replace")
        return named if charset.is_narrow(named) else "utf-8"
    return written


def header_pieces(header: Header) -> Iterator[str]:
    """A header's decoded fields, one per line."""
    if len(header.octets) <= transfer.MAX_PIECE_OCTETS:
        yield "\n".join(
            [f"{field.name.decode('latin-1')}: {encoded_word.decode(field.body)}" for field in header.fields]
        )
        return
    for place, field in enumerate(header.fields):
        yield f"\n{_name(field)}:" if place else f"{_name(field)}:"
        if len(field.raw) <= transfer.MAX_PIECE_OCTETS:
            yield f" {encoded_word.decode(field.body)}"
        else:
            yield from encoded_word.pieces(field.raw, field.raw.index(b":") + 1 if field.name else 0)


def _name(field: Field) -> str:
    return field.name.decode("latin-1")


def _texts(octets: bytes, part: Part, depth: int) -> Iterator[str]:
    """All texts, a line end before each."""
    if part.media_type in ("text", "multipart") and not part.children:
        yield "\n"  # a multipart without parts is read as text
        yield from plain_pieces(octets, part)
        return
    if part.is_message():
        yield "\n"
        yield from header_pieces(part.children[0].header)
    for child in part.children:
        yield from _texts(octets, child, depth)
    if part.children:
        return
    if part.content_type in _MESSAGES and depth:
        inner_octets = b"".join(transfer.pieces(octets, part.body_start, part.end, part.encoding))
        inner = parse(inner_octets)
        yield "\n"
        yield from header_pieces(inner.header)
        yield from _texts(inner_octets, inner, depth - 1)


def plain_pieces(octets: bytes, part: Part, limit: int | None = None) -> Iterable[str]:
    """What a part says, without markup; at most `limit` of its octets."""
    is_html = part.mime.content_type == "text/html"
    if part.size <= transfer.MAX_PIECE_OCTETS:
        text = _short_text(octets, part)
        return (html_text.words_of(text) if is_html else text,)
    pieces = part_pieces(octets, part, limit)
    return html_text.words(pieces) if is_html else pieces


def shown_parts(part: Part) -> list[Part]:
    """The text parts that a reader sees one after another; of alternatives one."""
    found = [shown_parts(child) for child in _preferred(part)]
    if part.mime.content_type == "multipart/alternative":
        return next(filter(None, found), [])
    if part.is_message() or not part.children:
        return [] if part.is_message() else list(_readable(part))
    return [one for parts in found for one in parts]


def _preferred(part: Part) -> Sequence[Part]:
    """The parts of a part, of alternatives the one that is read most reliably first (RFC 2046 §5.1.4)."""
    if part.mime.content_type != "multipart/alternative":
        return part.children
    return sorted(part.children, key=lambda child: child.mime.content_type != "text/plain")


def _readable(part: Part) -> Iterator[Part]:
    """Text parts, best for a preview first."""
    children = _preferred(part)
    for child in children:
        yield from _readable(child)
    if children or part.mime.content_type not in _SHOWN:
        return
    disposition = part.mime.disposition
    if disposition is None or disposition.type != "attachment":
        yield part


def _begin(text: str) -> str:
    if text.startswith(">") or "\n>" in text:
        text = _without_quotes(text) or text
    if seen := _plain_beginning(text):
        return seen
    # White space and padding are dropped; the first part of the text is mostly enough.
    for length in (4 * MAX_PREVIEW_CHARACTERS, len(text)):
        begun = " ".join(text[:length].split())
        if not begun.isprintable():
            begun = " ".join(_INVISIBLE.sub("", begun).split())
        if len(begun) >= MAX_PREVIEW_CHARACTERS:
            break
    return begun[:MAX_PREVIEW_CHARACTERS].rstrip()


def _plain_beginning(text: str) -> str | None:
    """The preview of a text whose first characters suffice."""
    begun = " ".join(text[:_SEEN_CHARACTERS].split())
    if len(begun) >= MAX_PREVIEW_CHARACTERS and begun.isascii() and begun.isprintable():
        return begun[:MAX_PREVIEW_CHARACTERS].rstrip()
    return None


def _without_quotes(text: str) -> str:
    """The text without quoted lines and the line that introduces them, as far as a preview needs it."""
    kept: list[str] = []
    settled = False  # the lines above this quoted line are kept
    missing = _SEEN_CHARACTERS
    for line in text[: 32 * MAX_PREVIEW_CHARACTERS].splitlines():
        if not line.startswith(">"):
            kept.append(line)
            settled = False
            missing -= len(line)
            if missing < 0 and ":" not in line and line.strip():  # later lines can't remove it
                if _plain_beginning(" ".join(kept)):
                    break
                missing = len(text)
        elif not settled:
            while kept and not kept[-1].strip():
                kept.pop()
            settled = not (kept and _ATTRIBUTION.match(kept[-1]))
            if not settled:
                kept.pop()
    return "\n".join(kept).strip()
