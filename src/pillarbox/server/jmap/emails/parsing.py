"""Email/parse (RFC 8621 §4.9): blobs as emails, which need not be stored as such."""

from functools import partial
from typing import Any, Final

import msgspec

from pillarbox.protocol.jmap import arguments, errors
from pillarbox.protocol.jmap.email.parsing import parse_blob
from pillarbox.protocol.jmap.email.plan import AT_ONCE_OCTETS, Plan, body_arguments
from pillarbox.protocol.jmap.types.email import EmailParseArguments
from pillarbox.server.jmap.blob_finder import BlobFinder, TooMuchToRead
from pillarbox.server.jmap.blobs import FoundBlob
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.get import Listing

_TOO_MUCH: Final = "Parse fewer messages at once"


async def parse(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §4.9. A blob that is larger than a message may be is not looked at, and so not parsable."""
    call = arguments.read(EmailParseArguments, given)
    plan = Plan.of_parse(call.properties, body_arguments(call))
    wanted = arguments.wanted(call.blob_ids, context.created, context.limits)
    listing = Listing(context)
    parsed: dict[str, msgspec.Raw] = {}
    not_parsable: list[str] = []
    not_found: list[str] = []
    finder, left_octets = BlobFinder(context, context.account_id(given)), context.limits.max_parsed_octets
    for blob_id in wanted:
        await context.give_way()
        try:
            found = await finder.find(blob_id)
        except TooMuchToRead:
            raise errors.request_too_large(_TOO_MUCH) from None
        if found is None:
            not_found.append(blob_id)
            continue
        with found:
            left_octets -= found.size
            if left_octets < 0 and left_octets + found.size < context.limits.max_parsed_octets:
                raise errors.request_too_large(_TOO_MUCH)
            rendered = await _parsed(context, listing, found, plan)
        if rendered is None:
            not_parsable.append(blob_id)
        else:
            parsed[blob_id] = await listing.take(rendered)
    return {
        "accountId": call.account_id,
        "parsed": parsed or None,
        "notParsable": not_parsable or None,
        "notFound": not_found or None,
    }


async def _parsed(context: Context, listing: Listing, found: FoundBlob, plan: Plan) -> bytes | None:
    world = context.world
    if found.size > context.config.limits.message_octets:
        return None
    if found.size <= AT_ONCE_OCTETS:
        return parse_blob(await found.whole(found.size), found.id, plan, listing.room)
    with await world.memory.accounts.whole.reserve(found.size):
        octets = await found.whole(found.size)
        return await world.aside.run(partial(parse_blob, octets, found.id, plan, listing.room))
