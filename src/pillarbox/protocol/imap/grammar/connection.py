"""ID, AUTHENTICATE, LOGIN, ENABLE."""

from pillarbox.protocol.imap import limits
from pillarbox.protocol.imap.commands import Authenticate, Enable, Id, Login
from pillarbox.protocol.imap.cursor import Cursor, Malformed, decode_utf8


def identification(cursor: Cursor) -> Id:
    """RFC 2971 §4, id."""
    if cursor.skip_word(b"NIL"):
        return Id(None)

    def pair() -> tuple[str, str | None]:
        name = decode_utf8(cursor.string(limits.MAX_ID_FIELD))
        cursor.space()
        value = cursor.nstring(limits.MAX_ID_VALUE)
        return name, None if value is None else decode_utf8(value)

    return Id(tuple(cursor.items(pair, most=limits.MAX_ID_FIELDS, names="fields", empty=True)))


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
    name = cursor.text_utf8(limits.MAX_USER_NAME)
    cursor.space()
    return Login(name, cursor.text_utf8(limits.MAX_PASSWORD))


def enable(cursor: Cursor) -> Enable:
    """RFC 9051 §9, enable."""
    names = [cursor.atom().decode().upper()]
    while cursor.skip(b" "):
        if len(names) == limits.MAX_ENABLE_NAMES:
            raise Malformed(f"More than {limits.MAX_ENABLE_NAMES} names")
        names.append(cursor.atom().decode().upper())
    return Enable(tuple(names))
