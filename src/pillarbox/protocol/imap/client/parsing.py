"""From the text of a response to what it means (RFC 3501 §7, RFC 9051 §7).

What can't be read, and what is of no use here, is `None`: servers send much that nobody asked for.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from pillarbox.mail.number_set import LARGEST, NumberSet, Run
from pillarbox.protocol.imap.client.responses import (
    CapabilityData,
    Data,
    Exists,
    Fetched,
    Found,
    Listed,
    MailboxStatus,
    Namespaces,
    Status,
    StatusResponse,
)
from pillarbox.protocol.imap.client.syntax import Malformed, Token, tokens
from pillarbox.protocol.imap.cursor import Cursor
from pillarbox.protocol.imap.cursor import Malformed as MalformedDate
from pillarbox.protocol.imap.grammar.dates import date_time_ms

MAX_TEXT_CHARACTERS: Final = 1000
"""How much of a human text is kept."""
MAX_CAPABILITIES: Final = 500

_CODE: Final = re.compile(rb"\[([A-Za-z0-9.=_-]{1,64})(?: ([^\]]{0,4096}))?\] ?")
_RUN: Final = re.compile(rb"(\d{1,10})(?::(\d{1,10}))?")
_STATUSES: Final = {status.value.encode(): status for status in Status}


def status_response(text: bytes) -> StatusResponse | None:
    """A status response, from its first word on (`OK [CODE] text`), or `None`."""
    word, _, rest = text.partition(b" ")
    status = _STATUSES.get(word.upper())
    if status is None:
        return None
    code = argument = b""
    if found := _CODE.match(rest):
        code, argument, rest = found[1].upper(), found[2] or b"", rest[found.end() :]
    human = rest.decode("utf-8", "replace").strip()[:MAX_TEXT_CHARACTERS]
    return StatusResponse(status, code.decode(), argument.decode("latin-1").strip(), human)


def untagged(text: bytes, *, has_content: bool) -> Data | CapabilityData | None:
    """What an untagged response tells, from behind `* ` on."""
    if response := status_response(text):
        return response
    first, _, rest = text.partition(b" ")
    try:
        if first.isdigit() and len(first) <= 10:
            return _numbered(int(first), rest, has_content=has_content)
        parse = _PARSERS.get(first.upper())
        return parse(rest) if parse else None
    except Malformed:
        return None


def capabilities(text: str | bytes) -> CapabilityData:
    """The list of CAPABILITY, or of the response code of that name."""
    words = (text.encode("latin-1") if isinstance(text, str) else text).upper().split(None, MAX_CAPABILITIES)
    return CapabilityData(frozenset(word.decode("latin-1") for word in words[:MAX_CAPABILITIES]))


# --- messages


def _numbered(number: int, rest: bytes, *, has_content: bool) -> Data | None:
    word, _, more = rest.partition(b" ")
    match word.upper():
        case b"EXISTS":
            return Exists(number)
        case b"FETCH":
            try:
                return _fetched(more, has_content=has_content)
            except Malformed:
                return Fetched(None, has_content=has_content)
    return None


def _fetched(text: bytes, *, has_content: bool) -> Fetched:
    [*_, items] = tokens(text) or [None]
    if not isinstance(items, list) or len(items) % 2:
        raise Malformed("not a list of items and values")
    told: dict[str, Token] = {}
    for name, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(name, str):
            raise Malformed("not the name of an item")
        told[_item(name)] = value
    uid, flags, header = told.get("UID"), told.get("FLAGS"), told.get("BODY[HEADER]")
    labels = told.get("X-GM-LABELS")
    content = None if has_content else told.get("BODY[]")
    return Fetched(
        _number(uid),
        tuple(flag for flag in flags if isinstance(flag, str)) if isinstance(flags, list) else None,
        _number(told.get("RFC822.SIZE")),
        _date_ms(told.get("INTERNALDATE")),
        header if isinstance(header, bytes) else None,
        has_content or isinstance(content, bytes),
        content if isinstance(content, bytes) else None,
        _text(told.get("X-GM-MSGID")).decode("latin-1")[:40],
        tuple(map(_text, labels)) if isinstance(labels, list) else (),
    )


def _item(name: str) -> str:
    upper = name.upper()
    if upper.startswith("BODY[HEADER.FIELDS"):
        return "BODY[HEADER]"
    return upper


def _number(token: Token) -> int | None:
    if isinstance(token, str) and token.isascii() and token.isdecimal() and len(token) <= 19:
        return int(token)
    return None


def _date_ms(token: Token) -> int | None:
    if not isinstance(token, bytes):
        return None
    try:
        return date_time_ms(Cursor(b'"%b"' % token))
    except MalformedDate:
        return None


def _text(token: Token) -> bytes:
    if isinstance(token, str):
        return token.encode("latin-1")
    return token if isinstance(token, bytes) else b""


# --- mailboxes


def _listed(text: bytes, *, subscribed_only: bool = False) -> Listed:
    read = tokens(text)
    if len(read) < 3 or not isinstance(read[0], list):
        raise Malformed("not a mailbox")
    attributes = frozenset(word.lower() for word in read[0] if isinstance(word, str))
    # A mailbox may be called NIL; only a string or atom can stand here.
    name = _text(read[2]) or (b"NIL" if read[2] is None else b"")
    return Listed(name, _text(read[1])[:1].decode("latin-1"), attributes, subscribed_only)


def _subscribed(text: bytes) -> Listed:
    return _listed(text, subscribed_only=True)


def _namespaces(text: bytes) -> Namespaces:
    read = tokens(text)
    prefixes = [
        tuple(_text(one[0]) for one in kind if isinstance(one, list) and one)
        if isinstance(kind, list)
        else ()
        for kind in read[:3]
    ]
    if len(prefixes) < 3:
        raise Malformed("not three kinds of namespaces")
    return Namespaces(prefixes[0], prefixes[1] + prefixes[2])


def _mailbox_status(text: bytes) -> MailboxStatus:
    read = tokens(text)
    if len(read) < 2 or not isinstance(read[-1], list):
        raise Malformed("not a status")
    items = read[-1]
    return MailboxStatus(
        _text(read[0]),
        {
            name.upper(): number
            for name, value in zip(items[::2], items[1::2], strict=False)
            if isinstance(name, str) and (number := _number(value)) is not None
        },
    )


# --- search


def _search(text: bytes) -> Found:
    return Found(NumberSet.of(number for number in _numbers(text) if 0 < number <= LARGEST))


def _numbers(text: bytes) -> Iterator[int]:
    for word in text.split():
        if not word.isdigit():  # RFC 7162 §3.1.5: (MODSEQ n) may follow
            return
        if len(word) <= 10:
            yield int(word)


def _extended_search(text: bytes) -> Found:
    """RFC 4731 §3.1: `(TAG "A1") UID ALL 1:5,7`."""
    read = tokens(text)
    for name, value in pairwise(read):
        if isinstance(name, str) and name.upper() == "ALL" and isinstance(value, str):
            return Found(NumberSet.of_ranges(_runs(value.encode("latin-1"))))
    return Found(NumberSet())


def _runs(text: bytes) -> Iterator[Run]:
    for part in text.split(b","):
        if not (found := _RUN.fullmatch(part)):
            raise Malformed("not a sequence set")
        first, last = int(found[1]), int(found[2] or found[1])
        if not (0 < first <= LARGEST and 0 < last <= LARGEST):
            raise Malformed("not the number of a message")
        yield first, last


_PARSERS: Final[Mapping[bytes, Callable[[bytes], Data | CapabilityData]]] = {
    b"CAPABILITY": capabilities,
    b"LIST": _listed,
    b"XLIST": _listed,
    b"LSUB": _subscribed,
    b"NAMESPACE": _namespaces,
    b"STATUS": _mailbox_status,
    b"SEARCH": _search,
    b"ESEARCH": _extended_search,
}
