"""APPEND and REPLACE up to the message itself (RFC 9051 §9 append, RFC 3502, 3516, 6855 §4, 8508 §5).

Their value is complete before the first message; each message has `MessageParameters`, read where its
literal's count ends the line, so that the session can refuse it before the client sends it.
"""

from typing import Final

from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.cursor import LARGEST_64, Cursor, Malformed
from pillarbox.protocol.imap.events import MessageParameters
from pillarbox.protocol.imap.grammar.dates import date_time_ms
from pillarbox.protocol.imap.receiver import LITERAL

MESSAGE_VERBS: Final = frozenset({b"APPEND", b"REPLACE", b"UID REPLACE"})
"""Commands that carry messages."""


def append(cursor: Cursor) -> Append:
    """RFC 9051 §9, append, up to the mailbox."""
    return Append(cursor.mailbox())


def replace(cursor: Cursor) -> Replace:
    """RFC 8508 §5, replace, up to the mailbox."""
    return _replace(cursor, uid=False)


def uid_replace(cursor: Cursor) -> Replace:
    """RFC 8508 §5, uid."""
    return _replace(cursor, uid=True)


def message_parameters(cursor: Cursor) -> MessageParameters:
    """RFC 3502, append-message, with the space before it and up to the count of its literal."""
    cursor.space()
    flags, received_at_ms = "", None
    if cursor.sees(b"("):
        flags = cursor.flags()
        cursor.space()
    if cursor.sees(b'"'):
        received_at_ms = date_time_ms(cursor)
        cursor.space()
    utf8 = cursor.skip_word(b"UTF8 (")
    found = cursor.match(LITERAL)
    if not found:
        raise Malformed("Expected a message as a literal")
    # RFC 6855 §4: UTF8 takes a literal8
    if (size := int(found[2])) > LARGEST_64 or (utf8 and not found[1]):
        raise Malformed("Not a literal that can be a message")
    return MessageParameters(size, flags, received_at_ms, binary=bool(found[1]), utf8=utf8)


def _replace(cursor: Cursor, *, uid: bool) -> Replace:
    number = cursor.sequence_set()
    # RFC 8508 §5: one message only
    if number.saved or number.numbers.first != number.numbers.last:
        raise Malformed("REPLACE takes one message")
    cursor.space()
    return Replace(number, cursor.mailbox(), uid)
