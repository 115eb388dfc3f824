"""EmailSubmission/set: RFC 8621 §7.5.

What is sent, undone or forgotten is a transaction of its own each; then one Email/set does what is to become of the
emails, for those only of which that succeeded.
"""

from contextlib import suppress
from typing import Any

from pillarbox.delivery import tracking
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.capabilities import SCHEDULED
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.scalars import milliseconds
from pillarbox.protocol.jmap.types.email_submission import (
    CANNOT_RESCHEDULE,
    CANNOT_UNSEND,
    EMAIL_SUBMISSION,
    RESCHEDULED,
    EmailSubmissionSetArguments,
)
from pillarbox.queue import scheduled, submissions
from pillarbox.queue.submissions import CANCELED, Sent
from pillarbox.server.jmap.context import Context, Named
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.server.jmap.submissions import creating, view
from pillarbox.world.database import DatabaseUnavailable, Transaction


async def set_submissions(context: Context, given: dict[str, Any]) -> list[Named]:
    """§7.5: the response, and that of the Email/set, if there was anything to do."""
    call = arguments.read(EmailSubmissionSetArguments, given)
    call.check(context.limits)
    return await _Set(context, call, context.account_id(given)).run()


class _Set:
    """One call."""

    def __init__(self, context: Context, call: EmailSubmissionSetArguments, account: AccountId) -> None:
        self._context, self._call, self._account = context, call, account
        self._outcome = SetOutcome()
        self._writes = GuardedWrites(context, account, call, _state)
        self._succeeded: dict[str, EmailId] = {}
        """The emails of submissions that were created, updated or destroyed, by id."""

    async def run(self) -> list[Named]:
        new_state = await self._writes.all(self._carry_out)
        said = self._outcome.set_response(self._call.account_id, self._writes.old_state, new_state)
        answers: list[Named] = [("EmailSubmission/set", said)]
        implied = self._implied()
        if implied:
            answers += await self._context.implicit(
                "Email/set", {"accountId": self._call.account_id, **implied}
            )
        return answers

    async def _carry_out(self) -> None:
        call, known = self._call, self._context.created.known
        for creation, record in (call.create or {}).items():
            await self._context.give_way()
            await self._create(creation, record)
        for reference, patch in (call.update or {}).items():
            await self._update(known(reference), patch)
        for key in dict.fromkeys(map(known, call.destroy or ())):
            await self._destroy(key)

    async def _create(self, creation: str, given: dict[str, Any]) -> None:
        try:
            made = await self._submitted(given)
        except RecordRefused as refused:
            self._outcome.not_created[creation] = refused.error
            return
        self._writes.note_change()  # it is on its way, whatever fails from now on
        key = object_id.of_submission(made)
        self._context.created.add(creation, key)
        email = object_id.email(self._context.created.known(given["emailId"]))
        if email is not None:
            self._succeeded[key] = email
        record = await self._record(made)
        self._outcome.created[creation] = {
            name: value for name, value in record.items() if given.get(name) is None
        }

    async def _submitted(self, given: dict[str, Any]) -> int:
        """Raises `RecordRefused`, and what else fails before anything was changed."""
        try:
            made = await creating.create(self._context, self._account, given)
        except DatabaseUnavailable as failure:
            raise self._writes.refused(failure) from failure
        if isinstance(made, SetError):
            raise RecordRefused(made)
        return made

    async def _record(self, made: int) -> dict[str, Any]:
        """Its id at least: it may be forgotten already, or not be readable now."""
        sent = None
        with suppress(DatabaseUnavailable):
            sent = await self._context.world.database.read(_get, self._account, made)
        return view.record(sent) if sent else {"id": object_id.of_submission(made)}

    async def _update(self, key: str, patch: dict[str, Any]) -> None:
        try:
            self._outcome.updated[key], email = await self._writes.one(
                lambda tx: _update(tx, self._account, key, patch, self._context)
            )
            self._succeeded[key] = email
        except RecordRefused as refused:
            self._outcome.not_updated[key] = refused.error

    async def _destroy(self, key: str) -> None:
        try:
            self._succeeded[key] = await self._writes.one(lambda tx: _destroy(tx, self._account, key))
            self._outcome.destroyed.append(key)
        except RecordRefused as refused:
            self._outcome.not_destroyed[key] = refused.error

    def _implied(self) -> dict[str, Any]:
        """The arguments of the Email/set; none where nothing is to be done."""
        known = self._context.created.known
        update: dict[str, dict[str, Any]] = {}
        for reference, patch in (self._call.on_success_update_email or {}).items():
            email = self._succeeded.get(known(reference))
            if email is not None:  # of two submissions of one email, both are done
                name = object_id.of_email(email)
                update[name] = {**update.get(name, {}), **patch}
        destroy = [
            object_id.of_email(email)
            for reference in self._call.on_success_destroy_email or ()
            if (email := self._succeeded.get(known(reference))) is not None
        ]
        implied: dict[str, Any] = {}
        if update:
            implied["update"] = update
        if destroy:
            implied["destroy"] = list(dict.fromkeys(destroy))
        return implied


