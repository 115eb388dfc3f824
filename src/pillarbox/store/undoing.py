"""Undoing what a call has changed of emails (`undo_keeping`), which can be undone as well.

What is compared and put back is what clients see: the mailboxes of an email, its flags, and whether it is there. Each
of these is put back only where it is what the call has made it: what anybody else has changed since then stays. What
is as it was before the call, by whomever, counts as undone.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.store import email_set, emails, mailboxes, restoring, snoozing, undo_tokens
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.store.emails import Email
from pillarbox.store.restoring import Removed
from pillarbox.store.undo_keeping import are_same_flags, before_of, keep, look_of
from pillarbox.store.undo_tokens import Item, Kept, Kind, Look, Snoozed, Undoable
from pillarbox.world.database import Transaction

EMAILS_TOGETHER: Final = 100
"""Emails that one transaction puts back."""
MAILBOXES_TOGETHER: Final = 2_000
"""Messages that it makes and removes, about: an email may be in a thousand mailboxes."""

MAILBOXES: Final = "mailboxes"
FLAGS: Final = "flags"
_BOTH: Final = (MAILBOXES, FLAGS)


class Why(Enum):
    """Why something is not undone."""

    NOT_FOUND = "not found"
    """The email is not there any more, or nothing of it."""
    CHANGED_SINCE = "changed since"
    OVER_QUOTA = "over quota"
    TOO_MANY_KEYWORDS = "too many keywords"
    NO_MAILBOX = "no mailbox"
    """There is none that it could be put into."""

    @property
    def is_final(self) -> bool:
        """Whether it will never be undone; otherwise the token keeps it."""
        return self is Why.NOT_FOUND or self is Why.CHANGED_SINCE


class NotUndone(Struct, frozen=True):
    """What of an email is not undone."""

    why: Why
    what: tuple[str, ...] = ()
    """Of `MAILBOXES` and `FLAGS`."""


class Undone(Struct, frozen=True):
    """What became of some items of a token."""

    emails: dict[EmailId, tuple[Email | None, tuple[str, ...]]]
    """What is as it was, and what of it was changed by the call; `None` for what is not there, as it was."""
    refused: dict[EmailId, NotUndone]
    """An email may be in both, with one property each."""
    kept: Kept
    """Whether the undoing can be undone."""
    next: tuple[int, int] | None
    """Where to go on; `None` after the last."""


def undo(
    tx: Transaction,
    account: AccountId,
    token: bytes,
    redo: Undoable,
    *,
    after: tuple[int, int] = (0, 0),
    valid_at_ms: int,
    now_ms: int,
    quota_octets: int | None = None,
) -> Undone | None:
    """Undo some of what was changed under a token, behind what `next` said, and keep that under another.

    `None`: the account has no such token, or not any more. Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    if not undo_tokens.is_valid(tx, account, token, now_ms=valid_at_ms):
        return None
    items = undo_tokens.items(tx, account, token, after=after, limit=EMAILS_TOGETHER + 1)
    some = _some(items)
    there = emails.by_id(tx, account, [item.email for item in some])
    plan = _Plan(tx, account, there, some)
    for item in some:
        plan.add(item)
    was = before_of(tx, account, there, plan.destroyed)
    restored = plan.carry_out(now_ms, quota_octets)
    kept = keep(tx, account, redo, was, restored, now_ms=now_ms)
    left = {email for email, refused in plan.refused.items() if not refused.why.is_final}
    undo_tokens.settle(tx, account, token, [item for item in some if item.email not in left])
    now = emails.by_id(tx, account, plan.done)
    done = {email: (now.get(email), what) for email, what in plan.done.items()}
    last = some[-1] if len(some) < len(items) else None
    return Undone(done, plan.refused, kept, None if last is None else (last.kind.value, last.email))


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """The first of these items, as many as are undone together."""
    number = room = 0
    for item in items[:EMAILS_TOGETHER]:
        room += sum(len((look.mailboxes or "").split()) for look in (item.before, item.after))
        if number and room > MAILBOXES_TOGETHER:
            break
        number += 1
    return items[:number]


