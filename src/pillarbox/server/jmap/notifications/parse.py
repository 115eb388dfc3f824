"""MDN/parse (RFC 9007 §2.2): blobs as notifications."""

from typing import Any, Final

from pillarbox.mail import disposition_reading, object_id
from pillarbox.mail.disposition_reading import MAX_OCTETS
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.types import mdn
from pillarbox.protocol.jmap.types.mdn import MdnParseArguments
from pillarbox.queue import submissions
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import MAX_READ_OCTETS, FoundBlob
from pillarbox.server.jmap.context import Context
from pillarbox.store import emails
from pillarbox.store.by_ids import TooMuchToRead as TooManyMessages
from pillarbox.world.database import Transaction

_TOO_MUCH: Final = "Parse fewer messages at once"
_MOST_MESSAGES: Final = 1_000


async def parse(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.2. What is beyond `MAX_OCTETS` of a blob is not looked at."""
    call = arguments.read(MdnParseArguments, given)
    account = context.account_id(given)
    parsed: dict[str, Any] = {}
    not_parsable: list[str] = []
    not_found: list[str] = []
    finder, left_octets = BlobFinder(context, account), context.limits.max_parsed_octets
    for blob_id in arguments.wanted(call.blob_ids, context.created, context.limits):
        await context.give_way()
        try:
            blob = await finder.find(blob_id)
        except TooMuchToRead:
            raise errors.request_too_large(_TOO_MUCH) from None
        if blob is None:
            not_found.append(blob_id)
            continue
        with blob:
            left_octets -= min(blob.size, MAX_OCTETS)
            if left_octets < 0:
                raise errors.request_too_large(_TOO_MUCH)
            found = await _read(context, blob)
        if found is None:
            not_parsable.append(blob_id)
            continue
        about = await context.world.database.read(_sent, account, found.original_message_id)
        parsed[blob_id] = mdn.record(found, None if about is None else object_id.of_email(about))
    return {
        "accountId": call.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


async def _read(context: Context, blob: FoundBlob) -> disposition_reading.ReceivedNotification | None:
    world = context.world
    octets = min(blob.size, MAX_OCTETS)
    with await world.memory.accounts.whole.reserve(octets):
        pieces = [await blob.read(at, octets) for at in range(0, octets, MAX_READ_OCTETS)]
        # Some ten kilobytes take a millisecond: everything beside a short one is read in a thread
        return await world.aside.run(disposition_reading.read, b"".join(pieces))


def _sent(tx: Transaction, account: AccountId, message_id: str | None) -> EmailId | None:
    """The email with this id, of those that were sent from here: of these alone it is known without searching."""
    number = message_id and submissions.reported_by(tx, account, envelope_id=None, message_id=message_id)
    sent = submissions.get(tx, account, [number]) if number else []
    if not sent:
        return None
    try:
        there = emails.by_id(tx, account, [sent[0].email], most=_MOST_MESSAGES)
    except TooManyMessages:
        return sent[0].email
    return sent[0].email if there else None
