"""Placements: the messages of mailboxes. Copying, moving, expunging, replacing.

A copy is another placement of the same email, with flags of its own (RFC 8474 §5.1: the EMAILID is the same). An
email that loses its last placement is *destroyed*: no longer counted, its id logged, and left to `orphans.sweep`,
which removes emails a few at a time; so an EXPUNGE of a whole mailbox does not delay others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, by_ids, changes, flag_runs, flag_texts, mailbox_counts
from pillarbox.store.account_counters import Touched
from pillarbox.store.append import PLACE, Appended, Arrival, append_all
from pillarbox.store.changes import ChangeKind
from pillarbox.store.fetch import FLAGS_OF_MESSAGE
from pillarbox.store.mailbox_counts import MailboxCounts
from pillarbox.world.database import QUERY_ROWS, SqlValue, Transaction

_SHORT_RUN: Final = 8
"""From so many messages in a run on, one statement for the run costs less than one for each message."""

_NO_LIMIT: Final = 2**62

_MAX_IDS_PER_QUERY: Final = 250
"""Ids in one query."""


COPY_OCTETS: Final = 128
"""What another placement of an email takes in the database, about."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Messages copied or moved to another mailbox (RFC 9051 §7.1, COPYUID)."""

    source: NumberSet
    """Their UIDs in the source mailbox."""
    target: NumberSet
    """Their new UIDs in the same order: one run."""
    uid_validity: UidValidity
    """Of the target."""
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Expunged:
    """Messages removed from a mailbox."""

    uids: NumberSet
    modseq: ModSeq | None
    """`None` where there was nothing to expunge."""
    count: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A message, for the verbs that copy and remove."""

    uid: int
    email: int
    size: int
    flags: str
    thread: int


def copy(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    to: MailboxId,
    now_ms: int,
    quota_octets: int | None = None,
) -> Copied | None:
    """Copy messages with their flags; `None` where none of them exists.

    Towards the quota, a copy counts `COPY_OCTETS`. Raises `NoSuchMailbox`, `OverQuota` or `flags.MailboxFlagsFull`
    before it has changed anything.
    """
    rows = _rows_to_copy(tx, account, mailbox, uids, to)
    if quota_octets is not None:
        _check_quota(tx, account, len(rows), quota_octets)
    return copy_rows(tx, account, mailbox, rows, to=to, now_ms=now_ms) if rows else None


def _check_quota(tx: Transaction, account: AccountId, more: int, quota_octets: int) -> None:
    """Raises `OverQuota` where so many copies more, with those there are, would exceed the quota."""
    used = account_counters.usage(tx, account)
    placed: int = tx.value("SELECT coalesce(sum(messages), 0) FROM mailboxes WHERE account = ?", (account,))
    copies = max(0, placed - used.messages) + more
    if used.octets + copies * COPY_OCTETS > quota_octets:
        raise account_counters.OverQuota(account)


def move(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, *, to: MailboxId, now_ms: int
) -> Copied | None:
    """Move messages in one step (RFC 6851); `None` where none exists. Raises as `copy` does."""
    rows = _rows_to_copy(tx, account, mailbox, uids, to)
    return _move(tx, account, mailbox, rows, to=to, now_ms=now_ms)


def move_all(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    *,
    to: MailboxId,
    now_ms: int,
    uids: NumberSet = EVERYTHING,
    limit: int | None = None,
) -> Copied | None:
    """Move all of these messages, or the first `limit`, to a new mailbox, whatever flags they have.

    Raises `NoSuchMailbox`.
    """
    mailbox_counts.read(tx, account, mailbox)
    mailbox_counts.read(tx, account, to)
    rows = _rows(tx, account, mailbox, uids, limit=limit)
    return _move(tx, account, mailbox, rows, to=to, now_ms=now_ms)


def _move(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    rows: Sequence[Row],
    *,
    to: MailboxId,
    now_ms: int,
) -> Copied | None:
    if not rows:
        return None
    copied = copy_rows(tx, account, mailbox, rows, to=to, now_ms=now_ms)
    remove_rows(tx, account, mailbox, rows, modseq=copied.modseq)
    return copied


def expunge(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet = EVERYTHING,
    *,
    deleted_only: bool = True,
    limit: int | None = None,
) -> Expunged:
    """Remove those of `uids` that have \\Deleted (EXPUNGE, UID EXPUNGE), or all of them; at most the first `limit`.

    Raises `NoSuchMailbox`.
    """
    counts = mailbox_counts.read(tx, account, mailbox)
    if not (counts.deleted if deleted_only else counts.messages):
        return Expunged(
            NumberSet(), None
        )  # the common case for EXPUNGE and CLOSE, which then read one row only
    rows = _rows(tx, account, mailbox, uids, deleted_only=deleted_only, limit=limit)
    if not rows:
        return Expunged(NumberSet(), None)
    modseq = account_counters.next_modseq(tx, account)
    _destroy(tx, account, mailbox, rows, modseq)
    return Expunged(NumberSet.of(row.uid for row in rows), modseq, len(rows))


def empty(tx: Transaction, account: AccountId, mailbox: MailboxId, *, modseq: ModSeq) -> None:
    """Remove all messages, as part of a verb that has taken its MODSEQ."""
    rows = _rows(tx, account, mailbox, EVERYTHING)
    if rows:
        _destroy(tx, account, mailbox, rows, modseq)


def replace(
    tx: Transaction,
    account: AccountId,
    source: tuple[MailboxId, Uid],
    arrival: Arrival,
    *,
    to: MailboxId,
    now_ms: int,
    quota_octets: int | None = None,
) -> Appended | None:
    """Replace a message by a new one (RFC 8508); `None`, without any change, if the old one does not exist.

    The quota is checked as if the old message were removed first. Raises as `append` does.
    """
    mailbox, uid = source
    mailbox_counts.read(tx, account, to)
    rows = _rows(tx, account, mailbox, NumberSet(((uid, uid),)))
    if not rows:
        return None
    if quota_octets is not None:
        quota_octets += rows[0].size
    appended = append_all(tx, account, to, (arrival,), now_ms=now_ms, quota_octets=quota_octets)[0]
    _destroy(tx, account, mailbox, rows, appended.modseq)
    return appended


def _rows(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    deleted_only: bool = False,
    limit: int | None = None,
) -> list[Row]:
    pattern = f"%{flag_text.DELETED}%" if deleted_only else "%"
    spans = uids.spans(QUERY_ROWS)
    has_others = len(spans) < len(uids.runs)
    most = _NO_LIMIT if has_others or limit is None else limit
    found: list[Row] = []
    for first, last in spans:
        rows = tx.rows(
            _ROWS, (first, last, account, mailbox, first, last, pattern, account, mailbox, first, most)
        )
        flag_runs.check_texts(account, mailbox, {row[3] for row in rows})
        found += [Row(*row) for row in rows]
        if len(found) >= most:
            return found[:most]
    if not has_others:
        return found
    return [row for part in uids.slices([row.uid for row in found]) for row in found[part]][:limit]


# Runs in their order, and the messages of each: see `flag_runs`
_ROWS = """
SELECT p.uid, p.email, p.size, f.flags, p.thread
FROM flags f CROSS JOIN placements p
WHERE p.account = f.account AND p.mailbox = f.mailbox AND p.uid BETWEEN max(f.uid, ?) AND min(f.uid + f.more, ?)
  AND f.account = ? AND f.mailbox = ? AND f.uid + f.more >= ? AND f.uid <= ? AND f.flags LIKE ? ESCAPE '!'
  AND f.uid >= coalesce((SELECT max(g.uid) FROM flags g WHERE g.account = ? AND g.mailbox = ? AND g.uid <= ?), 0)
