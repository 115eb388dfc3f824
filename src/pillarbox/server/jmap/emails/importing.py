"""Email/import (RFC 8621 §4.8).

The same message may be imported again: it becomes another email. §4.8 would allow to refuse it, but an account may
well have two messages with the same octets, as IMAP appends and copies them, and as they are delivered; so nobody can
rely on there being one, and what somebody sends to themselves must not be lost.
"""

from typing import Any

from msgspec import Struct

from pillarbox.delivery.summarizing import LONG_OCTETS, summary_of
from pillarbox.delivery.text_form import MEMORY_FACTOR, text_form
from pillarbox.mail import date
from pillarbox.mail.header import Header
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.email.parsing import is_parsable
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.types.email import EMAIL_IMPORT, EmailImportArguments, invalid_email
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import FoundBlob
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.drafts import MUCH_AT_ONCE, kept
from pillarbox.server.jmap.emails.storing import Storing
from pillarbox.server.jmap.emails.work import Creation
from pillarbox.store.append import Arrival, Message
from pillarbox.world.blobs import Blob, PreparedBlob


async def import_emails(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.8."""
    call = arguments.read(EmailImportArguments, given)
    if len(call.emails) > context.limits.max_objects_in_set:
        raise arguments.too_many_to_set(context.limits)
    account = context.account_id(given)
    storing = Storing(context, account, call.if_in_state)
    await storing.check_state()
    finder = BlobFinder(context, account)
    with storing.preparing():
        for key, properties in call.emails.items():
            await context.give_way()
            made = await _creation(context, finder, key, properties)
            if isinstance(made, SetError):
                storing.outcome.not_created[key] = made
            else:
                await storing.create(made)
    await storing.finish()
    response = storing.outcome.set_response(call.account_id, storing.old_state, storing.new_state)
    return {name: response[name] for name in ("accountId", "oldState", "newState", "created", "notCreated")}


async def _creation(
    context: Context, finder: BlobFinder, key: str, given: dict[str, Any]
) -> Creation | SetError:
    resolved = context.created.resolve(given, EMAIL_IMPORT.references)
    properties = resolved if isinstance(resolved, SetError) else EMAIL_IMPORT.create(resolved)
    if isinstance(properties, SetError):
        return properties
    place = kept(properties)
    if isinstance(place, SetError):
        return place
    try:
        found = await finder.find(properties["blobId"])
    except TooMuchToRead:
        return MUCH_AT_ONCE
    if found is None:
        return errors.invalid_properties(["blobId"], "The blob doesn't exist")
    most = context.config.limits.message_octets
    with found:
        if found.size > most:
            return errors.too_large("The message is too large", max_size=most)
        if found.size < LONG_OCTETS:
            read = await _message(context, found)
        else:
            with await context.world.memory.accounts.whole.reserve(found.size * MEMORY_FACTOR):
                read = await _message(context, found)
    if read is None:
        return invalid_email("The blob is no message")
    message, received_at_ms, is_stored = read
    if place.received_at_ms is not None:
        received_at_ms = place.received_at_ms
    return Creation(key, place.mailboxes, Arrival(message, place.flags, received_at_ms), is_stored)


async def _message(context: Context, found: FoundBlob) -> tuple[Message, int, bool] | None:
    """The message, when it was received, and whether its octets are stored already; None where it is no message."""
    world = context.world
    octets = await found.whole(found.size)
    is_short = found.size < LONG_OCTETS
    header = _Header.read(octets) if is_short else await world.aside.run(_Header.read, octets)
    if header is None:
        return None
    is_stored = found.digest is not None
    if found.digest is not None:
        before = blob = PreparedBlob(Blob(found.digest, found.size), None)
    else:
        writer = world.blobs.writer()
        try:
            if is_short:
                writer.write(octets)
            else:
                await world.aside.run(writer.write, octets)
            before = blob = (await writer.finish())[0]
        except BaseException:
            writer.abandon()
            raise
    blob, octets = await text_form(blob, octets, world.blobs)
    received_at_ms = world.clock.now_ms() if header.received_at_ms is None else header.received_at_ms
    message = Message(blob, await summary_of(octets, world.aside))
    return message, received_at_ms, is_stored and blob is before


class _Header(Struct, frozen=True):
    """What the header of a message says."""

    received_at_ms: int | None
    """The time in the topmost Received field, which is the most recent one (RFC 5321 §4.4)."""

    @classmethod
    def read(cls, octets: bytes) -> "_Header | None":
        """None where it is no message."""
        if not is_parsable(octets):
            return None
        received = Header.parse(octets)[0].first("Received")
        return cls(None if received is None else date.parse(received.rpartition(b";")[2]))
