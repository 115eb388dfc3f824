"""ID, AUTHENTICATE, LOGIN, ENABLE."""

from typing import Final

from pillarbox.protocol.imap.commands import Authenticate, Enable, Id, Login
from pillarbox.protocol.imap.cursor import Cursor, Malformed, decode_utf8

MAX_ID_FIELDS: Final = 30
"""RFC 2971 §3.3: implementations must not send more."""


def identification(cursor: Cursor) -> Id:
    """RFC 2971 §4, id."""
    if cursor.skip_word(b"NIL"):
        return Id(None)

    def pair() -> tuple[str, str | None]:
        name = decode_utf8(cursor.string())
        cursor.space()
        value = cursor.nstring()
        return name, None if value is None else decode_utf8(value)

    fields = cursor.items(pair, empty=True)
    if len(fields) > MAX_ID_FIELDS:
        raise Malformed(f"More than {MAX_ID_FIELDS} fields")
    return Id(tuple(fields))


def authenticate(cursor: Cursor) -> Authenticate:
    """RFC 9051 §9, authenticate; RFC 4959 §7."""
    mechanism = cursor.atom().decode().upper()
    if not cursor.skip(b" "):
        return Authenticate(mechanism, None)
    # RFC 4959 §3: "=" is an initial response that is there, and empty
    if cursor.skip(b"="):
        return Authenticate(mechanism, b"")
    if not (initial := cursor.base64()):
        raise Malformed("Not base64")
    return Authenticate(mechanism, initial)


def login(cursor: Cursor) -> Login:
    """RFC 9051 §9, login."""
    name = cursor.text_utf8()
    cursor.space()
    return Login(name, cursor.text_utf8())


def enable(cursor: Cursor) -> Enable:
    """RFC 9051 §9, enable."""
    names = [cursor.atom().decode().upper()]
    while cursor.skip(b" "):
        names.append(cursor.atom().decode().upper())
    return Enable(tuple(names))
