"""Emails by their ids, as JMAP sees them: in which mailboxes they are, their flags, their threads.

An email is there where one of its messages is that has no `\\Deleted` (RFC 8621 §4.1.1). It is in the mailboxes of
those messages, but for what a copy has made that is not finished (`unfinished_copies`), unless it is nowhere else. Its
flags are those of all these messages together: IMAP may change those of one alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ThreadId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, by_ids, flag_runs, unfinished_copies
from pillarbox.store.fetch import FLAGS_OF_MESSAGE, WITH_BLOBS, Column
from pillarbox.world.database import QUERY_ROWS, Transaction

MAX_TOGETHER: Final = 250
"""Emails of which one statement reads columns."""
_FLAG_SETS: Final = 4096
"""Combinations of flags of which the union is remembered."""


class Placed(Struct, frozen=True, gc=False):
    """A message of an email."""

    mailbox: MailboxId
    uid: Uid
    flags: str
    """As stored."""


class Email(Struct, frozen=True):
    """An email that is there."""

    id: EmailId
    thread: ThreadId
    size: int
    """Octets."""
    received_at_ms: int
    placed: tuple[Placed, ...]
    """Its messages, by mailbox and UID, at least one."""

    @property
    def mailboxes(self) -> set[MailboxId]:
        """Where it is."""
        return {one.mailbox for one in self.placed}

    @property
    def flags(self) -> str:
        """The flags of all its messages, canonical."""
        return united(self.placed[0].flags, *[one.flags for one in self.placed[1:]])

    @property
    def is_unread(self) -> bool:
        """Whether it has neither $seen nor $draft (RFC 8621 §2)."""
        return not any(flag_text.SEEN in one.flags or flag_text.DRAFT in one.flags for one in self.placed)


@lru_cache(maxsize=_FLAG_SETS)
def united(first: str, *others: str) -> str:
    """The flags of several messages together; more than a message may have, where they differ much."""
    if all(other == first for other in others):
        return first
    words = [flag for text in (first, *others) for flag in text.split()]
    return flag_text.known(sorted(words, key=lambda flag: not flag.startswith("\\")))


# --- emails

# The sign keeps the account out of the choice of an index: the ids have it, and an account's messages are many. What
# has \Deleted is left out of what was read, so that it counts, too: an email may be placed a million times
_COLUMNS: Final = "p.email, p.mailbox, p.uid, f.flags, p.thread, p.size, p.received_at_ms"
_PLACED: Final = f"""
SELECT {_COLUMNS} FROM placements p {FLAGS_OF_MESSAGE}
WHERE p.email IN {by_ids.IDS} AND +p.account = ? LIMIT ?"""  # noqa: S608 - constants


def by_id(
    tx: Transaction, account: AccountId, ids: Iterable[EmailId], *, most: int | None = None
) -> dict[EmailId, Email]:
    """Those of these emails that are there, in no order.

    Raises `ValuesDamaged`, and `TooMuchToRead` where they have more than `most` messages.
    """
    return _made(tx, account, by_ids.rows(tx, _PLACED, ids, account, most=most))


def between(
    tx: Transaction, account: AccountId, after: EmailId, *, number: int
) -> tuple[EmailId | None, list[Email]]:
    """The next emails by id of those that are there: about so many, and the id to go on after; None at the end.

    Raises `ValuesDamaged`.
    """
    last = account_counters.email_bounds(account)[1]
    end: EmailId | None = tx.value(_END, (after, last, number))
    rows = tx.rows(_BETWEEN, (after, end or last, account))
    return end, sorted(_made(tx, account, rows).values(), key=attrgetter("id"))


_END: Final = "SELECT email FROM placements WHERE email > ? AND email <= ? ORDER BY email LIMIT 1 OFFSET ?"
_BETWEEN: Final = f"""
SELECT {_COLUMNS} FROM placements p {FLAGS_OF_MESSAGE}
WHERE p.email > ? AND p.email <= ? AND +p.account = ?"""  # noqa: S608 - constants


def _made(tx: Transaction, account: AccountId, rows: Sequence[tuple[Any, ...]]) -> dict[EmailId, Email]:
    """Emails from rows with `_COLUMNS` of each of their messages."""
    flag_runs.check_texts(account, MailboxId(rows[0][1] if rows else 0), {row[3] for row in rows})
    hidden = unfinished_copies.of_account(tx, account) if rows else {}
    messages: dict[EmailId, list[Placed]] = {}
    others: dict[EmailId, tuple[ThreadId, int, int]] = {}
    for email, mailbox, uid, flags, *numbers in rows:
        if flag_text.DELETED in flags:
            continue
        messages.setdefault(email, []).append(Placed(mailbox, uid, flags))
        others[email] = tuple(numbers)
    return {
        email: Email(email, *others[email], _finished(placed, hidden)) for email, placed in messages.items()
    }


def _finished(placed: list[Placed], hidden: Mapping[MailboxId, NumberSet]) -> tuple[Placed, ...]:
    if hidden:
        kept = [one for one in placed if one.uid not in hidden.get(one.mailbox, NumberSet())]
        placed = kept or placed
    return tuple(sorted(placed, key=_PLACE) if len(placed) > 1 else placed)


_PLACE: Final = attrgetter("mailbox", "uid")


# --- what was rendered of them


def columns(
    tx: Transaction, account: AccountId, ids: Sequence[EmailId], wanted: Sequence[Column], *, octets: int
) -> dict[EmailId, tuple[Any, ...]]:
    """Columns of emails, which need not be in a mailbox: those of the table `emails`, their octets, and locations.

    Of the ids, at most the first `MAX_TOGETHER`; and no more once what was rendered has more than so many octets: those
    that are left are not in what is returned, but for ids that do not exist.
    """
    first, last = account_counters.email_bounds(account)
    some = sorted({email for email in ids[:MAX_TOGETHER] if first <= email <= last})
    sql, counted = _query(tuple(wanted), len(some))
    if counted:
        rows, _ = tx.rows_within(sql, some, counted, octets)
    else:
        rows = tx.rows(sql, some)
    return {row[0]: row[1:] for row in rows}


_RENDERED: Final = frozenset((Column.ENVELOPE, Column.BODYSTRUCTURE, Column.BODY, Column.CACHED_FIELDS))


@lru_cache(maxsize=256)
def _query(wanted: tuple[Column, ...], number: int) -> tuple[str, tuple[int, ...]]:
    tables = {column.value[0] for column in wanted}
    assert tables <= {"e", "b", "o"}, "the others are of a message"
    joins = WITH_BLOBS if tables & {"b", "o"} else ""
    selected = ", ".join(["e.id", *(column.value for column in wanted)])
    sql = f"SELECT {selected} FROM emails e{joins} WHERE e.id IN ({', '.join('?' * number)}) ORDER BY e.id"  # noqa: S608 - names from Column, and marks
    return sql, tuple([place for place, column in enumerate(wanted, 1) if column in _RENDERED])


# --- threads

_IN_THREADS: Final = f"""
FROM (
  SELECT * FROM placements WHERE email IN {by_ids.IDS} AND thread = email
  UNION ALL SELECT * FROM placements WHERE thread IN {by_ids.IDS} AND thread <> email
) p {FLAGS_OF_MESSAGE}
WHERE +p.account = ? LIMIT ?"""  # noqa: S608 - constants
_SHORTLY: Final = f"SELECT p.thread, p.email, p.mailbox, f.flags {_IN_THREADS}"
_OF_THREADS: Final = f"SELECT {_COLUMNS} {_IN_THREADS}"


def of_threads(
    tx: Transaction, account: AccountId, threads: Iterable[int], *, most: int | None = None
) -> dict[int, list[Email]]:
    """The emails of those of these threads that are there, by date and id (RFC 8621 §3). Raises as `by_id` does."""
    rows = by_ids.rows(tx, _OF_THREADS, threads, account, times=2, most=most)
    found: dict[int, list[Email]] = {}
    for email in _made(tx, account, rows).values():
        found.setdefault(email.thread, []).append(email)
    for emails in found.values():
        emails.sort(key=lambda email: (email.received_at_ms, email.id))
    return found


def members(
    tx: Transaction, account: AccountId, threads: Iterable[int], *, most: int | None = None
) -> dict[int, set[EmailId]]:
    """The ids of the emails that `of_threads` would give. Raises `TooMuchToRead`."""
    found: dict[int, set[EmailId]] = {}
    for thread, email, _, flags in by_ids.rows(tx, _SHORTLY, threads, account, times=2, most=most):
        if flag_text.DELETED not in flags:
            found.setdefault(thread, set()).add(email)
    return found


def mailboxes_of_threads(
    tx: Transaction, account: AccountId, threads: Iterable[int], *, most: int | None = None
) -> set[tuple[int, MailboxId]]:
    """These threads with the mailboxes that have emails of them. Raises `TooMuchToRead`."""
    rows = by_ids.rows(tx, _SHORTLY, threads, account, times=2, most=most)
    return {(thread, mailbox) for thread, _, mailbox, flags in rows if flag_text.DELETED not in flags}


def visible(tx: Transaction, account: AccountId, ids: Iterable[int]) -> set[int]:
    """Those of these emails that are there."""
    return {email for (email,) in by_ids.rows(tx, _VISIBLE, ids, account)}


_VISIBLE: Final = f"""
SELECT id FROM emails WHERE id IN {by_ids.IDS} AND EXISTS (
  SELECT 1 FROM placements p {FLAGS_OF_MESSAGE} WHERE p.email = id AND +p.account = ?
  AND f.flags NOT LIKE '%{flag_text.DELETED}%' ESCAPE '!') LIMIT ?"""  # noqa: S608 - constants
_THREADS: Final = (
    f"SELECT DISTINCT email, thread FROM placements WHERE email IN {by_ids.IDS} AND +account = ? LIMIT ?"  # noqa: S608 - constants
)


def threads(tx: Transaction, account: AccountId, ids: Iterable[int]) -> dict[EmailId, ThreadId]:
    """The threads of emails that are in some mailbox, whatever their flags."""
    return dict(by_ids.rows(tx, _THREADS, ids, account))


# --- by messages

_IN: Final = (
    "SELECT uid, email, thread FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?"
)


def placed_in(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet
) -> Iterator[tuple[Uid, EmailId, ThreadId]]:
    """Those of these messages that are there, whatever their flags, with their emails and threads."""
    for first, last in uids.spans(QUERY_ROWS):
        for uid, email, thread in tx.rows(_IN, (account, mailbox, first, last)):
            if uid in uids:
                yield uid, email, thread
