"""The rows of `flags`: one for each run of messages that have the same flags and the same MODSEQ.

A row has the UID of the first message, and how many `more` follow it. So a STORE on a mailbox of ten thousand messages
leaves one row of them, and the next one rewrites that row.

What is always true: every message of a mailbox is in exactly one run, and every UID of a run is that of a message.
Neighbouring runs may be alike: a message that is appended has a row of its own.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeAlias

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import STAR, NumberSet
from pillarbox.world.database import QUERY_ROWS, Transaction, ValuesDamaged

_MAX_TEXTS: Final = 32
"""Flags that a query asks for."""
_BEYOND: Final = (STAR + 1, STAR + 1)


FlagRun: TypeAlias = tuple[int, int, str, int]
"""The first and the last UID, flags as stored, MODSEQ."""


def damaged(account: AccountId, mailbox: MailboxId) -> ValuesDamaged:
    """What to raise where flags of a mailbox, or numbers, are such as nobody wrote."""
    return ValuesDamaged(
        f"mailbox {mailbox} of account {account} has damaged flags or numbers: pillarbox fsck --repair mends them"
    )


def check_texts(account: AccountId, mailbox: MailboxId, texts: Iterable[object]) -> None:
    """Raises `ValuesDamaged` where one of these is no text of flags, so that no client gets it."""
    for text in texts:
        if not flag_text.is_safe(text):
            raise damaged(account, mailbox)


# Rows that begin before the span may reach into it: of those, the last alone
_OVERLAPPING = """
FROM flags
WHERE account = ? AND mailbox = ? AND uid + more >= ? AND uid <= ? AND uid >= coalesce(
  (SELECT max(f.uid) FROM flags f WHERE f.account = ? AND f.mailbox = ? AND f.uid <= ?), 0) AND modseq > ?"""


def overlapping(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    since: int = 0,
    texts: Collection[str] | None = None,
) -> list[FlagRun]:
    """The runs, uncut and ascending, that have some of these UIDs, a MODSEQ above `since` and one of these flags.

    Also runs between UIDs that are near each other, and of many `texts` also those with others. Raises `ValuesDamaged`.
    """
    if texts is not None and not texts:
        return []
    sql, chosen = f"SELECT uid, uid + more, flags, modseq {_OVERLAPPING}", tuple(texts or ())
    if 0 < len(chosen) <= _MAX_TEXTS:
        sql += f" AND flags IN ({', '.join('?' * len(chosen))})"
    else:
        chosen = ()
    sql += " ORDER BY uid"
    found: list[FlagRun] = []
    for first, last in uids.spans(QUERY_ROWS):
        # A run may have UIDs of several spans
        if found and (first := max(first, found[-1][1] + 1)) > last:
            continue
        found += tx.rows(sql, (account, mailbox, first, last, account, mailbox, first, since, *chosen))
    check_texts(account, mailbox, {run[2] for run in found})
    for _, last, _, modseq in found:
        if type(last) is not int or type(modseq) is not int:
            raise damaged(account, mailbox)
    return found


def texts(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> set[str]:
    """The different flags of these messages, whose UIDs are one run. Raises `ValuesDamaged`."""
    span = uids.first, uids.last
    rows = tx.rows(
        f"SELECT DISTINCT flags {_OVERLAPPING}", (account, mailbox, *span, account, mailbox, uids.first, 0)
    )
    found = {flags for (flags,) in rows}
    check_texts(account, mailbox, found)
    return found


def divided(runs: Sequence[FlagRun], uids: NumberSet) -> list[tuple[FlagRun, bool]]:
    """The runs, cut where that is needed, with whether they are among these UIDs."""
    wanted = iter(uids.runs)
    first, last = next(wanted, _BEYOND)
    if runs and first <= runs[0][0] and runs[-1][1] <= last:
        return [(run, True) for run in runs]  # nearly always
    parts: list[tuple[FlagRun, bool]] = []
    for run in runs:
        start, stop, flags, modseq = run
        while last < start:
            first, last = next(wanted, _BEYOND)
        if first <= start and stop <= last:
            parts.append((run, True))
            continue
        while start <= stop:
            while last < start:
                first, last = next(wanted, _BEYOND)
            inside = first <= start
            end = min(stop, last if inside else first - 1)
            parts.append(((start, end, flags, modseq), inside))
            start = end + 1
    return parts


def among(
    tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet, *, since: int = 0
) -> list[FlagRun]:
    """The runs of these UIDs alone, ascending."""
    found = overlapping(tx, account, mailbox, uids, since=since)
    return [run for run, inside in divided(found, uids) if inside]


def joined(runs: Iterable[FlagRun]) -> list[FlagRun]:
    """Ascending runs, with neighbours that are alike as one."""
    found: list[FlagRun] = []
    first, last, flags, modseq = 0, 0, "", 0
    for start, end, text, change in runs:
        if start == last + 1 and change == modseq and text == flags:
            last = end
            continue
        if first:
            found.append((first, last, flags, modseq))
        first, last, flags, modseq = start, end, text, change
    return [*found, (first, last, flags, modseq)] if first else found


_INSERT = "INSERT INTO flags VALUES (?, ?, ?, ?, ?, ?)"
_UPDATE = "UPDATE flags SET more = ?, flags = ?, modseq = ? WHERE account = ? AND mailbox = ? AND uid = ?"
_DELETE = "DELETE FROM flags WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ?"


def insert(tx: Transaction, account: AccountId, mailbox: MailboxId, runs: Iterable[FlagRun]) -> None:
    """Add the flags of messages that have none."""
    tx.execute_many(
        _INSERT,
        [(account, mailbox, first, flags, modseq, last - first) for first, last, flags, modseq in runs],
    )


def replace(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    before: Sequence[FlagRun],
    after: Sequence[FlagRun],
) -> None:
    """Put `after` in the place of `before`, which are rows uncut and ascending; only what differs is written."""
    new = {run[0] for run in after}
    gone = [run[:2] for run in before if run[0] not in new]
    if gone:
        keys = NumberSet.of_ascending(gone).runs
        tx.execute_many(_DELETE, [(account, mailbox, first, last) for first, last in keys])
    old = {run[0]: run for run in before if run[0] in new}
    changed = [
        (run[1] - run[0], run[2], run[3], account, mailbox, run[0])
        for run in after
        if old.get(run[0], run) != run
    ]
    if changed:
        tx.execute_many(_UPDATE, changed)
    if len(old) < len(after):
        insert(tx, account, mailbox, [run for run in after if run[0] not in old])


def remove(tx: Transaction, account: AccountId, mailbox: MailboxId, uids: NumberSet) -> None:
    """Remove the flags of these messages."""
    before = overlapping(tx, account, mailbox, uids)
    replace(tx, account, mailbox, before, [run for run, inside in divided(before, uids) if not inside])
