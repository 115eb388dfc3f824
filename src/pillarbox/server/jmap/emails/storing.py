"""The writing of Email/set, Email/import and Email/copy: creations, updates and destructions, in this order.

A call is one transaction, in which its `ifInState` is checked as well, so that no change of others is overwritten
unseen, and a draft takes the place of the one before in one step. Only where much is created, that is several
transactions. Where one of the later ones fails, or finds that others have changed something although that should not
be, the client is told serverPartialFail: what was done stays. Where others have changed something in between, and
that may be, there is no `oldState`: the client asks what has changed since the state that it knows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.blobs.blob_id import of_message
from pillarbox.protocol.jmap.email import snoozed
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.patch import Change
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.undo import text_of
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.server.jmap.emails.work import (
    REFUSED,
    Creation,
    Done,
    StateMismatch,
    Work,
    carry_out,
)
from pillarbox.store import emails, states
from pillarbox.store.append import Appended
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_set import EmailChange, Outcome
from pillarbox.store.undo_tokens import Kept, Undoable
from pillarbox.world.database import DatabaseUnavailable

MAX_CREATIONS: Final = 50
"""Emails that one transaction creates."""
MAX_OCTETS: Final = 1024 * 1024
"""Octets of messages that wait in memory for a transaction."""
_MANY: Final = 300
"""From so many on a verb is run in a thread: a millisecond or two."""
_MANY_MESSAGES: Final = 1_000
"""The same of the messages that emails have: IMAP may have copied one a million times."""


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
            if refused := became if isinstance(became, SetError) else REFUSED.get(became):
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
