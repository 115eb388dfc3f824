"""Email/get (RFC 8621 §4.2).

What a listing shows is made of rows alone. Of what needs the message, as much is read as the wanted properties need.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.blobs.blob_id import of_message
from pillarbox.protocol.jmap.email.body_values import Room
from pillarbox.protocol.jmap.email.email_row import EmailRow, Known, Signature
from pillarbox.protocol.jmap.email.message import Source
from pillarbox.protocol.jmap.email.plan import AT_ONCE_OCTETS, Plan, body_arguments
from pillarbox.protocol.jmap.types.email import EmailGetArguments
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.reading import EmailReader, Named, named
from pillarbox.server.jmap.emails.signed import SignatureReader
from pillarbox.store import email_reading, signature_verdicts
from pillarbox.store.email_reading import Found, Part, Wanted
from pillarbox.store.fetch import Column
from pillarbox.trust.smime.kinds import UNKNOWN
from pillarbox.world.memory import UNCOUNTED_OCTETS

_COLUMNS: Final = {
    Known.LINES: Column.CACHED_FIELDS,
    Known.PREVIEW: Column.PREVIEW,
    Known.HAS_ATTACHMENT: Column.HAS_ATTACHMENT,
    Known.SIGNATURE: Column.CACHED_FIELDS,
}
"""What of `Known` is a column; the rest comes with every email."""
_PARTS: Final = {Source.ROW: Part.NOTHING, Source.HEADER: Part.HEADER, Source.BODY: Part.ALL}


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.2."""
    call = arguments.read(EmailGetArguments, given)
    plan = Plan.of_get(call.properties, body_arguments(call), context.using)
    account = context.account_id(given)
    wanted = call.wanted(context.created, context.limits)
    asked = Named(await _all(context, account), ()) if wanted is None else named(wanted)
    listing = Listing(context)
    reader, rendered = await listing.add(account, asked.ids, plan)
    records = [rendered[email] for email in asked.ids if email in rendered]
    return responses.get(call.account_id, reader.state, records, asked.missing({*rendered}))


async def _all(context: Context, account: AccountId) -> list[EmailId]:
    most = context.limits.max_objects_in_get
    ids = await context.world.database.read_in_thread(email_reading.some_ids, account, most + 1)
    if len(ids) > most:
        raise arguments.too_many_to_get(context.limits)
    return ids


class Listing:
    """Renders emails, as long as the response may become longer. What it makes is held in the memory budget."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._room_octets = context.room_octets
        self._uncounted = 0
        self.room = Room()
        """What the texts of all may have."""

    async def add(
        self, account: AccountId, ids: Sequence[EmailId], plan: Plan
    ) -> tuple[EmailReader, dict[EmailId, msgspec.Raw]]:
        """Those of the emails that are there, and who has read them. Raises requestTooLarge."""
        reader = EmailReader(self._context, account, wanted_of(plan))
        signatures = SignatureReader(self._context, account)
        rendered: dict[EmailId, msgspec.Raw] = {}
        async for found in reader.emails(ids):
            signature = None
            if Known.SIGNATURE in plan.known:
                signature = _signature(await signatures.of(found, found.columns[-1]))
            rendered[found.email.id] = await self.take(await self._render(reader, found, plan, signature))
        return reader, rendered

    async def take(self, octets: bytes) -> msgspec.Raw:
        """Count what was rendered. Raises requestTooLarge, `MemoryScarce`."""
        self._room_octets -= len(octets)
        if self._room_octets < 0:
            raise errors.request_too_large("The response would be too large: ask for less at once")
        self._uncounted += len(octets)
        if self._uncounted > UNCOUNTED_OCTETS:
            uncounted, self._uncounted = self._uncounted, 0
            await self._context.memory.grow(uncounted)
        return msgspec.Raw(octets)

    async def _render(
        self, reader: EmailReader, found: Found, plan: Plan, signature: Signature | None
    ) -> bytes:
        row = row_of(found, plan, signature)
        if plan.source:
            return await reader.work(found, lambda octets: plan.render(row, octets, self.room))
        if len(row.lines) > AT_ONCE_OCTETS:
            return await self._context.world.aside.run(plan.render, row)
        return plan.render(row)


def _signature(found: signature_verdicts.Found | None) -> Signature | None:
    if found is None:
        return None
    verified_at_ms = None if found.status == UNKNOWN else found.verified_at_ms
    return Signature(found.status, found.at_delivery, found.errors, verified_at_ms)


def wanted_of(plan: Plan) -> Wanted:
    """What has to be read of each email."""
    columns = [_COLUMNS[known] for known in _COLUMNS if known in plan.known]
    return Wanted(tuple(columns), _PARTS[plan.source], Known.SNOOZE in plan.known)


def row_of(found: Found, plan: Plan, signature: Signature | None = None) -> EmailRow:
    """What was read, as it is rendered."""
    email, columns = found.email, iter(found.columns)
    known = plan.known
    return EmailRow(
        of_message(found.digest),
        email.size,
        email.id,
        email.thread,
        email.mailboxes if Known.MAILBOXES in known else (),
        email.flags if Known.FLAGS in known else "",
        email.received_at_ms,
        next(columns) if Known.LINES in known else b"",
        next(columns) if Known.PREVIEW in known else None,
        bool(next(columns)) if Known.HAS_ATTACHMENT in known else None,
        signature,
        found.snooze,
    )
