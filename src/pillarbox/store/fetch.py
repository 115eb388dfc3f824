"""Reading many messages at once: the columns that a FETCH needs, by one join, as octets ready to be sent.

Nothing is parsed here: ENVELOPE, BODYSTRUCTURE and the most requested header fields were rendered at delivery.
"""

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, Uid
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.world.blobs import WITH_OCTETS, Blobs
from pillarbox.world.database import Transaction


class NoSuchMessage(LookupError):
    """The message is expunged, or never existed (RFC 9051 §7.1, EXPUNGEISSUED)."""


class Column(Enum):
    """What can be read of a message; the comment gives the type. The value is the SQL expression, which begins with
    its table."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    EMAIL = "p.email"
    """`EmailId`"""
    THREAD = "p.thread"
    """`ThreadId`"""
    SIZE = "p.size"
    """int, octets"""
    RECEIVED_AT_MS = "p.received_at_ms"
    """int: IMAP's INTERNALDATE"""
    RECEIVED_AT_S = "p.received_at_ms / 1000 - (p.received_at_ms % 1000 < 0)"
    """int: the same in seconds, rounded down"""
    SENT_AT_MS = "p.sent_at_ms"
    """int or None"""
    SAVED_AT_MS = "p.saved_at_ms"
    """int (RFC 8514, SAVEDATE)"""
    SAVED_AT_S = "p.saved_at_ms / 1000 - (p.saved_at_ms % 1000 < 0)"
    FLAGS = "f.flags"
    """str as stored"""
    MODSEQ = "f.modseq"
    """`ModSeq`"""
    BLOB = "e.blob"
    """bytes: the digest that names the octets"""
    HEADER_SIZE = "e.header_size"
    """int: octets of the header with its empty line"""
    CRLF_SIZE = "e.crlf_size"
    """int: octets when every line ends in CRLF, as POP3 counts"""
    HAS_ATTACHMENT = "e.has_attachment"
    """int, 0 or 1"""
    SUBJECT = "e.subject"
    """str, decoded"""
    BASE_SUBJECT = "e.base_subject"
    """str (RFC 5256 §2.1), collated"""
    IS_REPLY = "e.is_reply"
    """int, 0 or 1 (RFC 5256 §2.1)"""
    SORT_FROM = "e.sort_from"
    """str, collated, like the next four"""
    SORT_TO = "e.sort_to"
    SORT_CC = "e.sort_cc"
    SORT_DISPLAY_FROM = "e.sort_display_from"
    SORT_DISPLAY_TO = "e.sort_display_to"
    MESSAGE_ID = "e.message_id"
    """str or None"""
    LINKS = "e.links"
    """str: References and In-Reply-To, oldest first, joined by line feeds"""
    ENVELOPE = "e.envelope"
    """bytes as sent to clients; the next two as `mail.bodystructure.of_revision` has them"""
    BODYSTRUCTURE = "e.bodystructure"
    BODY = "e.body"
    CACHED_FIELDS = "e.digest"
    """bytes: the header fields of `summary.CACHED_FIELDS`"""
    PREVIEW = "e.preview"
    """str (RFC 8970)"""
    OCTETS = "o.octets"
    """bytes: the message itself, or None if it is in a file or missing"""
    LOCATION = "b.location"
    """str: the file, for `Blobs.read_file`; or None"""


_RENDERED: Final = frozenset((Column.ENVELOPE, Column.BODYSTRUCTURE, Column.BODY, Column.CACHED_FIELDS))
"""The columns of which a message may have much."""


FLAGS_OF_MESSAGE: Final = (
    " JOIN flags f ON f.account = p.account AND f.mailbox = p.mailbox AND f.uid + f.more >= p.uid"
    " AND f.uid = (SELECT max(g.uid) FROM flags g"
    " WHERE g.account = p.account AND g.mailbox = p.mailbox AND g.uid <= p.uid)"
)
"""With a message `p`, the run of flags `f` that has it: see `flag_runs`."""
WITH_BLOBS: Final = f" LEFT JOIN blobs b ON b.digest = e.blob {WITH_OCTETS}"
"""With an email `e`, its octets: one statement reads those of many small messages."""