# --- in a transaction


def _state(tx: Transaction, account: AccountId) -> str:
    return view.state(submissions.state(tx, account))


def _get(tx: Transaction, account: AccountId, number: int | None) -> Sent | None:
    found = submissions.get(tx, account, [number]) if number is not None else []
    return found[0] if found else None


def _found(tx: Transaction, account: AccountId, key: str) -> Sent:
    """Raises `RecordRefused`."""
    found = _get(tx, account, object_id.submission(key))
    if found is None:
        raise RecordRefused(errors.NOT_FOUND)
    return found


def _update(
    tx: Transaction, account: AccountId, key: str, patch: dict[str, Any], context: Context
) -> tuple[dict[str, Any] | None, EmailId]:
    """What has changed besides, and the email. Raises `RecordRefused`."""
    sent = _found(tx, account, key)
    record = view.record(sent)
    table = RESCHEDULED if SCHEDULED in context.using else EMAIL_SUBMISSION
    values = table.update(lambda names: {name: record[name] for name in names}, patch, context.limits)
    if isinstance(values, SetError):
        raise RecordRefused(values)
    match values:
        case {"sendAt": at, **others} if not others:
            _reschedule(tx, account, sent, at, now_ms=context.world.clock.now_ms())
            after = view.record(_found(tx, account, key))
            return None if after["sendAt"] == at else {"sendAt": after["sendAt"]}, sent.email
        case {"undoStatus": status, **others}:
            if status != CANCELED:
                raise RecordRefused(errors.invalid_properties(["undoStatus"], "It can only become canceled"))
            if others:
                raise RecordRefused(
                    errors.invalid_properties([*others], "It can't be canceled and sent at another time")
                )
            if not tracking.cancel(tx, account, sent.id):
                raise RecordRefused(CANNOT_UNSEND)
            after = view.record(_found(tx, account, key))
            return {"deliveryStatus": after["deliveryStatus"]}, sent.email
    return None, sent.email


def _reschedule(tx: Transaction, account: AccountId, sent: Sent, at: str, *, now_ms: int) -> None:
    """Raises `RecordRefused`."""
    until_ms = (milliseconds(at) or 0) // 1000 * 1000
    if not scheduled.is_allowed(until_ms=until_ms, now_ms=now_ms):
        raise RecordRefused(errors.invalid_properties(["sendAt"], "The time has passed, or is too far ahead"))
    if not tracking.reschedule(tx, account, sent.id, until_ms=until_ms):
        raise RecordRefused(CANNOT_RESCHEDULE)


def _destroy(tx: Transaction, account: AccountId, key: str) -> EmailId:
    """The email. Raises `RecordRefused`."""
    sent = _found(tx, account, key)
    tracking.destroy(tx, account, sent.id)
    return sent.email