ORDER BY f.uid, p.uid LIMIT ?"""


def _counts(rows: Sequence[Row]) -> MailboxCounts:
    return MailboxCounts.total(MailboxCounts.of(row.flags, octets=row.size) for row in rows)


def _long(rows: Sequence[Row]) -> list[str]:
    return flag_texts.long([row.flags for row in rows])


_COPY_PLACEMENTS = """
INSERT INTO placements
SELECT account, ?, ? + row_number() OVER (ORDER BY uid), email, thread, size,
  received_at_ms, sent_at_ms, sent_day, ?
FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?"""

# Rows are read and written back: each of many INSERT ... SELECT would have SQLite scan a statement journal
_PLACEMENTS = """
SELECT uid, email, thread, size, received_at_ms, sent_at_ms, sent_day
FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?"""


def _placements(
    tx: Transaction,
    places: tuple[AccountId, MailboxId, MailboxId],
    scattered: Sequence[tuple[int, int]],
    now_ms: int,
) -> list[tuple[SqlValue, ...]]:
    """Rows for the other mailbox, of single messages given by their old and new UIDs."""
    account, mailbox, to = places
    by_uid: dict[int, tuple[Any, ...]] = {}
    for first, last in NumberSet.of(old for old, _ in scattered).spans(QUERY_ROWS):
        by_uid |= {row[0]: row[1:] for row in tx.rows(_PLACEMENTS, (account, mailbox, first, last))}
    return [(account, to, new, *by_uid[old], now_ms) for old, new in scattered]


def _rows_to_copy(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, to: MailboxId
) -> list[Row]:
    """Raises `NoSuchMailbox` or `flags.MailboxFlagsFull`."""
    mailbox_counts.read(tx, account, mailbox)
    mailbox_counts.read(tx, account, to)
    rows = _rows(tx, account, mailbox, uids)
    flag_texts.check(tx, account, to, _long(rows))
    return rows


def copy_rows(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    rows: Sequence[Row],
    *,
    to: MailboxId,
    now_ms: int,
    modseq: ModSeq | None = None,
) -> Copied:
    """Copy messages, with the flags of these rows; `modseq`: of a verb that has taken it, else the next."""
    hidden = any(flag_text.DELETED in row.flags for row in rows)
    if modseq is None:
        modseq = account_counters.next_modseq(tx, account, Touched.ALL if hidden else Touched.BOTH)
    source = NumberSet.of(row.uid for row in rows)
    first, uid_validity = mailbox_counts.add(tx, account, to, modseq, _counts(rows), uids=len(rows))
    before = first - 1
    scattered: list[tuple[int, int]] = []  # old and new UID
    for start, stop in source.runs:
        if stop - start < _SHORT_RUN:
            scattered += zip(
                range(start, stop + 1), range(before + 1, before + 2 + stop - start), strict=True
            )
        else:
            tx.execute(_COPY_PLACEMENTS, (to, before, now_ms, account, mailbox, start, stop))
        before += stop - start + 1
    if scattered:
        tx.execute_many(PLACE, _placements(tx, (account, mailbox, to), scattered, now_ms))
    single = [(uid, uid, row.flags, modseq) for uid, row in enumerate(rows, first)]
    flag_runs.insert(tx, account, to, flag_runs.joined(single))
    flag_texts.count(tx, account, to, _long(rows))
    target = NumberSet(((first, before),))
    changes.record(tx, account, modseq, to, ChangeKind.APPENDED, target)
    if hidden:
        changes.record(tx, account, modseq, to, ChangeKind.HIDDEN, target)
    return Copied(source, target, uid_validity, modseq)


def remove_rows(
    tx: Transaction, account: AccountId, mailbox: MailboxId, rows: Sequence[Row], *, modseq: ModSeq
) -> None:
    """Remove placements; the emails stay."""
    uids = NumberSet.of(row.uid for row in rows)
    flag_runs.remove(tx, account, mailbox, uids)
    tx.execute_many(
        "DELETE FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?",
        [(account, mailbox, *run) for run in uids.runs],
    )
    mailbox_counts.apply(tx, account, mailbox, modseq, -_counts(rows))
    flag_texts.count(tx, account, mailbox, _long(rows), removed=True)
    changes.record(tx, account, modseq, mailbox, ChangeKind.EXPUNGED, uids)


def _destroy(
    tx: Transaction, account: AccountId, mailbox: MailboxId, rows: Sequence[Row], modseq: ModSeq
) -> None:
    """Remove placements, and destroy the emails that have no others."""
    remove_rows(tx, account, mailbox, rows, modseq=modseq)
    log_removed(tx, account, rows, modseq)


def log_removed(tx: Transaction, account: AccountId, rows: Sequence[Row], modseq: ModSeq) -> None:
    """Destroy the emails of messages that were removed and have no others; and log what became of them."""
    sizes = {row.email: row.size for row in rows}
    placed = _placed(tx, sorted(sizes))
    destroyed = sorted(sizes.keys() - placed)
    gone = {*destroyed}
    # Also where it had \Deleted: a client may know the state of before that, and nothing else says whose UID it was
    if placed:
        changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.UPDATED, NumberSet.of(placed))
        gone |= placed - {email for (email,) in by_ids.rows(tx, _SHOWN, placed)}
    threads = {row.thread for row in rows if row.email in gone}
    if threads != {*destroyed}:
        changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.THREADS, NumberSet.of(threads))
        account_counters.touch_threads(tx, account)
    if not destroyed:
        return
    tx.execute_many("INSERT INTO orphans VALUES (?)", [(email,) for email in destroyed])
    account_counters.remove_emails(
        tx, account, octets=sum(sizes[email] for email in destroyed), messages=len(destroyed)
    )
    changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.DESTROYED, NumberSet.of(destroyed))


# Whose other messages have \Deleted, is gone as well for clients of JMAP
_SHOWN: Final = f"""
SELECT id FROM emails WHERE id IN {by_ids.IDS} AND EXISTS (
  SELECT 1 FROM placements p {FLAGS_OF_MESSAGE}
  WHERE p.email = id AND f.flags NOT LIKE '%{flag_text.DELETED}%' ESCAPE '!') LIMIT ?"""  # noqa: S608 - constants


def _placed(tx: Transaction, emails: Sequence[int]) -> set[int]:
    """Which of these emails are still in some mailbox."""
    found: set[int] = set()
    for start in range(0, len(emails), _MAX_IDS_PER_QUERY):
        chunk = emails[start : start + _MAX_IDS_PER_QUERY]
        marks = ", ".join("?" * len(chunk))
        # One look for each, however often it is placed: COPY costs no quota
        rows = tx.rows(
            f"SELECT id FROM emails WHERE id IN ({marks}) AND EXISTS (SELECT 1 FROM placements WHERE email = id)",  # noqa: S608 - marks only
            chunk,
        )
        found.update(email for (email,) in rows)
    return found
