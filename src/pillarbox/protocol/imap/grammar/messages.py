"""STORE, COPY, MOVE and UID EXPUNGE."""

from typing import Final

from pillarbox.protocol.imap.commands import Copy, Expunge, Move, Store, StoreMode
from pillarbox.protocol.imap.cursor import LARGEST_64, Cursor, Malformed

_STORE_ITEMS: Final = {
    mode.value + b"FLAGS" + suffix: (mode, bool(suffix)) for mode in StoreMode for suffix in (b"", b".SILENT")
}


def store(cursor: Cursor) -> Store:
    """RFC 9051 §9, store; RFC 7162 §7, store-modifier."""
    return _store(cursor, uid=False)


def uid_store(cursor: Cursor) -> Store:
    """RFC 9051 §9, uid."""
    return _store(cursor, uid=True)


def copy(cursor: Cursor) -> Copy:
    """RFC 9051 §9, copy."""
    numbers = cursor.sequence_set()
    cursor.space()
    return Copy(numbers, cursor.mailbox())


def uid_copy(cursor: Cursor) -> Copy:
    """RFC 9051 §9, uid."""
    numbers = cursor.sequence_set()
    cursor.space()
    return Copy(numbers, cursor.mailbox(), uid=True)


def move(cursor: Cursor) -> Move:
    """RFC 9051 §9, move."""
    numbers = cursor.sequence_set()
    cursor.space()
    return Move(numbers, cursor.mailbox())


def uid_move(cursor: Cursor) -> Move:
    """RFC 9051 §9, uid."""
    numbers = cursor.sequence_set()
    cursor.space()
    return Move(numbers, cursor.mailbox(), uid=True)


def uid_expunge(cursor: Cursor) -> Expunge:
    """RFC 9051 §9, uid-expunge."""
    return Expunge(cursor.sequence_set())


def _store(cursor: Cursor, *, uid: bool) -> Store:
    numbers = cursor.sequence_set()
    cursor.space()
    unchanged_since = None
    if cursor.skip(b"("):
        unchanged_since = _unchanged_since(cursor)
        cursor.space()
    item = _STORE_ITEMS.get(cursor.word())
    if item is None:
        raise Malformed("Unknown STORE item")
    cursor.space()
    mode, silent = item
    return Store(numbers, mode, cursor.flags(), silent=silent, uid=uid, unchanged_since=unchanged_since)


def _unchanged_since(cursor: Cursor) -> int:
    # RFC 7162 §3.1.3: the only store-modifier there is, once
    if not cursor.skip_word(b"UNCHANGEDSINCE "):
        raise Malformed("Unknown STORE modifier")
    modseq = cursor.number(most=LARGEST_64)
    cursor.expect(b")", sentence="Expected the end of the modifiers")
    return modseq
