"""ContactCard/get and /changes: RFC 9610 §3.1, §3.2."""

from collections.abc import Sequence
from typing import Any

import msgspec

from pillarbox.contacts import cards
from pillarbox.contacts.cards import Card
from pillarbox.contacts.log import Kind
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, CardId
from pillarbox.protocol.jmap import arguments, responses
from pillarbox.protocol.jmap.arguments import GetArguments
from pillarbox.protocol.jmap.types import contact_card
from pillarbox.protocol.jmap.types.contact_card import BOOKS, ID
from pillarbox.server.jmap.contacts import states
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.get import Listing
from pillarbox.world.database import Transaction


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.1."""
    call = arguments.read(GetArguments, given)
    properties = contact_card.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    account, most = context.account_id(given), context.limits.max_objects_in_get
    state, ids = await context.world.database.read(_start, account, most + 1 if wanted is None else 0)
    if len(ids) > most:
        raise arguments.too_many_to_get(context.limits)
    names = [object_id.of_card(card) for card in ids] if wanted is None else wanted
    listing, found = Listing(context), dict[str, msgspec.Raw]()
    left: Sequence[CardId] = [card for name in names if (card := object_id.card(name)) is not None]
    while left:
        some, left = await context.world.database.read(cards.get, account, left)
        for one in some:
            found[object_id.of_card(one.id)] = await listing.take(_rendered(one, properties))
        await context.give_way()
    records = [found[name] for name in names if name in found]
    return responses.get(call.account_id, state, records, [name for name in names if name not in found])


def _start(tx: Transaction, account: AccountId, most: int) -> tuple[str, list[CardId]]:
    return states.of_cards(tx, account), cards.some_ids(tx, account, most) if most else []


def _rendered(card: Card, properties: Sequence[str] | None) -> bytes:
    own = {ID: object_id.of_card(card.id), BOOKS: books_of(card)}
    content = cards.decoded(card, dict[str, msgspec.Raw])
    if properties is None:
        return msgspec.json.encode({**own, **content})
    picked: dict[str, Any] = {
        name: own.get(name, content.get(name)) for name in properties if name in own or name in content
    }
    return msgspec.json.encode(picked)


def books_of(card: Card) -> dict[str, bool]:
    """`addressBookIds`."""
    return {object_id.of_address_book(book): True for book in card.books}


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§3.2."""
    return await states.changes(context, given, Kind.CARD, object_id.of_card)
