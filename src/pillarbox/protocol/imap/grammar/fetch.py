"""FETCH and its data items (RFC 9051 §6.4.5, §9 fetch-att; RFC 3516, 7162, 8474, 8514, 8970).

Clients ask the same thing of mailbox after mailbox, so what follows the sequence set is parsed once and
cached.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pillarbox.protocol.imap import limits, strings
from pillarbox.protocol.imap.commands import Fetch
from pillarbox.protocol.imap.cursor import LARGEST_64, Cursor, Malformed
from pillarbox.protocol.imap.fetch_items import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    FetchItem,
    Partial,
    Preview,
    SectionText,
)

_SIMPLE: Final[dict[bytes, FetchItem]] = {
    **{item.value: item for item in Attribute},
    # RFC 3501 §6.4.5: names that IMAP4rev2 dropped, defined by what BODY[...] does
    b"RFC822": BodySection(b"RFC822"),
    b"RFC822.HEADER": BodySection(b"RFC822.HEADER", text=SectionText.HEADER, peek=True),
    b"RFC822.TEXT": BodySection(b"RFC822.TEXT", text=SectionText.TEXT),
}
_FAST: Final = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
_MACROS: Final = {
    b"FAST": _FAST,
    b"ALL": (*_FAST, Attribute.ENVELOPE),
    b"FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_MACRO: Final = re.compile(rb"(ALL|FAST|FULL)(?=\Z| )", re.IGNORECASE)
_NAME: Final = re.compile(rb"[A-Za-z0-9.]{1,64}+")
_PART: Final = re.compile(rb"[1-9]\d{0,9}+(?:\.[1-9]\d{0,9}+){0,%d}" % (limits.MAX_PART_DEPTH - 1))
_SECTION_TEXT: Final = re.compile(
    rb"(HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME)(?=[ \]])", re.IGNORECASE
)
_TEXTS: Final = {text.value: text for text in SectionText}
_TOO_MANY_FIELDS: Final = f"More than {limits.MAX_FIELD_NAMES} header fields"
_PARTIAL: Final = re.compile(rb"<(\d{1,19})\.([1-9]\d{0,18})>")


class _Requested(NamedTuple):
    """What follows the sequence set."""

    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    vanished: bool = False


def fetch(cursor: Cursor) -> Fetch:
    """RFC 9051 §9, fetch; RFC 7162 §7, fetch-modifier."""
    return _fetch(cursor, uid=False)


def uid_fetch(cursor: Cursor) -> Fetch:
    """RFC 9051 §9, uid."""
    return _fetch(cursor, uid=True)


def _fetch(cursor: Cursor, *, uid: bool) -> Fetch:
    numbers = cursor.sequence_set()
    cursor.space()
    rest = cursor.text[cursor.at :]
    if b"{" in rest or len(rest) > _CACHED_OCTETS:
        requested = _requested(cursor, uid=uid)
    else:
        requested = _cached_requested(rest, uid)
        cursor.at = len(cursor.text)
    # RFC 7162 §3.2.6: VANISHED goes with UID FETCH, CHANGEDSINCE and ENABLE QRESYNC only
    if requested.vanished and not (
        uid and requested.changed_since is not None and b"QRESYNC" in cursor.enabled
    ):
        raise Malformed("VANISHED needs UID FETCH, CHANGEDSINCE and ENABLE QRESYNC")
    return Fetch(numbers, requested.items, uid, requested.changed_since, requested.vanished)


_CACHED_OCTETS: Final = 512


@lru_cache(maxsize=512)
def _cached_requested(rest: bytes, uid: bool) -> _Requested:
    cursor = Cursor(rest)
    requested = _requested(cursor, uid=uid)
    cursor.end()
    return requested


def _requested(cursor: Cursor, *, uid: bool) -> _Requested:
    items = _items(cursor)
    changed_since, vanished = _modifiers(cursor) if cursor.sees(b" (") else (None, False)
    # RFC 9051 §6.4.9: UID FETCH always has the UID; RFC 7162 §3.1.4.1: CHANGEDSINCE implies MODSEQ
    if uid:
        items = [Attribute.UID, *items]
    if changed_since is not None:
        items.append(Attribute.MODSEQ)
    return _Requested(tuple(dict.fromkeys(items)), changed_since, vanished)


def _items(cursor: Cursor) -> list[FetchItem]:
    if macro := cursor.match(_MACRO):
        return list(_MACROS[macro[1].upper()])
    if not cursor.sees(b"("):
        return [_item(cursor)]
    items = cursor.items(lambda: _item(cursor), most=limits.MAX_FETCH_ITEMS, names="FETCH items")
    if sum(len(item.fields) for item in items if isinstance(item, BodySection)) > limits.MAX_FIELD_NAMES:
        raise Malformed(_TOO_MANY_FIELDS)
    return items


def _item(cursor: Cursor) -> FetchItem:
    found = cursor.match(_NAME)
    name = found[0].upper() if found else b""
    if not cursor.sees(b"["):
        if item := _SIMPLE.get(name):
            return item
        if name == b"PREVIEW":
            return _preview(cursor)
        raise Malformed("Unknown FETCH item")
    match name:
        case b"BODY":
            return _body_section(cursor, peek=False)
        case b"BODY.PEEK":
            return _body_section(cursor, peek=True)
        case b"BINARY" | b"BINARY.PEEK":
            part = _binary_part(cursor)
            partial = _partial(cursor)
            return BinarySection(b"BINARY" + _label(part, partial), part, partial, peek=name != b"BINARY")
        case b"BINARY.SIZE":
            part = _binary_part(cursor)
            return BinarySize(b"BINARY.SIZE" + _label(part, None), part)
        case _:
            raise Malformed("Unknown FETCH item")


def _preview(cursor: Cursor) -> Preview:
    """RFC 8970 §6; a parenthesis behind PREVIEW in a single-item FETCH may also open the modifiers."""
    if not cursor.skip_word(b" (LAZY"):
        return Preview()
    while cursor.skip_word(b" LAZY"):
        pass
    cursor.expect(b")", sentence="Unknown PREVIEW modifier")
    return Preview(lazy=True)


def _body_section(cursor: Cursor, *, peek: bool) -> BodySection:
    """RFC 9051 §9, section."""
    start = cursor.at
    cursor.expect(b"[", sentence="Expected a section")
    part = _part(cursor)
    text, fields = SectionText.ALL, tuple[bytes, ...]()
    if not part or cursor.skip(b"."):
        text, fields = _section_text(cursor, in_part=bool(part))
    label = cursor.text[start : cursor.at]
    if fields:
        label = b"[%b%b%b (%b)" % (
            _dotted(part),
            b"." if part else b"",
            text.value,
            b" ".join(map(strings.astring, fields)),
        )
    cursor.expect(b"]", sentence="Expected the end of the section")
    partial = _partial(cursor)
    origin = b"<%d>" % partial.origin if partial else b""
    return BodySection(
        b"BODY%b]%b" % (label if fields else label.upper(), origin),
        part,
        text,
        tuple(field.lower() for field in fields),
        partial,
        peek,
    )


def _section_text(cursor: Cursor, *, in_part: bool) -> tuple[SectionText, tuple[bytes, ...]]:
    """RFC 9051 §9, section-msgtext, and within a part section-text."""
    found = cursor.match(_SECTION_TEXT)
    if not found:
        if in_part or not cursor.sees(b"]"):
            raise Malformed("Unknown section")
        return SectionText.ALL, ()
    text = _TEXTS[found[1].upper()]
    if text is SectionText.MIME and not in_part:
        raise Malformed("MIME is for a numbered part")
    if text not in {SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT}:
        return text, ()
    cursor.space()
    most = limits.MAX_FIELD_NAMES
    return text, tuple(
        cursor.items(lambda: cursor.astring(limits.MAX_FIELD_NAME), most=most, names="header fields")
    )


def _part(cursor: Cursor) -> tuple[int, ...]:
    found = cursor.match(_PART)
    return tuple(map(int, found[0].split(b"."))) if found else ()


def _binary_part(cursor: Cursor) -> tuple[int, ...]:
    """RFC 9051 §9, section-binary."""
    cursor.expect(b"[", sentence="Expected a part")
    part = _part(cursor)
    cursor.expect(b"]", sentence="Expected the end of the part")
    return part


def _partial(cursor: Cursor) -> Partial | None:
    if not cursor.sees(b"<"):
        return None
    found = cursor.match(_PARTIAL)
    if not found or max(origin := int(found[1]), length := int(found[2])) > LARGEST_64:
        raise Malformed("Expected <origin.length>")
    return Partial(origin, length)


def _dotted(part: tuple[int, ...]) -> bytes:
    return b".".join(b"%d" % number for number in part)


def _label(part: tuple[int, ...], partial: Partial | None) -> bytes:
    return b"[%b]%b" % (_dotted(part), b"<%d>" % partial.origin if partial else b"")


def _modifiers(cursor: Cursor) -> tuple[int | None, bool]:
    changed_since, vanished = None, False

    def modifier() -> None:
        nonlocal changed_since, vanished
        match cursor.word():
            case b"CHANGEDSINCE":
                cursor.space()
                # RFC 7162 §7 begins at 1, but phones send 0 for a mailbox they know nothing of: everything is newer
                changed_since = cursor.number(most=LARGEST_64)
            case b"VANISHED":
                vanished = True
            case _:
                raise Malformed("Unknown FETCH modifier")

    cursor.space()
    cursor.items(modifier, names="FETCH modifiers")
    return changed_since, vanished
