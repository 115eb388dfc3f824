"""Email/copy (RFC 8621 §4.7): from one account to another. The octets are the same, and are kept once more."""

from typing import Any

from pillarbox.delivery.summarizing import LONG_OCTETS, summary_of
from pillarbox.mail import flags, object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.arguments import CopyArguments
from pillarbox.protocol.jmap.email.keywords import flag_of, keywords
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.email import EMAIL_COPY
from pillarbox.server.jmap.context import Context, Named
from pillarbox.server.jmap.emails.drafts import kept
from pillarbox.server.jmap.emails.reading import EmailReader
from pillarbox.server.jmap.emails.storing import Storing
from pillarbox.server.jmap.emails.work import Creation
from pillarbox.store import states
from pillarbox.store.append import Arrival, Message
from pillarbox.store.email_reading import Found, Part, Wanted
from pillarbox.world.blobs import Blob, PreparedBlob


async def copy(context: Context, given: dict[str, Any]) -> list[Named]:
    """RFC 8621 §4.7, and the Email/set that it implies (RFC 8620 §5.4)."""
    call = arguments.read(CopyArguments, given)
    call.check(context.limits)
    account, origin = context.account_id(given), context.account_id(given, "fromAccountId")
    if call.on_success_destroy_original and context.accesses[call.from_account_id].is_read_only:
        raise errors.MethodError(errors.ACCOUNT_READ_ONLY)
    storing = Storing(context, account, call.if_in_state)
    await storing.check_state()
    if call.if_from_in_state is not None:
        current = await context.world.database.read(states.read, origin)
        if current.email.text != call.if_from_in_state:
            raise errors.state_mismatch()
    originals: dict[str, str] = {}
    with storing.preparing():
        for key, record in call.create.items():
            await context.give_way()
            original = arguments.copied_id(record, context.created)
            made = (
                await _creation(context, origin, key, original, record)
                if isinstance(original, str)
                else original
            )
            if isinstance(made, SetError):
                storing.outcome.not_created[key] = made
            else:
                originals[key] = str(original)
                await storing.create(made)
    await storing.finish()
    outcome = storing.outcome
    answer = outcome.copy_response(
        call.from_account_id, call.account_id, storing.old_state, storing.new_state
    )
    answers: list[Named] = [("Email/copy", answer)]
    if call.on_success_destroy_original and outcome.created:
        destroy = {
            "accountId": call.from_account_id,
            "ifInState": call.destroy_from_if_in_state,
            "destroy": [*dict.fromkeys(originals[key] for key in outcome.created)],
        }
        answers += await context.implicit("Email/set", destroy)
    return answers


async def _creation(
    context: Context, origin: AccountId, key: str, original: str, record: dict[str, Any]
) -> Creation | SetError:
    resolved = context.created.resolve(record, EMAIL_COPY.references)
    properties = resolved if isinstance(resolved, SetError) else EMAIL_COPY.create(resolved)
    if isinstance(properties, SetError):
        return properties
    place = kept(properties)
    if isinstance(place, SetError):
        return place
    email = object_id.email(original)
    reader = EmailReader(context, origin, Wanted(part=Part.ALL))
    async for found in reader.emails([] if email is None else [email]):
        stored = Blob(found.digest, found.email.size)
        message = await _message(context, found, stored)
        text = place.flags if "keywords" in record else _own_flags(found.email.flags)
        received_at_ms = place.received_at_ms
        if received_at_ms is None:
            received_at_ms = found.email.received_at_ms
        return Creation(key, place.mailboxes, Arrival(message, text, received_at_ms), is_stored=True)
    return errors.NOT_FOUND


async def _message(context: Context, found: Found, stored: Blob) -> Message:
    world = context.world
    blob = PreparedBlob(stored, None)
    if found.octets is not None:
        return Message(blob, await summary_of(found.octets, world.aside))
    with await world.memory.accounts.whole.reserve(max(stored.size, LONG_OCTETS)):
        octets = await world.database.read_in_thread(world.blobs.read, stored.digest)
        return Message(blob, await summary_of(octets, world.aside))


def _own_flags(stored: str) -> str:
    """The flags of the original that are keywords of JMAP."""
    return flags.canonical(map(flag_of, keywords(stored)))
