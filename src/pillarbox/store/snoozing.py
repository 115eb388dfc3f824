"""Emails that are away until a time (snoozed): what there is, beginning and ending it, and bringing them back.

A row names the message that waits: its mailbox and UID. An email is snoozed while that message is there and JMAP sees
it. UIDs are never assigned twice, so whoever moves or removes the message, by any protocol, has ended that; no other
verb has to know of it, and the row is dropped when its time comes. What came back keeps its row, with the time at which
it did: by that it is sorted among emails that have come since.
"""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.snooze import Snooze
from pillarbox.store import account_counters, by_ids, changes, email_set, emails, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox, Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.store.emails import Email
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction

MAX_AWAY_S: Final = 10 * 366 * 86_400
"""How long an email may be away."""
PAST_S: Final = 300
"""A time that passed so long ago at most still counts: the clocks of clients differ. The email comes back at once."""


class Waiting(Struct, frozen=True, gc=False):
    """An email that is snoozed."""

    mailbox: MailboxId
    """Where it is until then."""
    snooze: Snooze


def is_allowed(*, until_ms: int, now_ms: int) -> bool:
    """Whether an email may be snoozed until then."""
    return now_ms - PAST_S * 1000 <= until_ms <= now_ms + MAX_AWAY_S * 1000


# --- reading

_COLUMNS: Final = "email, is_waiting, mailbox, uid, until_ms, move_to, set_flags, unset_flags"
_OF_EMAILS: Final = f"SELECT {_COLUMNS} FROM snoozes WHERE email IN {by_ids.IDS} LIMIT ?"  # noqa: S608 - constants


def of_emails(tx: Transaction, there: Iterable[Email]) -> dict[EmailId, Waiting]:
    """Those of these emails that are snoozed."""
    by_id = {email.id: email for email in there}
    return {
        email: Waiting(mailbox, Snooze(*asked))
        for email, is_waiting, mailbox, uid, *asked in by_ids.rows(tx, _OF_EMAILS, by_id)
        if is_waiting and _is_there(by_id[email], mailbox, uid)
    }


def sort_times(tx: Transaction, there: Iterable[Email]) -> dict[EmailId, int]:
    """When those of these emails come back that are snoozed, and when those came back that were, in ms."""
    by_id = {email.id: email for email in there}
    return {
        email: until_ms
        for email, is_waiting, mailbox, uid, until_ms, *_ in by_ids.rows(tx, _OF_EMAILS, by_id)
        if not is_waiting or _is_there(by_id[email], mailbox, uid)
    }


def _is_there(email: Email, mailbox: MailboxId, uid: Uid) -> bool:
    return any(one.mailbox == mailbox and one.uid == uid for one in email.placed)


def mailbox_of(tx: Transaction, account: AccountId) -> MailboxId | None:
    """Where emails are that are snoozed; `None` where the account has no mailbox for that."""
    found = mailboxes.by_role(tx, account, Role.SNOOZED)
    return None if found is None else found.id


def target_of(tx: Transaction, account: AccountId, waiting: Waiting) -> MailboxId:
    """The mailbox where an email comes back: the Inbox, where the one that was chosen is gone.

    Raises `NoSuchMailbox` where there is no Inbox.
    """
    chosen = waiting.snooze.move_to
    if chosen is not None and chosen != waiting.mailbox and exists(tx, account, chosen):
        return chosen
    inbox = mailboxes.inbox(tx, account)
    if inbox is None:
        raise NoSuchMailbox(account)
    return inbox


