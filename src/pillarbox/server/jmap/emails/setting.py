"""Email/set (RFC 8621 §4.6)."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.capabilities import UNDO
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.ids import MARK
from pillarbox.protocol.jmap.types.undo import UndoableSetArguments
from pillarbox.server.jmap.blob_finder import BlobFinder
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails import drafts, updates
from pillarbox.server.jmap.emails.storing import Storing
from pillarbox.server.jmap.emails.undo import new_undoable
from pillarbox.server.jmap.emails.updates import Asked

VALUES_AT_ONCE: Final = 64
"""What updates say that are looked at together: some fifth of a millisecond."""


async def set_emails(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.6: what is created comes first, then what is updated, then what is destroyed (RFC 8620 §5.3)."""
    undoable = None
    if UNDO in context.using:
        call: SetArguments = (asked := arguments.read(UndoableSetArguments, given))
        if asked.undoable:
            undoable = new_undoable(context)
    else:
        call = arguments.read(SetArguments, given)
    call.check(context.limits)
    account = context.account_id(given)
    storing = Storing(context, account, call.if_in_state, undoable)
    await storing.check_state()
    finder = BlobFinder(context, account)
    with storing.preparing():
        for key, properties in (call.create or {}).items():
            await context.give_way()
            made = await drafts.creation(context, finder, key, properties)
            if isinstance(made, SetError):
                storing.outcome.not_created[key] = made
            else:
                await storing.create(made)
        destroyed = _destroyed(context, storing, call.destroy or [])
        changes = await _changes(context, account, storing, call.update or {}, {*destroyed.values()})
    snoozes = {reference: asked.snoozed for reference, asked in changes.items() if asked.snoozed}
    updated = {reference: asked.change for reference, asked in changes.items()}
    await storing.finish(updated, destroyed, snoozes)
    response = storing.outcome.set_response(call.account_id, storing.old_state, storing.new_state)
    return response if undoable is None else {**response, "undoToken": storing.undo_token}


def _email(context: Context, storing: Storing, reference: str) -> EmailId | None:
    """The email that is meant, which may be one that is about to be created; `None` where there is no such id."""
    if reference.startswith(MARK) and (place := storing.place_of(reference[1:])) is not None:
        return place
    return object_id.email(context.created.known(reference))


def _destroyed(context: Context, storing: Storing, references: list[str]) -> dict[str, EmailId]:
    destroyed: dict[str, EmailId] = {}
    known: set[EmailId] = set()
    for reference in references:
        email = _email(context, storing, reference)
        if email is None:
            storing.outcome.not_destroyed[context.created.known(reference)] = errors.NOT_FOUND
        elif email not in known:
            known.add(email)
            destroyed[reference] = email
    return destroyed


async def _changes(
    context: Context,
    account: AccountId,
    storing: Storing,
    given: Mapping[str, Mapping[str, Any]],
    destroyed: set[EmailId],
) -> dict[str, Asked]:
    changes: dict[str, Asked] = {}
    values = 0
    for reference, patch in given.items():
        values += 1 + len(patch) + sum(len(value) for value in patch.values() if isinstance(value, dict))
        if values > VALUES_AT_ONCE:
            await context.give_way()
            values = 0
        found = await _change(context, account, storing, reference, patch, destroyed)
        if isinstance(found, SetError):
            storing.outcome.not_updated[context.created.known(reference)] = found
        else:
            changes[reference] = found
    return changes


async def _change(
    context: Context,
    account: AccountId,
    storing: Storing,
    reference: str,
    patch: Mapping[str, Any],
    destroyed: set[EmailId],
) -> Asked | SetError:
    email = _email(context, storing, reference)
    if email is None:
        return errors.NOT_FOUND
    if email in destroyed:
        return errors.WILL_DESTROY
    asked = updates.read(context, email, patch)
    if isinstance(asked, SetError):
        return asked
    if asked.fixed and (wrong := await updates.check_fixed(context, account, asked)) is not None:
        return wrong
    return asked
