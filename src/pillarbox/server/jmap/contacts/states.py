"""The states of AddressBook and ContactCard, and what has changed since one (RFC 8620 §5.2)."""

from collections.abc import Callable
from typing import Any

from pillarbox.contacts import log
from pillarbox.contacts.log import CannotCalculateChanges, Kind, Logged
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments
from pillarbox.server.jmap import changes_page
from pillarbox.server.jmap.changes_page import ChangesPage
from pillarbox.server.jmap.context import Context
from pillarbox.world.database import Transaction


def of_books(tx: Transaction, account: AccountId) -> str:
    """The state of AddressBook."""
    return str(log.states(tx, account).book)


def of_cards(tx: Transaction, account: AccountId) -> str:
    """The state of ContactCard."""
    return str(log.states(tx, account).card)


def pushed(tx: Transaction, account: AccountId) -> dict[str, str]:
    """Both, by type."""
    book, card = log.states(tx, account)
    return {"AddressBook": str(book), "ContactCard": str(card)}


def since(text: str) -> ModSeq:
    """A state that a client has. Raises cannotCalculateChanges where it was never given."""
    found = log.parse_state(text)
    if found is None:
        raise errors.cannot_calculate_changes()
    return found


async def changes(
    context: Context, given: dict[str, Any], kind: Kind, name: Callable[[Any], str]
) -> dict[str, Any]:
    """The answer to a /changes. `name`: how clients have an id."""
    call = arguments.read(ChangesArguments, given)
    before = since(call.since_state)
    most = min(call.max_changes or context.limits.max_objects_in_get, context.limits.max_objects_in_get)
    now, told = await context.world.database.read_in_thread(
        _told, context.account_id(given), kind, before, most
    )
    return responses.changes(
        call.account_id,
        call.since_state,
        str(now if told.until is None else told.until),
        created=map(name, told.created),
        updated=map(name, told.updated),
        destroyed=map(name, told.destroyed),
        has_more=told.until is not None,
    )


def _told(
    tx: Transaction, account: AccountId, kind: Kind, before: ModSeq, most: int
) -> tuple[ModSeq, ChangesPage[int]]:
    now, logged = changed(tx, account, kind, before)
    return now, changes_page.page(logged, before, most)


def changed(tx: Transaction, account: AccountId, kind: Kind, before: ModSeq) -> tuple[ModSeq, list[Logged]]:
    """The state now, and what has changed since another. Raises cannotCalculateChanges."""
    try:
        return log.states(tx, account).of(kind), log.changes(tx, account, kind, before)
    except CannotCalculateChanges:
        raise errors.cannot_calculate_changes() from None
