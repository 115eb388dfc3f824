"""Destroyed emails that are put into mailboxes again, with the same ids and the same octets.

They are other messages then: IMAP sees new ones, with UIDs of their own (RFC 9051 §2.3.1.1: a UID is never used again).
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, by_ids, changes, flag_runs, flag_texts, mailbox_counts
from pillarbox.store.account_counters import Touched
from pillarbox.store.append import PLACE
from pillarbox.store.changes import ChangeKind
from pillarbox.store.email_set import Outcome
from pillarbox.store.mailbox_counts import MailboxCounts
from pillarbox.store.placements import COPY_OCTETS
from pillarbox.store.undo_tokens import Told
from pillarbox.world.database import Transaction


class Removed(Struct, frozen=True):
    """An email in no mailbox, and where it is to be."""

    email: EmailId
    told: Told
    mailboxes: frozenset[MailboxId]
    """At least one; all of them exist."""
    flags: str
    """Canonical, without `\\Deleted`."""


def are_placed(tx: Transaction, ids: Sequence[EmailId]) -> dict[EmailId, bool]:
    """Of those of these emails that are kept, whether they are in some mailbox."""
    return {email: bool(placed) for email, placed in by_ids.rows(tx, _PLACED, ids)}


_PLACED: Final = f"""
SELECT id, EXISTS (SELECT 1 FROM placements p WHERE p.email = id) FROM emails
WHERE id IN {by_ids.IDS} LIMIT ?"""  # noqa: S608 - a constant


def restore(
    tx: Transaction,
    account: AccountId,
    wanted: Sequence[Removed],
    *,
    now_ms: int,
    quota_octets: int | None = None,
) -> dict[EmailId, Outcome]:
    """Put emails into mailboxes again, each wholly or not at all: what became of each.

    None of them may be in a mailbox. Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    outcomes: dict[EmailId, Outcome] = {}
    possible: list[Removed] = []
    room = None if quota_octets is None else _room(tx, account, quota_octets)
    long: dict[MailboxId, set[str]] = {}
    for one in wanted:
        octets = one.told.size + (len(one.mailboxes) - 1) * COPY_OCTETS
        if room is not None and octets > room:
            outcomes[one.email] = Outcome.OVER_QUOTA
        elif not _has_room_for_texts(tx, account, one, long):
            outcomes[one.email] = Outcome.TOO_MANY_KEYWORDS
        else:
            room = None if room is None else room - octets
            outcomes[one.email] = Outcome.CHANGED
            possible.append(one)
    if possible:
        _place_all(tx, account, possible, now_ms)
    return outcomes


def _room(tx: Transaction, account: AccountId, quota_octets: int) -> int:
    used = account_counters.usage(tx, account)
    placed: int = tx.value("SELECT coalesce(sum(messages), 0) FROM mailboxes WHERE account = ?", (account,))
    return quota_octets - used.octets - max(0, placed - used.messages) * COPY_OCTETS


def _has_room_for_texts(
    tx: Transaction, account: AccountId, one: Removed, long: dict[MailboxId, set[str]]
) -> bool:
    """Whether its mailboxes may have its flags, too, beside those that others of them get (`long`)."""
    if len(one.flags) <= SHORT_TEXT_OCTETS:
        return True
    try:
        for mailbox in one.mailboxes:
            flag_texts.check(tx, account, mailbox, [*long.get(mailbox, ()), one.flags])
    except flag_text.MailboxFlagsFull:
        return False
    for mailbox in one.mailboxes:
        long.setdefault(mailbox, set()).add(one.flags)
    return True


def _place_all(tx: Transaction, account: AccountId, several: Sequence[Removed], now_ms: int) -> None:
    modseq = account_counters.next_modseq(tx, account, Touched.ALL)
    by_mailbox: dict[MailboxId, list[Removed]] = {}
    for one in several:
        for mailbox in one.mailboxes:
            by_mailbox.setdefault(mailbox, []).append(one)
    for mailbox, there in sorted(by_mailbox.items()):
        counts = MailboxCounts.total(MailboxCounts.of(one.flags, octets=one.told.size) for one in there)
        first, _ = mailbox_counts.add(tx, account, mailbox, modseq, counts, uids=len(there))
        placed = [
            (account, mailbox, uid, one.email, *one.told, now_ms) for uid, one in enumerate(there, first)
        ]
        tx.execute_many(PLACE, placed)
        single = [(uid, uid, one.flags, modseq) for uid, one in enumerate(there, first)]
        flag_runs.insert(tx, account, mailbox, flag_runs.joined(single))
        flag_texts.count(tx, account, mailbox, flag_texts.long([one.flags for one in there]))
        uids = NumberSet(((first, first + len(there) - 1),))
        changes.record(tx, account, modseq, mailbox, ChangeKind.APPENDED, uids)
    emails = NumberSet.of(sorted(one.email for one in several))
    changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.RESTORED, emails)
    octets = sum(one.told.size for one in several)
    account_counters.restore_emails(tx, account, octets=octets, messages=len(several))
