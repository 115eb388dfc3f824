"""Identity: RFC 8621 §6. Which there are comes from the addresses that the account may send from."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.delivery import account_settings
from pillarbox.directory import identities
from pillarbox.directory.identities import (
    Addresses,
    CannotCalculateChanges,
    Identity,
    IdentityRefused,
    NamedAddress,
    Settings,
)
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import ChangesArguments, GetArguments, SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.types.identity import IDENTITY
from pillarbox.server.jmap import changes_page
from pillarbox.server.jmap.accounts import permitted
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.world.database import Transaction


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§6.1."""
    call = arguments.read(GetArguments, given)
    properties = IDENTITY.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    # In a thread: whether each of hundreds of addresses may be used is looked up
    state, listed = await context.world.database.read_in_thread(_read, context.account_id(given))
    records = {one.id: _record(one) for one in listed}
    ids = tuple(records) if wanted is None else wanted
    found = [{name: records[key][name] for name in properties} for key in ids if key in records]
    found = permitted(context.accesses[call.account_id], found)
    return responses.get(call.account_id, state, found, [key for key in ids if key not in records])


async def changes(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§6.2. Where addresses have come or gone, all has to be read again."""
    call = arguments.read(ChangesArguments, given)
    since = identities.read_state(call.since_state)
    if since is None:
        raise errors.cannot_calculate_changes()
    try:
        now, logged = await context.world.database.read_in_thread(_changes, context.account_id(given), since)
    except CannotCalculateChanges:
        raise errors.cannot_calculate_changes() from None
    told = changes_page.page(logged, since.modseq, call.max_changes or len(logged))
    until = now if told.until is None else now._replace(modseq=told.until)
    return responses.changes(
        call.account_id,
        call.since_state,
        until.text,
        created=told.created,
        updated=told.updated,
        destroyed=told.destroyed,
        has_more=told.until is not None,
    )


def _read(tx: Transaction, account: AccountId) -> tuple[str, list[Identity]]:
    return _state(tx, account), identities.listing(tx, account)


def _changes(
    tx: Transaction, account: AccountId, since: identities.State
) -> tuple[identities.State, list[identities.Logged]]:
    return identities.state(tx, account), identities.changes(tx, account, since)


def _state(tx: Transaction, account: AccountId) -> str:
    return identities.state(tx, account).text


# --- /set


async def set_identities(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§6.3."""
    call = arguments.read(SetArguments, given)
    call.check(context.limits)
    return await _Set(context, call, context.account_id(given)).run()


class _Set:
    """One call."""

    def __init__(self, context: Context, call: SetArguments, account: AccountId) -> None:
        self._context, self._call, self._account = context, call, account
        self._outcome = SetOutcome()
        self._writes = GuardedWrites(context, account, call, _state)

    async def run(self) -> dict[str, Any]:
        new_state = await self._writes.all(self._carry_out)
        return self._outcome.set_response(self._call.account_id, self._writes.old_state, new_state)

    async def _carry_out(self) -> None:
        call, known = self._call, self._context.created.known
        for creation, record in (call.create or {}).items():
            await self._create(creation, record)
        for reference, patch in (call.update or {}).items():
            await self._update(known(reference), patch)
        for key in dict.fromkeys(map(known, call.destroy or ())):
            await self._destroy(key)

    async def _create(self, creation: str, given: dict[str, Any]) -> None:
        record = IDENTITY.create(given)
        if isinstance(record, SetError):
            self._outcome.not_created[creation] = record
            return
        email, settings = record["email"], _settings(record)
        try:
            key = await self._writes.one(
                lambda tx: account_settings.create_identity(tx, self._account, email, settings)
            )
        except (IdentityRefused, RecordRefused) as refused:
            self._outcome.not_created[creation] = _error(refused)
            return
        self._context.created.add(creation, key)
        self._outcome.created[creation] = {"id": key, "mayDelete": True, **IDENTITY.omitted(given)}

    async def _update(self, key: str, patch: dict[str, Any]) -> None:
        try:
            await self._writes.one(lambda tx: _update(tx, self._account, key, patch, self._context.limits))
            self._outcome.updated[key] = None
        except (IdentityRefused, RecordRefused) as refused:
            self._outcome.not_updated[key] = _error(refused)

    async def _destroy(self, key: str) -> None:
        try:
            await self._writes.one(lambda tx: account_settings.destroy_identity(tx, self._account, key))
            self._outcome.destroyed.append(key)
        except (IdentityRefused, RecordRefused) as refused:
            self._outcome.not_destroyed[key] = _error(refused)


def _update(tx: Transaction, account: AccountId, key: str, patch: Mapping[str, Any], limits: Limits) -> None:
    """Raises `RecordRefused`, `IdentityRefused`."""
    found = identities.get(tx, account, key)
    if found is None:
        raise RecordRefused(errors.NOT_FOUND)
    record = _record(found)
    values = IDENTITY.update(lambda names: {name: record[name] for name in names}, patch, limits)
    if isinstance(values, SetError):
        raise RecordRefused(values)
    if values:
        account_settings.update_identity(tx, account, key, _settings(values))


def _error(refused: IdentityRefused | RecordRefused) -> SetError:
    if isinstance(refused, RecordRefused):
        return refused.error
    extra = {"properties": list(refused.properties)} if refused.properties else {}
    return SetError(refused.type, refused.description, extra)


# --- properties

_TEXTS: Final = {"name": "name", "textSignature": "text_signature", "htmlSignature": "html_signature"}
_ADDRESSES: Final = {"replyTo": "reply_to", "bcc": "bcc"}


def _record(identity: Identity) -> dict[str, Any]:
    return {
        "id": identity.id,
        "email": identity.email,
        "mayDelete": identity.may_delete,
        **{name: getattr(identity, ours) for name, ours in _TEXTS.items()},
        **{name: _shown(getattr(identity, ours)) for name, ours in _ADDRESSES.items()},
    }


def _settings(values: Mapping[str, Any]) -> Settings:
    """Of values that the table has checked."""
    settings: dict[str, Any] = {ours: values[name] for name, ours in _TEXTS.items() if name in values}
    for name, ours in _ADDRESSES.items():
        if name in values:
            settings[ours] = _addresses(values[name])
    return Settings(**settings)


def _shown(addresses: Addresses) -> list[dict[str, str | None]] | None:
    return None if addresses is None else [{"name": one.name, "email": one.email} for one in addresses]


def _addresses(shown: list[dict[str, Any]] | None) -> Addresses:
    if shown is None:
        return None
    return tuple(NamedAddress(one.get("name"), one["email"]) for one in shown)
