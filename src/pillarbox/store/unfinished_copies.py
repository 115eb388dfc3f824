"""Copying very many messages in several transactions, all or nothing (RFC 9051 §6.4.7).

Each part of the copy is visible once it is committed, and is listed in `unfinished_copies` in the same transaction. The
last transaction removes the list: from then on the copy is there for good. Whatever ends the copy before, a crash too,
the messages that are listed are expunged again: at once by `give_up` and `sweep`, or by a chore when the lease of the
list is over, which each part extends.
"""

from collections.abc import Callable
from typing import Final

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.changes import ChangeKind
from pillarbox.store.placements import Copied
from pillarbox.world.database import Transaction

LEASE_MS: Final = 120_000
"""From one part to the next at most: a part waits for locks, but not that long."""


class CopyUndone(Exception):
    """The parts that were copied before are gone: the lease was over."""


def copy_part(
    tx: Transaction,
    account: AccountId,
    to: MailboxId,
    copy: Callable[[Transaction], Copied | None],
    begun: tuple[ModSeq, int] | None,
    *,
    now_ms: int,
) -> Copied | None:
    """Copy some messages, by `placements.copy`, as a part of a copy that is not finished.

    `begun`: the MODSEQ of the first part, which names the copy, and how many parts there are; `None` for the first.
    Raises what `placements.copy` does, and `CopyUndone`.
    """
    until_ms = now_ms + LEASE_MS
    if begun is not None:
        sql = "UPDATE unfinished_copies SET until_ms = ? WHERE account = ? AND copy = ? AND until_ms > 0"
        if tx.execute(sql, (until_ms, account, begun[0])) != begun[1]:
            raise CopyUndone
    copied = copy(tx)
    if copied is not None:
        name = copied.modseq if begun is None else begun[0]
        row = account, name, copied.target.first, copied.target.last, to, until_ms
        tx.execute("INSERT INTO unfinished_copies VALUES (?, ?, ?, ?, ?, ?)", row)
    return copied


def finish(tx: Transaction, account: AccountId, begun: tuple[ModSeq, int]) -> None:
    """All parts are copied. Raises `CopyUndone`."""
    name, parts = begun
    _log(tx, account, name)
    sql = "DELETE FROM unfinished_copies WHERE account = ? AND copy = ? AND until_ms > 0"
    if tx.execute(sql, (account, name)) != parts:
        raise CopyUndone


def _log(tx: Transaction, account: AccountId, name: ModSeq) -> None:
    """Log a copy as finished: until then JMAP has not shown it."""
    rows = tx.rows(
        "SELECT mailbox, first, last FROM unfinished_copies WHERE account = ? AND copy = ?", (account, name)
    )
    if rows:
        modseq = account_counters.next_modseq(tx, account)
        for mailbox, first, last in rows:
            changes.record_run(tx, account, modseq, mailbox, ChangeKind.COPIED, (first, last))


def give_up(tx: Transaction, account: AccountId, name: ModSeq) -> None:
    """Leave this copy to `sweep`."""
    tx.execute("UPDATE unfinished_copies SET until_ms = 0 WHERE account = ? AND copy = ?", (account, name))


def of_account(tx: Transaction, account: AccountId) -> dict[MailboxId, NumberSet]:
    """The UIDs that copies have added which are not finished: JMAP does not show them."""
    found: dict[MailboxId, list[tuple[int, int]]] = {}
    for mailbox, first, last in tx.rows(
        "SELECT mailbox, first, last FROM unfinished_copies WHERE account = ?", (account,)
    ):
        found.setdefault(mailbox, []).append((first, last))
    return {mailbox: NumberSet.of_ranges(runs) for mailbox, runs in found.items()}


def exist(tx: Transaction, *, now_ms: int) -> bool:
    """Whether `sweep` has work to do."""
    return _next(tx, now_ms) is not None


def sweep(tx: Transaction, *, now_ms: int, limit: int) -> bool:
    """Expunge up to `limit` messages of a copy that was given up; whether there may be more."""
    row = _next(tx, now_ms)
    if row is None:
        return False
    account, name, first, last, mailbox = row
    if tx.row(_LOGGED, (account, name, mailbox, first, last)) is None:
        # Not what was written: nothing but copies may be expunged, so they stay
        tx.execute("DELETE FROM unfinished_copies WHERE account = ? AND copy = ? AND first = ?", row[:3])
        return True
    give_up(tx, account, name)  # a part may be gone that is still listed: whoever copies must not go on
    try:
        gone = placements.expunge(
            tx, account, mailbox, NumberSet(((first, last),)), deleted_only=False, limit=limit
        ).count
    except NoSuchMailbox:
        gone = 0
    if gone < limit:
        sql = "DELETE FROM unfinished_copies WHERE account = ? AND copy = ? AND first = ?"
        tx.execute(sql, (account, name, first))
    return True


_LOGGED: Final = f"""
SELECT 1 FROM changes WHERE account = ? AND modseq >= ? AND mailbox = ? AND kind = {ChangeKind.APPENDED.value}
  AND first = ? AND last = ?"""  # noqa: S608 - a number of ours


def _next(tx: Transaction, now_ms: int) -> tuple[AccountId, ModSeq, int, int, MailboxId] | None:
    row: tuple[AccountId, ModSeq, int, int, MailboxId] | None = tx.row(
        "SELECT account, copy, first, last, mailbox FROM unfinished_copies"
        " WHERE until_ms <= ? OR until_ms > ? LIMIT 1",
        (now_ms, now_ms + 2 * LEASE_MS),  # a later one is from when the clock was ahead
    )
    return row
