"""What one transaction of Email/set, Email/import and Email/copy does: it creates, then updates, then destroys."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.directory import quota
from pillarbox.mail.flags import MailboxFlagsFull
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import Change
from pillarbox.protocol.jmap.types.email import too_many_keywords
from pillarbox.server.jmap.emails import snoozing
from pillarbox.server.jmap.emails.snoozing import Planned
from pillarbox.store import email_create, email_set, emails, states, undo_keeping
from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
from pillarbox.store.append import Appended, Arrival
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.store.undo_tokens import Kept, Undoable
from pillarbox.world.blobs import BlobMissing
from pillarbox.world.database import Transaction

_ARRIVAL_COST: Final = 20
"""Emails that a verb goes through in the time that storing a new one takes."""
_SNOOZE_COST: Final = 20
"""The same of what is asked for of `snoozed`."""


class Creation(Struct, frozen=True):
    """An email to create."""

    key: str
    """Its creation id."""
    mailboxes: frozenset[MailboxId]
    arrival: Arrival
    is_stored: bool = False
    """Whether its octets are there already, and are kept once more."""
    told: Callable[[Appended], dict[str, Any]] | None = None
    """What the response has of it; by default what RFC 8621 §4.6 to §4.8 ask for."""
    snooze: Snooze | None = None
    """Until when it is away, from the beginning."""


class Work(Struct, frozen=True):
    """What one transaction does. A negative id is that of the creation at this place: -1 of the first."""

    creations: Sequence[Creation] = ()
    updates: Sequence[EmailChange] = ()
    destroyed: Sequence[EmailId] = ()
    snoozes: Mapping[int, Sequence[Change]] = {}
    """What the updates at these places ask for of `snoozed`."""

    @property
    def cost(self) -> int:
        """In emails that a verb goes through."""
        created = sum(len(creation.mailboxes) for creation in self.creations) * _ARRIVAL_COST
        changed = sum(2 + len(one.added_to) + len(one.mailboxes or ()) for one in self.updates)
        return created + changed + 2 * len(self.destroyed) + _SNOOZE_COST * len(self.snoozes)


class Done(Struct, frozen=True):
    """What became of it."""

    old_state: str
    new_state: str
    created: list[Appended | SetError]
    updated: list[Outcome | SetError]
    destroyed: list[Outcome]
    told: dict[int, dict[str, Any]]
    """Of the updates at these places, what the client has not sent."""
    kept: Kept = Kept.NOTHING
    """Whether it can be undone."""


class StateMismatch(Exception):
    """Others have changed something."""


# --- the verb


def carry_out(
    tx: Transaction,
    account: AccountId,
    work: Work,
    *,
    expected: str | None,
    now_ms: int,
    undoable: Undoable | None = None,
) -> Done:
    """Do all of it that can be done. `expected`: the state that there must be. Raises `StateMismatch`.

    `undoable`: under which token it can be undone, if so.
    """
    if undoable is None:
        return _carry_out(tx, account, work, expected, now_ms)[0]
    changed = [update.email for update in work.updates]
    was = undo_keeping.before(tx, account, changed, work.destroyed)
    done, ids = _carry_out(tx, account, work, expected, now_ms)
    held = undoable.within(quota.effective(tx, account))
    kept = undo_keeping.keep(tx, account, held, was, ids.values(), now_ms=now_ms)
    return msgspec.structs.replace(done, kept=kept)


def _carry_out(
    tx: Transaction, account: AccountId, work: Work, expected: str | None, now_ms: int
) -> tuple[Done, dict[EmailId, EmailId]]:
    """And the ids of what was created."""
    old = states.read(tx, account).email.text
    if expected is not None and expected != old:
        raise StateMismatch(old)
    limit = _limit(tx, account, work)
    created = [_create(tx, account, creation, now_ms, limit) for creation in work.creations]
    ids = {
        EmailId(-place): made.email_id for place, made in enumerate(created, 1) if isinstance(made, Appended)
    }
    updated: list[Outcome | SetError] = []
    told: dict[int, dict[str, Any]] = {}
    for first, several in _rounds(work.updates):
        changes = [
            msgspec.structs.replace(one, email=ids.get(one.email, one.email)) if one.email < 0 else one
            for one in several
        ]
        plans: dict[int, Planned] = {}
        refused: dict[int, SetError] = {}
        for place in range(first, first + len(changes)) if work.snoozes else ():
            if place in work.snoozes:
                found = snoozing.plan(tx, account, changes[place - first], work.snoozes[place], now_ms=now_ms)
                if isinstance(found, SetError):
                    refused[place] = found
                else:
                    plans[place], changes[place - first] = found, found.change
        possible = [change for place, change in enumerate(changes, first) if place not in refused]
        done = email_set.set_emails(tx, account, possible, now_ms=now_ms, quota_octets=limit)
        updated += [
            refused.get(place) or done.outcomes[change.email] for place, change in enumerate(changes, first)
        ]
        for place, planned in plans.items():
            if updated[place] in DONE:
                planned.carry_out(tx, account)
                told[place] = planned.told
    gone = [ids.get(email, email) for email in work.destroyed]
    outcomes = email_set.destroy_emails(tx, account, gone).outcomes if gone else {}
    new = states.read(tx, account).email.text
    return Done(old, new, created, updated, [outcomes[email] for email in gone], told), ids


def _limit(tx: Transaction, account: AccountId, work: Work) -> int | None:
    """The quota, as if what is destroyed were gone before: a draft takes the place of another."""
    limit = quota.effective(tx, account)
    if limit is None or not work.creations or not work.destroyed:
        return limit
    there = emails.by_id(tx, account, [email for email in work.destroyed if email > 0])
    return limit + sum(email.size for email in there.values())


def _create(
    tx: Transaction, account: AccountId, creation: Creation, now_ms: int, limit: int | None
) -> Appended | SetError:
    create = email_create.create_of_stored if creation.is_stored else email_create.create
    snooze, mailbox = creation.snooze, None
    if snooze is not None:
        found = snoozing.of_new(tx, account, creation.mailboxes, snooze, now_ms=now_ms)
        if isinstance(found, SetError):
            return found
        mailbox = found
    try:
        made = create(tx, account, creation.mailboxes, creation.arrival, now_ms=now_ms, quota_octets=limit)
    except NoSuchMailbox:
        return errors.invalid_properties(["mailboxIds"], "A mailbox doesn't exist")
    except OverQuota:
        return errors.over_quota("Quota exceeded")
    except MailboxFlagsFull as error:
        return too_many_keywords(str(error))
    except BlobMissing:
        return errors.invalid_properties(["blobId"], "The blob doesn't exist")
    if snooze is not None and mailbox is not None:
        snoozing.begin(tx, account, made.email_id, snooze, mailbox)
    return made


def _rounds(updates: Sequence[EmailChange]) -> Iterator[tuple[int, list[EmailChange]]]:
    """The updates in order, with the place of the first; those of one email, which may be named in two ways, one after
    the other."""
    several: dict[EmailId, EmailChange] = {}
    for place, update in enumerate(updates):
        if update.email in several:
            yield place - len(several), [*several.values()]
            several = {}
        several[update.email] = update
    if several:
        yield len(updates) - len(several), [*several.values()]


DONE: Final = (Outcome.CHANGED, Outcome.UNCHANGED)


REFUSED: Final = {
    Outcome.NOT_FOUND: errors.NOT_FOUND,
    Outcome.IN_NO_MAILBOX: errors.invalid_properties(["mailboxIds"], "It would be in no mailbox"),
    Outcome.NO_SUCH_MAILBOX: errors.invalid_properties(["mailboxIds"], "A mailbox doesn't exist"),
    Outcome.OVER_QUOTA: errors.over_quota("Quota exceeded"),
    Outcome.TOO_MANY_KEYWORDS: too_many_keywords("There would be too many keywords"),
}
