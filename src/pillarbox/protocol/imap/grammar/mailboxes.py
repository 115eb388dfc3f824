"""SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS."""

from dataclasses import replace
from typing import Final, TypedDict

from pillarbox.mail.number_set import STAR
from pillarbox.protocol.imap.commands import (
    Create,
    Delete,
    Rename,
    Resynchronize,
    Select,
    Status,
    StatusItem,
    Subscribe,
    Unsubscribe,
)
from pillarbox.protocol.imap.cursor import LARGEST_64, Cursor, Malformed, UnsupportedArgument
from pillarbox.protocol.imap.sequence_set import SequenceSet

SPECIAL_USES: Final = {
    use.lower(): use for use in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
}
"""RFC 6154 §2; which of them CREATE may set is decided by the handler."""

_STATUS_ITEMS: Final = {item.value: item for item in StatusItem}


def select(cursor: Cursor) -> Select:
    """RFC 9051 §9, select, with the parameters of RFC 7162 §7 (select-param)."""
    command = Select(cursor.mailbox())
    if not cursor.skip(b" "):
        return command
    for parameter in cursor.items(lambda: _select_parameter(cursor)):
        command = replace(command, **parameter)
    return command


def examine(cursor: Cursor) -> Select:
    """RFC 9051 §9, examine."""
    return replace(select(cursor), read_only=True)


def create(cursor: Cursor) -> Create:
    """RFC 9051 §9, create, with USE of RFC 6154 §6."""
    mailbox = cursor.mailbox()
    if not cursor.skip(b" "):
        return Create(mailbox)
    uses: list[str] = []
    for found in cursor.items(lambda: _create_parameter(cursor)):
        uses += found
    return Create(mailbox, tuple(dict.fromkeys(uses)))


def delete(cursor: Cursor) -> Delete:
    """RFC 9051 §9, delete."""
    return Delete(cursor.mailbox())


def rename(cursor: Cursor) -> Rename:
    """RFC 9051 §9, rename."""
    mailbox = cursor.mailbox()
    cursor.space()
    return Rename(mailbox, cursor.mailbox())


def subscribe(cursor: Cursor) -> Subscribe:
    """RFC 9051 §9, subscribe."""
    return Subscribe(cursor.mailbox())


def unsubscribe(cursor: Cursor) -> Unsubscribe:
    """RFC 9051 §9, unsubscribe."""
    return Unsubscribe(cursor.mailbox())


def status(cursor: Cursor) -> Status:
    """RFC 9051 §9, status."""
    mailbox = cursor.mailbox()
    cursor.space()
    return Status(mailbox, status_items(cursor))


def status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    """RFC 9051 §9: "(" status-att *(SP status-att) ")"; repetitions are dropped."""
    return tuple(dict.fromkeys(cursor.items(lambda: _status_item(cursor))))


def _status_item(cursor: Cursor) -> StatusItem:
    if item := _STATUS_ITEMS.get(cursor.word()):
        return item
    raise Malformed("Unknown STATUS item")


class _Parameter(TypedDict, total=False):
    """What one parameter of SELECT sets."""

    condstore: bool
    resynchronize: Resynchronize


def _select_parameter(cursor: Cursor) -> _Parameter:
    match cursor.word():
        case b"CONDSTORE":
            return {"condstore": True}
        case b"QRESYNC":
            # RFC 7162 §3.2.5: the parameter without ENABLE QRESYNC before it is BAD
            if b"QRESYNC" not in cursor.enabled:
                raise Malformed("QRESYNC not enabled")
            cursor.space()
            return {"resynchronize": _resynchronize(cursor)}
        case _:
            raise Malformed("Unknown SELECT parameter")


def _resynchronize(cursor: Cursor) -> Resynchronize:
    cursor.expect(b"(", sentence="Expected the QRESYNC parameters")
    # RFC 7162 §7 begins both at 1, but clients send 0 for what they do not know: that is no UIDVALIDITY of ours, and
    # everything is newer than that mod-sequence
    uid_validity = cursor.number()
    cursor.space()
    asked = Resynchronize(uid_validity, cursor.number(most=LARGEST_64))
    while cursor.skip(b" "):
        if cursor.skip(b"("):
            if asked.match:
                raise Malformed("Sequence match data comes once")
            numbers = _known(cursor)
            cursor.space()
            asked = replace(asked, match=(numbers, _known(cursor)))
            cursor.expect(b")", sentence="Expected the end of the match data")
        elif asked.known_uids or asked.match:
            raise Malformed("Known UIDs come once, before the match data")
        else:
            asked = replace(asked, known_uids=_known(cursor))
    cursor.expect(b")", sentence="Expected the end of the QRESYNC parameters")
    return asked


def _known(cursor: Cursor) -> SequenceSet:
    # RFC 7162 §7, known-uids: "*" is not allowed; "$" has no meaning while nothing is selected
    found = cursor.sequence_set()
    if found.saved or found.numbers.last == STAR:
        raise Malformed("Only numbers are allowed here")
    return found


def _create_parameter(cursor: Cursor) -> list[str]:
    if cursor.word() != b"USE":
        raise Malformed("Unknown CREATE parameter")
    cursor.space()
    return cursor.items(lambda: _special_use(cursor), empty=True)


def _special_use(cursor: Cursor) -> str:
    cursor.expect(b"\\", sentence="Expected a special use")
    name = "\\" + cursor.atom().decode()
    # RFC 6154 §3: an unknown use is refused, with USEATTR
    if use := SPECIAL_USES.get(name.lower()):
        return use
    raise UnsupportedArgument(b"USEATTR", "Unknown special-use attribute")
