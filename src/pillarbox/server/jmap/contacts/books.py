"""AddressBook/get, /changes and /set: RFC 9610 §2."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.contacts import books, emptying
from pillarbox.contacts.books import AddressBook, Settings
from pillarbox.contacts.log import Kind
from pillarbox.contacts.refusal import ContactsRefused
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, AddressBookId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import GetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.address_book import (
    ADDRESS_BOOK,
    AddressBookSetArguments,
    rights,
    sharing_is_forbidden,
)
from pillarbox.server.jmap.accounts import permitted
from pillarbox.server.jmap.contacts import states
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.world.database import Transaction


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.1."""
    call = arguments.read(GetArguments, given)
    properties = ADDRESS_BOOK.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    state, listed = await context.world.database.read(_read, context.account_id(given))
    records = {object_id.of_address_book(one.id): _record(one) for one in listed}
    ids = tuple(records) if wanted is None else wanted
    found = [{name: records[key][name] for name in properties} for key in ids if key in records]
    found = permitted(context.accesses[call.account_id], found)
    return responses.get(call.account_id, state, found, [key for key in ids if key not in records])


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.2."""
    return await states.changes(context, given, Kind.BOOK, object_id.of_address_book)


def _read(tx: Transaction, account: AccountId) -> tuple[str, list[AddressBook]]:
    return states.of_books(tx, account), books.listing(tx, account)


# --- /set


async def set_books(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§2.3."""
    call = arguments.read(AddressBookSetArguments, given)
    call.check(context.limits)
    return await _Set(context, call, context.account_id(given)).run()


class _Set:
    """One call."""

    def __init__(self, context: Context, call: AddressBookSetArguments, account: AccountId) -> None:
        self._context, self._call, self._account = context, call, account
        self._outcome = SetOutcome()
        self._writes = GuardedWrites(context, account, call, states.of_books)

    async def run(self) -> dict[str, Any]:
        new_state = await self._writes.all(self._carry_out)
        return self._outcome.set_response(self._call.account_id, self._writes.old_state, new_state)

    async def _carry_out(self) -> None:
        call, known = self._call, self._context.created.known
        for creation, record in (call.create or {}).items():
            await self._create(creation, record)
        destroyed = dict.fromkeys(map(known, call.destroy or ()))
        for reference, patch in (call.update or {}).items():
            await self._update(known(reference), patch, destroyed)
        for key in dict.fromkeys(map(known, call.destroy or ())):
            await self._destroy(key)
        outcome = self._outcome
        if not (outcome.not_created or outcome.not_updated or outcome.not_destroyed):
            await self._set_default()

    async def _create(self, creation: str, given: dict[str, Any]) -> None:
        record = sharing_is_forbidden(given) or ADDRESS_BOOK.create(given)
        if isinstance(record, SetError):
            self._outcome.not_created[creation] = record
            return
        settings = _settings(record)
        try:
            book = await self._writes.one(lambda tx: books.create(tx, self._account, settings))
        except (ContactsRefused, RecordRefused) as refused:
            self._outcome.not_created[creation] = error_of(refused)
            return
        key = object_id.of_address_book(book)
        self._context.created.add(creation, key)
        set_by_server = {"id": key, **_of_default(is_default=False)}
        self._outcome.created[creation] = {**set_by_server, **ADDRESS_BOOK.omitted(given)}

    async def _update(self, key: str, patch: dict[str, Any], destroyed: Mapping[str, None]) -> None:
        try:
            if key in destroyed:
                raise RecordRefused(errors.WILL_DESTROY)
            await self._writes.one(lambda tx: _update(tx, self._account, key, patch, self._context.limits))
            self._outcome.updated[key] = None
        except (ContactsRefused, RecordRefused) as refused:
            self._outcome.not_updated[key] = error_of(refused)

    async def _destroy(self, key: str) -> None:
        book = object_id.address_book(key)
        try:
            if book is None:
                raise RecordRefused(errors.NOT_FOUND)
            if self._call.on_destroy_remove_contents:
                await self._destroy_with_contents(book)
            else:
                await self._writes.one(lambda tx: books.destroy(tx, self._account, book))
            self._outcome.destroyed.append(key)
        except (ContactsRefused, RecordRefused) as refused:
            self._outcome.not_destroyed[key] = error_of(refused)

    async def _destroy_with_contents(self, book: AddressBookId) -> None:
        account = self._account
        while not await self._writes.one(
            lambda tx: emptying.destroy_with_contents(tx, account, book), in_thread=True
        ):
            pass

    async def _set_default(self) -> None:
        """What can't be the default one is ignored (§2.3)."""
        reference = self._call.on_success_set_is_default
        key = reference and self._context.created.known(reference)
        book = object_id.address_book(key) if key else None
        if key is None or book is None:
            return
        before = await self._writes.one(lambda tx: books.set_default(tx, self._account, book))
        if before is None:
            return
        self._tell(object_id.of_address_book(before), _of_default(is_default=False))
        self._tell(key, _of_default(is_default=True))

    def _tell(self, key: str, values: dict[str, Any]) -> None:
        """What of a record has changed though the client did not say so."""
        outcome = self._outcome
        for creation, record in outcome.created.items():
            if record["id"] == key:
                outcome.created[creation] = {**record, **values}
                return
        outcome.updated[key] = {**(outcome.updated.get(key) or {}), **values}


def _update(tx: Transaction, account: AccountId, key: str, patch: dict[str, Any], limits: Limits) -> None:
    """Raises `RecordRefused`, `ContactsRefused`."""
    book = object_id.address_book(key)
    found = next((one for one in books.listing(tx, account) if one.id == book), None)
    if book is None or found is None:
        raise RecordRefused(errors.NOT_FOUND)
    record = _record(found)
    values = sharing_is_forbidden(patch) or ADDRESS_BOOK.update(
        lambda names: {name: record[name] for name in names}, patch, limits
    )
    if isinstance(values, SetError):
        raise RecordRefused(values)
    if values:
        books.update(tx, account, book, _settings(values))


def error_of(refused: ContactsRefused | RecordRefused) -> SetError:
    """As clients are told."""
    if isinstance(refused, RecordRefused):
        return refused.error
    extra = {"properties": list(refused.properties)} if refused.properties else {}
    return SetError(refused.type, refused.description, extra)


# --- properties

_SETTINGS: Final = {
    "name": "name",
    "description": "description",
    "sortOrder": "sort_order",
    "isSubscribed": "is_subscribed",
}


def _record(book: AddressBook) -> dict[str, Any]:
    return {
        "id": object_id.of_address_book(book.id),
        **{name: getattr(book, ours) for name, ours in _SETTINGS.items()},
        "shareWith": None,
        **_of_default(is_default=book.is_default),
    }


def _of_default(*, is_default: bool) -> dict[str, Any]:
    return {"isDefault": is_default, "myRights": rights(is_default=is_default)}


def _settings(values: Mapping[str, Any]) -> Settings:
    """Of values that the table has checked."""
    return Settings(**{ours: values[name] for name, ours in _SETTINGS.items() if name in values})
