"""What a call changes of emails, kept so that it can be undone (`undoing`): what clients see of them before and after.

What of it is kept, and for how long, is the business of `undo_tokens`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import by_ids, emails, snoozing, undo_tokens
from pillarbox.store.emails import Email
from pillarbox.store.snoozing import Waiting
from pillarbox.store.undo_tokens import Item, Kept, Kind, Look, Snoozed, Told, Undoable
from pillarbox.world.database import Transaction


class Before(Struct, frozen=True):
    """Emails as they are before a change."""

    emails: Mapping[EmailId, Email]
    told: Mapping[EmailId, Told]
    """Of those that are to be destroyed."""
    snoozed: Mapping[EmailId, Waiting]
    """Those that are snoozed."""


def before(
    tx: Transaction, account: AccountId, changed: Iterable[EmailId], destroyed: Collection[EmailId]
) -> Before:
    """What these emails are, which are about to be changed or destroyed. Raises `ValuesDamaged`."""
    return before_of(tx, account, emails.by_id(tx, account, {*changed, *destroyed}), destroyed)


def before_of(
    tx: Transaction, account: AccountId, there: Mapping[EmailId, Email], destroyed: Iterable[EmailId]
) -> Before:
    """The same of emails that were read already."""
    told: dict[EmailId, Told] = {}
    for number, *sent in by_ids.rows(tx, _SENT, [one for one in destroyed if one in there], account):
        email = there[EmailId(number)]
        told[email.id] = Told(email.thread, email.size, email.received_at_ms, *sent)
    return Before(there, told, snoozing.of_emails(tx, there.values()))


_SENT: Final = f"""
SELECT DISTINCT email, sent_at_ms, sent_day FROM placements WHERE email IN {by_ids.IDS} AND +account = ? LIMIT ?"""  # noqa: S608 - a constant


def keep(
    tx: Transaction,
    account: AccountId,
    undoable: Undoable,
    was: Before,
    created: Iterable[EmailId],
    *,
    now_ms: int,
) -> Kept:
    """Keep what was changed since `before`, and what was created, under a token, which may have earlier changes.

    Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    now = emails.by_id(tx, account, {*was.emails, *created})
    changed = [item for email in was.emails.values() if (item := _changed(email, now.get(email.id), was))]
    new = [
        Item(Kind.CREATED, one.id, Look(), look_of(one)) for one in now.values() if one.id not in was.emails
    ]
    earlier = undo_tokens.created(tx, account, undoable.token, [item.email for item in changed])
    if earlier:
        changed = _joined(tx, account, undoable, changed, now, earlier, was)
    return undo_tokens.keep(tx, account, undoable, [*changed, *new], now_ms=now_ms)


def _joined(
    tx: Transaction,
    account: AccountId,
    undoable: Undoable,
    changed: Sequence[Item],
    now: Mapping[EmailId, Email],
    earlier: Mapping[EmailId, Look],
    was: Before,
) -> list[Item]:
    """The changes, where what the same call has created and changed is created as it is now; or was never there."""
    own = {email for email, look in earlier.items() if _are_same(look, look_of(was.emails[email]))}
    undo_tokens.forget_created(tx, account, undoable.token, earlier)
    created = [Item(Kind.CREATED, email, Look(), look_of(now[email])) for email in own if email in now]
    return created + [item for item in changed if item.email not in own]


def _changed(email: Email, now: Email | None, was: Before) -> Item | None:
    look = look_of(email)
    if now is None:
        told = was.told.get(email.id)
        snoozed = _snoozed(email, was)
        return None if told is None else Item(Kind.DESTROYED, email.id, look, Look(), told, snoozed)
    other = look_of(now)
    is_moved, is_flagged = look.mailboxes != other.mailboxes, not are_same_flags(look.flags, other.flags)
    if not is_moved and not is_flagged:
        return None
    before, after = (
        Look(one.mailboxes if is_moved else None, one.flags if is_flagged else None) for one in (look, other)
    )
    waiting = was.snoozed.get(email.id)
    is_taken_away = waiting is not None and waiting.mailbox not in now.mailboxes
    return Item(Kind.CHANGED, email.id, before, after, None, _snoozed(email, was) if is_taken_away else None)


def _snoozed(email: Email, was: Before) -> Snoozed | None:
    waiting = was.snoozed.get(email.id)
    return None if waiting is None else Snoozed(waiting.mailbox, *astuple(waiting.snooze))


def look_of(email: Email) -> Look:
    """What clients see of it."""
    return Look(" ".join(map(str, sorted(email.mailboxes))), email.flags)


def _are_same(one: Look, other: Look) -> bool:
    return one.mailboxes == other.mailboxes and are_same_flags(one.flags, other.flags)


def are_same_flags(one: str | None, other: str | None) -> bool:
    """Whether these are the same flags, in any order and case."""
    if one is None or other is None:
        return one is other
    return {*one.lower().split()} == {*other.lower().split()}
