"""VacationResponse: RFC 8621 §8. Each account has exactly one."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pillarbox.delivery import account_settings
from pillarbox.directory import vacation
from pillarbox.directory.vacation import Settings, Vacation, VacationRefused
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import arguments, errors, responses
from pillarbox.protocol.jmap.arguments import GetArguments, SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.responses import SetOutcome
from pillarbox.protocol.jmap.scalars import milliseconds, utc_date
from pillarbox.protocol.jmap.types.vacation_response import SINGLETON_ID, VACATION_RESPONSE
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import GuardedWrites, RecordRefused
from pillarbox.world.database import Transaction


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§8.1."""
    call = arguments.read(GetArguments, given)
    properties = VACATION_RESPONSE.requested(call.properties, context.limits)
    wanted = call.wanted(context.created, context.limits)
    state, settings = await context.world.database.read(_read, context.account_id(given))
    record = _record(settings)
    is_wanted = wanted is None or SINGLETON_ID in wanted
    found = [{name: record[name] for name in properties}] if is_wanted else []
    return responses.get(call.account_id, state, found, [key for key in wanted or () if key != SINGLETON_ID])


async def set_vacation(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """§8.2."""
    call = arguments.read(SetArguments, given)
    call.check(context.limits)
    account, known, outcome = context.account_id(given), context.created.known, SetOutcome()
    outcome.not_created.update(dict.fromkeys(call.create or (), errors.SINGLETON))
    for key in map(known, call.destroy or ()):
        outcome.not_destroyed[key] = errors.SINGLETON if key == SINGLETON_ID else errors.NOT_FOUND
    writes = GuardedWrites(context, account, call, _state)

    async def carry_out() -> None:
        for reference, patch in (call.update or {}).items():
            await _update_one(context, writes, account, known(reference), patch, outcome)

    new_state = await writes.all(carry_out)
    return outcome.set_response(call.account_id, writes.old_state, new_state)


async def _update_one(
    context: Context,
    writes: GuardedWrites,
    account: AccountId,
    key: str,
    patch: dict[str, Any],
    outcome: SetOutcome,
) -> None:
    if key != SINGLETON_ID:
        outcome.not_updated[key] = errors.NOT_FOUND
        return
    try:
        outcome.updated[key] = await writes.one(lambda tx: _update(tx, account, patch, context.limits))
    except RecordRefused as refused:
        outcome.not_updated[key] = refused.error
    except VacationRefused as refused:
        outcome.not_updated[key] = errors.invalid_properties(refused.properties, refused.description)


# --- in a transaction


def _read(tx: Transaction, account: AccountId) -> tuple[str, Vacation]:
    return _state(tx, account), vacation.get(tx, account)


def _state(tx: Transaction, account: AccountId) -> str:
    return str(vacation.state(tx, account))


def _update(
    tx: Transaction, account: AccountId, patch: Mapping[str, Any], limits: Limits
) -> dict[str, Any] | None:
    """What became otherwise than the client has said. Raises `RecordRefused`, `VacationRefused`."""
    record = _record(vacation.get(tx, account))
    values = VACATION_RESPONSE.update(lambda names: {name: record[name] for name in names}, patch, limits)
    if isinstance(values, SetError):
        raise RecordRefused(values)
    if not values:
        return None
    account_settings.update_vacation(tx, account, _settings(values))
    after = _record(vacation.get(tx, account))
    return {name: after[name] for name, value in values.items() if after[name] != value} or None


# --- properties


def _ms(date: str | None) -> int | None:
    """In whole seconds, as it is shown."""
    at_ms = None if date is None else milliseconds(date)
    return None if at_ms is None else at_ms // 1000 * 1000


def _same(value: Any) -> Any:
    return value


_SETTINGS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "isEnabled": ("is_enabled", _same),
    "fromDate": ("from_ms", _ms),
    "toDate": ("to_ms", _ms),
    "subject": ("subject", _same),
    "textBody": ("text_body", _same),
    "htmlBody": ("html_body", _same),
}


def _settings(values: Mapping[str, Any]) -> Settings:
    """Of values that the table has checked."""
    return Settings(**{_SETTINGS[name][0]: _SETTINGS[name][1](value) for name, value in values.items()})


def _record(settings: Vacation) -> dict[str, Any]:
    return {
        "id": SINGLETON_ID,
        "isEnabled": settings.is_enabled,
        "fromDate": None if settings.from_ms is None else utc_date(settings.from_ms),
        "toDate": None if settings.to_ms is None else utc_date(settings.to_ms),
        "subject": settings.subject,
        "textBody": settings.text_body,
        "htmlBody": settings.html_body,
    }
