"""Errors of a method call, and of one record of a /set (RFC 8620 §3.6.2, §5.1 to §5.6).

A handler raises a `MethodError`; its `type` is one of the registry, `description` is for developers and names no
secret. A record that is refused has a `SetError`, which goes into notCreated, notUpdated or notDestroyed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

MAX_DESCRIPTION: Final = 300
"""Characters of a description: it may quote what the client has sent."""


class MethodError(Exception):
    """The call ends with an `error` response, and has changed nothing (but for serverPartialFail)."""

    def __init__(
        self, kind: str, description: str | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{kind}: {description}" if description else kind)
        self.type = kind
        self.description = description
        self.extra = extra or {}
        """Further properties of the response."""

    def arguments(self) -> dict[str, Any]:
        """Of the response named `error`."""
        return _object(self.type, self.description, self.extra)


class SetError(Struct, frozen=True):
    """Why one record was not created, updated, destroyed or copied."""

    type: str
    description: str | None = None
    extra: dict[str, Any] = {}
    """Further properties: `properties`, `existingId`, `maxSize`."""

    def as_object(self) -> dict[str, Any]:
        """As it stands in a response."""
        return _object(self.type, self.description, self.extra)


def _object(kind: str, description: str | None, extra: Mapping[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = {"type": kind}
    if description:
        error["description"] = _shortened(description)
    return {**error, **extra}


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_DESCRIPTION else text[:MAX_DESCRIPTION] + "..."


# --- of any call (§3.6.2)

SERVER_UNAVAILABLE: Final = "serverUnavailable"
SERVER_FAIL: Final = "serverFail"
SERVER_PARTIAL_FAIL: Final = "serverPartialFail"
UNKNOWN_METHOD: Final = "unknownMethod"
INVALID_ARGUMENTS: Final = "invalidArguments"
INVALID_RESULT_REFERENCE: Final = "invalidResultReference"
FORBIDDEN: Final = "forbidden"
ACCOUNT_NOT_FOUND: Final = "accountNotFound"
ACCOUNT_NOT_SUPPORTED: Final = "accountNotSupportedByMethod"
ACCOUNT_READ_ONLY: Final = "accountReadOnly"

# --- of the standard methods (§5)

REQUEST_TOO_LARGE: Final = "requestTooLarge"
CANNOT_CALCULATE_CHANGES: Final = "cannotCalculateChanges"
STATE_MISMATCH: Final = "stateMismatch"
FROM_ACCOUNT_NOT_FOUND: Final = "fromAccountNotFound"
FROM_ACCOUNT_NOT_SUPPORTED: Final = "fromAccountNotSupportedByMethod"
ANCHOR_NOT_FOUND: Final = "anchorNotFound"
UNSUPPORTED_SORT: Final = "unsupportedSort"
UNSUPPORTED_FILTER: Final = "unsupportedFilter"
TOO_MANY_CHANGES: Final = "tooManyChanges"


def invalid_arguments(description: str) -> MethodError:
    """An argument is missing, of the wrong type, or not one of this method."""
    return MethodError(INVALID_ARGUMENTS, description)


def request_too_large(description: str) -> MethodError:
    """More objects than one call may name (§5.1, §5.3)."""
    return MethodError(REQUEST_TOO_LARGE, description)


def cannot_calculate_changes(description: str | None = None) -> MethodError:
    """The state is unknown, too old, or too much has changed since (§5.2, §5.6)."""
    return MethodError(CANNOT_CALCULATE_CHANGES, description)


def state_mismatch() -> MethodError:
    """`ifInState` is not the current state (§5.3)."""
    return MethodError(STATE_MISMATCH)


# --- of a record (§5.3, §5.4)

NOT_FOUND: Final = SetError("notFound")
SINGLETON: Final = SetError("singleton")
WILL_DESTROY: Final = SetError("willDestroy")


def forbidden(description: str) -> SetError:
    """The user may not do that."""
    return SetError("forbidden", description)


def over_quota(description: str | None = None) -> SetError:
    """There would be more, or more octets, than the account may have."""
    return SetError("overQuota", description)


def too_large(description: str | None = None, *, max_size: int | None = None) -> SetError:
    """The record would be larger than one may be; `max_size` in octets (RFC 8621 §7.5)."""
    return SetError("tooLarge", description, {} if max_size is None else {"maxSize": max_size})


def rate_limit(description: str | None = None) -> SetError:
    """Too many were created lately."""
    return SetError("rateLimit", description)


def invalid_patch(description: str) -> SetError:
    """The PatchObject breaks the rules for its pointers."""
    return SetError("invalidPatch", description)


def invalid_properties(properties: Iterable[str], description: str | None = None) -> SetError:
    """All properties that are not as they must be."""
    return SetError("invalidProperties", description, {"properties": list(properties)})


def already_exists(existing_id: str) -> SetError:
    """There is one already, and never two of it (§5.4)."""
    return SetError("alreadyExists", None, {"existingId": existing_id})