class Page(NamedTuple):
    """What `rows_within` has read."""

    rows: list[tuple[Any, ...]]
    """As those of `rows`."""
    octets: int
    """What was rendered of these messages has so many."""
    left: NumberSet
    """The UIDs that come after them."""


def rows(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    columns: Sequence[Column],
) -> list[tuple[Any, ...]]:
    """A tuple for each of these messages that exists, UIDs ascending: the UID, then the columns."""
    sql = _query(tuple(columns))
    if len(uids.runs) == 1:
        return tx.rows(sql, (account, mailbox, *uids.runs[0]))
    return [row for first, last in uids.runs for row in tx.rows(sql, (account, mailbox, first, last))]


def rows_within(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    columns: Sequence[Column],
    octets: int,
) -> Page:
    """`rows`, until what was rendered of the messages has more than so many octets."""
    columns = tuple(columns)
    if _RENDERED.isdisjoint(columns):
        return Page(rows(tx, account, mailbox, uids, columns), 0, EMPTY)
    sql, counted = _query(columns), _rendered_places(columns)
    found: list[tuple[Any, ...]] = []
    used = 0
    for first, last in uids.runs:
        some, more = tx.rows_within(sql, (account, mailbox, first, last), counted, octets - used)
        found += some
        used += more
        if used > octets:
            return Page(found, used, uids - NumberSet(((1, found[-1][0]),)))
    return Page(found, used, EMPTY)


def next_uids(
    tx: Transaction, account: AccountId, mailbox: MailboxId, *, after: Uid, limit: int
) -> list[Uid]:
    """The UIDs after `after`, ascending, at most `limit`: for reading a mailbox in pages."""
    sql = "SELECT uid FROM placements WHERE account = ? AND mailbox = ? AND uid > ? ORDER BY uid LIMIT ?"
    return [uid for (uid,) in tx.rows(sql, (account, mailbox, after, limit))]


@lru_cache(maxsize=256)
def _query(columns: tuple[Column, ...]) -> str:
    tables = {column.value[0] for column in columns}
    joins = ""
    if "f" in tables:
        joins += FLAGS_OF_MESSAGE
    if tables & {"e", "b", "o"}:
        joins += " JOIN emails e ON e.id = p.email"
    if tables & {"b", "o"}:
        joins += WITH_BLOBS
    selected = ", ".join(["p.uid", *(column.value for column in columns)])
    return (
        f"SELECT {selected} FROM placements p{joins}"  # noqa: S608 - names from Column only
        " WHERE p.account = ? AND p.mailbox = ? AND p.uid BETWEEN ? AND ? ORDER BY p.uid"
    )


@lru_cache(maxsize=256)
def _rendered_places(columns: tuple[Column, ...]) -> tuple[int, ...]:
    """Where a row of `_query` has what was rendered."""
    return tuple([place for place, column in enumerate(columns, 1) if column in _RENDERED])


def digest(tx: Transaction, account: AccountId, mailbox: MailboxId, uid: Uid) -> bytes:
    """The digest of a message's octets, for `Blobs.read`. Raises `NoSuchMessage`."""
    found: bytes | None = tx.value(
        "SELECT e.blob FROM placements p JOIN emails e ON e.id = p.email"
        " WHERE p.account = ? AND p.mailbox = ? AND p.uid = ?",
        (account, mailbox, uid),
    )
    if found is None:
        raise NoSuchMessage(uid)
    return found


def octets(
    tx: Transaction,
    blobs: Blobs,
    account: AccountId,
    mailbox: MailboxId,
    uid: Uid,
    *,
    start: int = 0,
    length: int | None = None,
) -> bytes:
    """Octets of a message from `start` on, at most `length`.

    Raises `NoSuchMessage`, and what `Blobs.read` raises.
    """
    return blobs.read(tx, digest(tx, account, mailbox, uid), start, length)


def find(tx: Transaction, account: AccountId, email: EmailId) -> list[tuple[MailboxId, Uid]]:
    """All placements of an email; none if it belongs to another account."""
    return [
        (mailbox, uid)
        for mailbox, uid in tx.rows(
            "SELECT mailbox, uid FROM placements WHERE email = ? AND account = ? ORDER BY mailbox, uid",
            (email, account),
        )
    ]
