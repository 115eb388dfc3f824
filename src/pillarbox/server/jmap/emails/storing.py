"""The writing of Email/set, Email/import and Email/copy: creations, updates and destructions, in this order.

A call is one transaction, in which its `ifInState` is checked as well, so that no change of others is overwritten
unseen, and a draft takes the place of the one before in one step. Only where much is created, that is several
transactions. Where one of the later ones fails, or finds that others have changed something although that should not
be, the client is told serverPartialFail: what was done stays. Where others have changed something in between, and
that may be, there is no `oldState`: the client asks what has changed since the state that it knows.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from pillarbox.directory import quota
from pillarbox.mail import object_id
from pillarbox.mail.flags import MailboxFlagsFull
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.blobs.blob_id import of_message
from pillarbox.protocol.jmap.email import snoozed
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import Change
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.email import too_many_keywords
from pillarbox.protocol.jmap.types.undo import text_of
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.server.jmap.emails import snoozing
from pillarbox.server.jmap.emails.snoozing import Planned
from pillarbox.store import email_create, email_set, emails, states, undo_keeping
from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
from pillarbox.store.append import Appended, Arrival
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.store.undo_tokens import Kept, Undoable
from pillarbox.world.blobs import BlobMissing
from pillarbox.world.database import DatabaseUnavailable, Transaction

MAX_CREATIONS: Final = 50
"""Emails that one transaction creates."""
MAX_OCTETS: Final = 1024 * 1024
"""Octets of messages that wait in memory for a transaction."""
_ARRIVAL_COST: Final = 20
"""Emails that a verb goes through in the time that storing a new one takes."""
_SNOOZE_COST: Final = 20
"""The same of what is asked for of `snoozed`."""
_MANY: Final = 300
"""From so many on a verb is run in a thread: a millisecond or two."""
_MANY_MESSAGES: Final = 1_000
"""The same of the messages that emails have: IMAP may have copied one a million times."""


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
            if updated[place] in _DONE:
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


_DONE: Final = (Outcome.CHANGED, Outcome.UNCHANGED)


_REFUSED: Final = {
    Outcome.NOT_FOUND: errors.NOT_FOUND,
    Outcome.IN_NO_MAILBOX: errors.invalid_properties(["mailboxIds"], "It would be in no mailbox"),
    Outcome.NO_SUCH_MAILBOX: errors.invalid_properties(["mailboxIds"], "A mailbox doesn't exist"),
    Outcome.OVER_QUOTA: errors.over_quota("Quota exceeded"),
    Outcome.TOO_MANY_KEYWORDS: too_many_keywords("There would be too many keywords"),
}


# --- the transactions of a call


class Storing:
    """Writes what one call asks for, and collects what becomes of it."""

    def __init__(
        self,
        context: Context,
        account: AccountId,
        if_in_state: str | None,
        undoable: Undoable | None = None,
    ) -> None:
        self._context, self._account = context, account
        self._undoable = undoable
        self._kept: set[Kept] = set()
        self._expected = if_in_state
        self._is_expecting = if_in_state is not None
        self._waiting: list[Creation] = []
        self._octets = 0
        self._is_begun = False
        self.outcome = SetOutcome()
        self.old_state: str | None = None
        self.new_state = ""

    async def check_state(self) -> None:
        """Whether it is worth the trouble to look at what is to be done. Raises stateMismatch."""
        if self._is_expecting:
            read = await self._context.world.database.read(states.read, self._account)
            if read.email.text != self._expected:
                raise errors.state_mismatch()

    def place_of(self, key: str) -> EmailId | None:
        """The id, within the next transaction, of a creation that waits for it."""
        for place, creation in enumerate(self._waiting, 1):
            if creation.key == key:
                return EmailId(-place)
        return None

    async def create(self, creation: Creation) -> None:
        """Create an email, now or later. Raises as `finish` does."""
        octets = len(creation.arrival.message.blob.octets or b"")
        number = len(self._waiting)
        if number and (number >= MAX_CREATIONS or self._octets + octets > MAX_OCTETS):
            try:
                await self._write(Work(tuple(self._waiting)))
            except Exception:
                self._discard([creation])
                raise
        self._waiting.append(creation)
        self._octets += octets

    async def finish(
        self,
        updates: Mapping[str, EmailChange] | None = None,
        destroyed: Mapping[str, EmailId] | None = None,
        snoozes: Mapping[str, Sequence[Change]] | None = None,
    ) -> None:
        """Do all that is left: create what waits, and then update and destroy.

        Raises stateMismatch, or what the database raises, where nothing was done; `PartialFail` otherwise.
        """
        updates, destroyed = updates or {}, destroyed or {}
        places = (
            {place: snoozes[key] for place, key in enumerate(updates) if key in snoozes} if snoozes else {}
        )
        done = await self._write(
            Work(tuple(self._waiting), tuple(updates.values()), tuple(destroyed.values()), places)
        )
        outcome = self.outcome
        for place, (key, became) in enumerate(zip(updates, done.updated, strict=True)):
            record = self._context.created.known(key)
            if refused := became if isinstance(became, SetError) else _REFUSED.get(became):
                outcome.not_updated[record] = refused
                outcome.updated.pop(record, None)
            elif record not in outcome.not_updated:
                outcome.updated[record] = done.told.get(place) or None
        for key, became in zip(destroyed, done.destroyed, strict=True):
            record = self._context.created.known(key)
            if became is Outcome.CHANGED:
                outcome.destroyed.append(record)
            else:
                outcome.not_destroyed[record] = errors.NOT_FOUND

    @property
    def undo_token(self) -> str | None:
        """With which all of it can be undone; None where nothing has changed, or more than is kept."""
        if self._undoable is None or Kept.ALL not in self._kept or Kept.TOO_MUCH in self._kept:
            return None
        return text_of(self._undoable.token)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """While it is looked at what is to be created. Where that fails, what waits is not created."""
        try:
            yield
        except PartialFail:
            raise
        except Exception as failure:
            self._discard(self._waiting)
            if self._is_begun:
                raise PartialFail from failure
            raise

    async def _write(self, work: Work) -> Done:
        self._waiting, self._octets = [], 0
        try:
            done = await self._committed(work)
        except StateMismatch:
            self._discard(work.creations)
            raise (PartialFail() if self._is_begun else errors.state_mismatch()) from None
        except Exception as failure:
            if not isinstance(failure, DatabaseUnavailable):  # then a commit may turn out durable
                self._discard(work.creations)
            if self._is_begun:
                raise PartialFail from failure
            raise
        if not self._is_begun:
            self.old_state = done.old_state
        elif done.old_state != self.new_state:
            self.old_state = None
        self.new_state, self._is_begun = done.new_state, True
        self._kept.add(done.kept)
        if self._is_expecting:
            self._expected = done.new_state
        self._tell(work.creations, done.created)
        return done

    async def _committed(self, work: Work) -> Done:
        world = self._context.world
        cost = work.cost if self._undoable is None else 2 * work.cost
        is_much = cost > _MANY or await self._has_many_messages(work)
        write = world.database.write_in_thread if is_much else world.database.write
        return await write(
            carry_out,
            self._account,
            work,
            expected=self._expected,
            now_ms=world.clock.now_ms(),
            undoable=self._undoable,
        )

    async def _has_many_messages(self, work: Work) -> bool:
        ids = {*work.destroyed, *[update.email for update in work.updates]}
        try:
            await self._context.world.database.read(emails.by_id, self._account, ids, most=_MANY_MESSAGES)
        except TooMuchToRead:
            return True
        return False

    def _discard(self, creations: Sequence[Creation]) -> None:
        for creation in creations:
            self._context.world.blobs.discard(creation.arrival.message.blob)

    def _tell(self, creations: Sequence[Creation], created: list[Appended | SetError]) -> None:
        for creation, made in zip(creations, created, strict=True):
            if isinstance(made, SetError):
                self._discard([creation])
                self.outcome.not_created[creation.key] = made
                continue
            told = creation.told(made) if creation.told else {}
            if creation.snooze is not None:
                told[snoozed.NAME] = snoozed.record(creation.snooze)
            message = creation.arrival.message
            self.outcome.created[creation.key] = {
                "id": object_id.of_email(made.email_id),
                "blobId": of_message(message.blob.blob.digest),
                "threadId": object_id.of_thread(made.thread_id),
                "size": message.summary.size,
                **told,
            }
            self._context.created.add(creation.key, object_id.of_email(made.email_id))