def exists(tx: Transaction, account: AccountId, mailbox: MailboxId) -> bool:
    """Whether the account has this mailbox."""
    return tx.row("SELECT 1 FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)) is not None


# --- beginning and ending

_PUT: Final = """
INSERT INTO snoozes (email, account, is_waiting, mailbox, uid, until_ms, move_to, set_flags, unset_flags)
VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO UPDATE SET is_waiting = 1, mailbox = excluded.mailbox,
  uid = excluded.uid, until_ms = excluded.until_ms, move_to = excluded.move_to, set_flags = excluded.set_flags,
  unset_flags = excluded.unset_flags"""


def begin(tx: Transaction, account: AccountId, email: EmailId, snooze: Snooze, *, mailbox: MailboxId) -> bool:
    """Snooze an email that is in this mailbox, or change what it is snoozed with. False where it is not there."""
    there = emails.by_id(tx, account, [email]).get(email)
    uid = next((one.uid for one in there.placed if one.mailbox == mailbox), None) if there else None
    if uid is None:
        return False
    asked = (snooze.until_ms, snooze.move_to, snooze.set_flags, snooze.unset_flags)
    tx.execute(_PUT, (email, account, mailbox, uid, *asked))
    _log(tx, account, email)
    return True


def end(tx: Transaction, account: AccountId, email: EmailId) -> None:
    """An email is not snoozed any more, wherever it is."""
    if tx.execute("DELETE FROM snoozes WHERE email = ? AND account = ? AND is_waiting = 1", (email, account)):
        _log(tx, account, email)


def _log(tx: Transaction, account: AccountId, email: EmailId) -> None:
    modseq = account_counters.next_modseq(tx, account, Touched.EMAILS)
    changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.UPDATED, NumberSet(((email, email),)))


# --- when the time has come


class Due(Struct, frozen=True, gc=False):
    """An email whose time has come."""

    until_ms: int
    email: EmailId


def next_due_ms(tx: Transaction) -> int | None:
    """When the next email comes back, if any does."""
    at_ms: int | None = tx.value(
        "SELECT until_ms FROM snoozes WHERE is_waiting = 1 ORDER BY until_ms LIMIT 1"
    )
    return at_ms


FIRST: Final = Due(-(2**62), EmailId(0))
"""Before all."""


def due(tx: Transaction, *, now_ms: int, limit: int, after: Due = FIRST) -> list[Due]:
    """Emails whose time has come, the longest ago first."""
    rows = tx.rows(
        "SELECT until_ms, email FROM snoozes WHERE is_waiting = 1 AND until_ms <= ?"
        " AND (until_ms, email) > (?, ?) ORDER BY until_ms, email LIMIT ?",
        (now_ms, after.until_ms, after.email, limit),
    )
    return [Due(*row) for row in rows]


_DUE: Final = f"SELECT account, {_COLUMNS} FROM snoozes WHERE email = ? AND is_waiting = 1 AND until_ms <= ?"  # noqa: S608 - constants


def bring_back(tx: Transaction, email: EmailId, *, now_ms: int) -> bool:
    """Move an email back whose time has come, with a new UID. False where somebody else has, or has moved it away.

    Raises `NoSuchAccount`, `NoSuchMailbox`, `ValuesDamaged`.
    """
    row = tx.row(_DUE, (email, now_ms))
    if row is None:
        return False
    account, _, _, mailbox, uid, *asked = row
    there = emails.by_id(tx, account, [email]).get(email)
    if there is None or not _is_there(there, mailbox, uid):
        tx.execute("DELETE FROM snoozes WHERE email = ?", (email,))
        return False
    waiting = Waiting(mailbox, Snooze(*asked))
    _move(tx, account, there, waiting, now_ms)
    tx.execute("UPDATE snoozes SET is_waiting = 0, until_ms = ? WHERE email = ?", (now_ms, email))
    return True


def _move(tx: Transaction, account: AccountId, email: Email, waiting: Waiting, now_ms: int) -> None:
    target = target_of(tx, account, waiting)
    if target in email.mailboxes:  # it comes to the end there, too
        _set(tx, account, EmailChange(email.id, removed_from=frozenset((target,))), now_ms)
    snooze = waiting.snooze
    unread = flag_text.remove(email.flags, flag_text.SEEN)
    ways: tuple[dict[str, Any], ...] = (
        {"added_keywords": snooze.set_flags, "removed_keywords": snooze.lost_flags},
        # Where a mailbox can't have more sets of keywords, it is more important that the email comes back
        {"removed_keywords": flag_text.SEEN},
        {"keywords": flag_text.shortened(unread)},
    )
    for way in ways:
        change = EmailChange(
            email.id, added_to=frozenset((target,)), removed_from=frozenset((waiting.mailbox,)), **way
        )
        if _set(tx, account, change, now_ms) is not Outcome.TOO_MANY_KEYWORDS:
            return


def _set(tx: Transaction, account: AccountId, change: EmailChange, now_ms: int) -> Outcome:
    return email_set.set_emails(tx, account, [change], now_ms=now_ms).outcomes[change.email]
