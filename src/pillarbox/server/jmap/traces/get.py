"""MessageTrace/get: for the ids of emails. It changes nothing, and looks at nothing but rows and the header."""

from functools import partial
from typing import Any, Final

import msgspec

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import GetArguments
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.protocol.jmap.types.message_trace import MESSAGE_TRACE, OF_HEADER
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.reading import EmailReader, named
from pillarbox.server.jmap.traces import hops, verdicts
from pillarbox.server.jmap.traces import sent as sent_mail
from pillarbox.store import authentication
from pillarbox.store.email_reading import Found, Part, Wanted
from pillarbox.world.database import Transaction

MAX_OBJECTS: Final = 50
"""Emails of one call: each may have a hundred hops."""


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """The traces of some emails; `state` is that of emails."""
    call = arguments.read(GetArguments, given)
    properties = MESSAGE_TRACE.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    if wanted is None:
        raise errors.invalid_arguments("'ids' names the emails")
    if len(wanted) > MAX_OBJECTS:
        raise errors.request_too_large(f"More than {MAX_OBJECTS} objects")
    account, asked = context.account_id(given), named(wanted)
    part = Part.NOTHING if OF_HEADER.isdisjoint(properties) else Part.HEADER
    reader = EmailReader(context, account, Wanted(part=part))
    room, records = context.room_octets, dict[EmailId, msgspec.Raw]()
    async for found in reader.emails(asked.ids):
        record = await _record(context, reader, account, found, properties)
        octets = msgspec.json.encode({name: record[name] for name in properties})
        room -= len(octets)
        if room < 0:
            raise errors.request_too_large("The response would be too large: ask for less at once")
        records[found.email.id] = msgspec.Raw(octets)
        await context.give_way()
    listed = [records[email] for email in asked.ids if email in records]
    return responses.get(call.account_id, reader.state, listed, asked.missing({*records}))


def _kept(
    tx: Transaction, account: AccountId, found: Found, *, sent: bool
) -> tuple[authentication.Kept, list[dict[str, Any]]]:
    submitted = sent_mail.told(tx, account, found.email.id, found.digest) if sent else []
    return authentication.kept(tx, found.email.id), submitted


async def _record(
    context: Context, reader: EmailReader, account: AccountId, found: Found, properties: tuple[str, ...]
) -> dict[str, Any]:
    database, email = context.world.database, found.email
    kept, submitted = await database.read_in_thread(_kept, account, found, sent="submissions" in properties)
    record: dict[str, Any] = {
        "id": object_id.of_email(email.id),
        "receivedAt": utc_date(email.received_at_ms),
        "authentication": verdicts.told(kept.results),
        "submissions": submitted,
    }
    if not OF_HEADER.isdisjoint(properties):
        record |= await reader.work(found, partial(hops.told, is_received=kept.received))
        name = verdicts.name_of_client(kept.results)
        if name and record["client"]:
            record["client"]["name"] = name
    return record
