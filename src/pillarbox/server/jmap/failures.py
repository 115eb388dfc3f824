"""The error of a call for what its handler raised: RFC 8620 §3.6.2.

What is our mistake is logged once, here, and the client is told no details of it.
"""

from typing import Final

from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.server import damage
from pillarbox.server.jmap.context import Context, PartialFail
from pillarbox.store.account_counters import NoSuchAccount
from pillarbox.store.states import CannotCalculateChanges
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce

_UNAVAILABLE: Final = (errors.SERVER_UNAVAILABLE, "Service temporarily unavailable")

_ERRORS: Final[dict[type[Exception], tuple[str, str]]] = {
    DatabaseUnavailable: _UNAVAILABLE,
    MemoryScarce: (errors.SERVER_UNAVAILABLE, "Insufficient system resources"),
    BlobDamaged: (errors.SERVER_FAIL, "Message is damaged"),
    NoSuchAccount: (errors.ACCOUNT_NOT_FOUND, "Account doesn't exist"),
    CannotCalculateChanges: (errors.CANNOT_CALCULATE_CHANGES, "What has changed since then is not known"),
}
"""Type and description; any other exception is our mistake."""


async def method_error(context: Context, method: str, raised: Exception) -> MethodError:
    """The error that the call ends with."""
    if isinstance(raised, MethodError):
        return raised
    if isinstance(raised, PartialFail):
        cause = raised.__cause__
        if isinstance(cause, Exception):  # for the log
            await _expected(context, method, cause)
        return MethodError(errors.SERVER_PARTIAL_FAIL, "Only some of the changes were made")
    return await _expected(context, method, raised) or MethodError(
        errors.SERVER_FAIL, "Internal server error"
    )


async def _expected(context: Context, method: str, raised: Exception) -> MethodError | None:
    """The error for what may well happen; any other exception is logged, unless damaged rows are behind it."""
    if isinstance(raised, BlobDamaged):
        damage.report(context.world, raised, account=context.account.id)
    if (known := _known(raised)) is not None:
        return known
    why = await damage.explained(context.world, raised, context.account.id)
    if (known := _known(why)) is not None:
        return known
    context.world.telemetry.failure("JMAP method failed", raised, method=method, account=context.account.id)
    return None


def _known(raised: Exception) -> MethodError | None:
    for kind, (error, description) in _ERRORS.items():
        if isinstance(raised, kind):
            return MethodError(error, description)
    return None