class _Plan:
    """What is to be done of some items; what is destroyed makes room for the others."""

    def __init__(
        self, tx: Transaction, account: AccountId, there: Mapping[EmailId, Email], items: Sequence[Item]
    ) -> None:
        self._tx, self._account, self._there = tx, account, there
        gone = [item.email for item in items if item.kind is Kind.DESTROYED]
        self._placed = restoring.are_placed(tx, gone)
        rows = tx.rows("SELECT id FROM mailboxes WHERE account = ?", (account,))
        self._mailboxes: set[MailboxId] = {mailbox for (mailbox,) in rows}
        self.destroyed: list[EmailId] = []
        self._changes: list[EmailChange] = []
        self._removed: list[Removed] = []
        self._snoozed: dict[EmailId, Snoozed] = {}
        """Those that are put back to where they were snoozed."""
        self.done: dict[EmailId, tuple[str, ...]] = {}
        self.refused: dict[EmailId, NotUndone] = {}

    def add(self, item: Item) -> None:
        """Look at one item."""
        if item.kind is Kind.CREATED:
            self._add_created(item)
        elif item.kind is Kind.CHANGED:
            self._add_changed(item)
        else:
            self._add_destroyed(item)

    def _add_created(self, item: Item) -> None:
        email = self._there.get(item.email)
        other = () if email is None else _others(item.after, look_of(email))
        if other:
            self.refused[item.email] = NotUndone(Why.CHANGED_SINCE, other)
            return
        self.done[item.email] = _BOTH
        if email is not None:
            self.destroyed.append(item.email)

    def _add_changed(self, item: Item) -> None:
        email = self._there.get(item.email)
        if email is None:
            self.refused[item.email] = NotUndone(Why.NOT_FOUND)
            return
        now = look_of(email)
        as_before, as_made = _others(item.before, now), _others(item.after, now)
        conflicts = tuple(name for name in as_before if name in as_made)
        if conflicts:
            self.refused[item.email] = NotUndone(Why.CHANGED_SINCE, conflicts)
        put_back = [name for name in as_before if name not in as_made]
        where = self._existing(item.before) if MAILBOXES in put_back else None
        if where is not None and not where:
            self.refused[item.email] = NotUndone(Why.NO_MAILBOX)
            return
        touched = item.before.mailboxes is not None, item.before.flags is not None
        names = [
            name for name, is_one in zip(_BOTH, touched, strict=True) if is_one and name not in conflicts
        ]
        if names:
            self.done[item.email] = tuple(names)
        if put_back:
            text = _flags(item.before) if FLAGS in put_back else None
            self._changes.append(EmailChange(item.email, mailboxes=where, keywords=text))
            if where is not None and item.snoozed is not None:
                self._snoozed[item.email] = item.snoozed

    def _add_destroyed(self, item: Item) -> None:
        is_placed = self._placed.get(item.email)
        where = self._existing(item.before)
        if is_placed is None or item.told is None:
            self.refused[item.email] = NotUndone(Why.NOT_FOUND)
        elif is_placed:
            self.refused[item.email] = NotUndone(Why.CHANGED_SINCE, _BOTH)
        elif not where:
            self.refused[item.email] = NotUndone(Why.NO_MAILBOX)
        else:
            self.done[item.email] = _BOTH
            self._removed.append(Removed(item.email, item.told, where, _flags(item.before)))
            if item.snoozed is not None:
                self._snoozed[item.email] = item.snoozed

    def _existing(self, look: Look) -> frozenset[MailboxId]:
        """Those of the mailboxes that are there still; the Inbox, where none is."""
        words = (look.mailboxes or "").split()
        numbers = {MailboxId(int(word)) for word in words if word.isascii() and word.isdigit()}
        if there := numbers & self._mailboxes:
            return frozenset(there)
        inbox = mailboxes.inbox(self._tx, self._account)
        return frozenset() if inbox is None else frozenset((inbox,))

    def carry_out(self, now_ms: int, quota_octets: int | None) -> list[EmailId]:
        """Do it; the emails that are there again."""
        tx, account = self._tx, self._account
        if self.destroyed:
            email_set.destroy_emails(tx, account, self.destroyed)
        outcomes: dict[EmailId, Outcome] = {}
        if self._changes:
            changed = email_set.set_emails(
                tx, account, self._changes, now_ms=now_ms, quota_octets=quota_octets
            )
            outcomes |= changed.outcomes
        if self._removed:
            outcomes |= restoring.restore(
                tx, account, self._removed, now_ms=now_ms, quota_octets=quota_octets
            )
        for email, outcome in outcomes.items():
            if (why := _REFUSED.get(outcome)) is not None:
                self.refused[email] = NotUndone(why)
                self.done.pop(email, None)
                self._snoozed.pop(email, None)
        for email, (mailbox, until_ms, move_to, set_flags, unset_flags) in self._snoozed.items():
            snooze = Snooze(until_ms, None if move_to is None else MailboxId(move_to), set_flags, unset_flags)
            # Nowhere, if that mailbox is gone: then it is where everybody sees it
            snoozing.begin(tx, account, email, snooze, mailbox=MailboxId(mailbox))
        return [one.email for one in self._removed if one.email in self.done]


def _others(wanted: Look, now: Look) -> tuple[str, ...]:
    """What of an email is other than wanted, of what was changed."""
    is_moved = wanted.mailboxes is not None and wanted.mailboxes != now.mailboxes
    is_flagged = wanted.flags is not None and not are_same_flags(wanted.flags, now.flags)
    return tuple(name for name, is_other in ((MAILBOXES, is_moved), (FLAGS, is_flagged)) if is_other)


def _flags(look: Look) -> str:
    return look.flags if look.flags is not None and flag_text.is_safe(look.flags) else ""


_REFUSED: Final = {
    Outcome.NOT_FOUND: Why.NOT_FOUND,
    Outcome.IN_NO_MAILBOX: Why.NO_MAILBOX,
    Outcome.NO_SUCH_MAILBOX: Why.NO_MAILBOX,
    Outcome.OVER_QUOTA: Why.OVER_QUOTA,
    Outcome.TOO_MANY_KEYWORDS: Why.TOO_MANY_KEYWORDS,
}
