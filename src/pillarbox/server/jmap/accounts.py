"""Which accounts a user may use, and whether a call may use the one that it names (RFC 8620 §1.6.2, §3.6.2)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pillarbox.directory.accounts import Account
from pillarbox.mail import object_id
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.capabilities import MDN, Capability, writes
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.session_object import Access

_READING: Final = frozenset(("mayRead", "mayReadItems"))


def accesses_of(
    account: Account, offered: Sequence[Capability], *, read_only: bool = False
) -> dict[str, Access]:
    """The accounts by id: their own. `read_only`: for a login that may change nothing."""
    urns = tuple(row.urn for row in offered if row.account is not None)
    own = Access(
        id=object_id.of_account(account.id), name=account.address, capabilities=urns, is_read_only=read_only
    )
    return {own.id: own}


def may_use(account: Account, account_id: str) -> bool:
    """Whether a user may use the account with this id, for its blobs."""
    return account_id in accesses_of(account, ())


def check(
    accesses: Mapping[str, Access], capability: Capability, method: str, arguments: Mapping[str, Any]
) -> None:
    """Raises invalidArguments, accountNotFound, accountNotSupportedByMethod or accountReadOnly."""
    if capability.account is None:
        return
    # RFC 9007 §2.1 and §2.2 want another error than RFC 8620 does
    not_found = errors.INVALID_ARGUMENTS if capability.urn == MDN else errors.ACCOUNT_NOT_FOUND
    access = named(accesses, arguments, "accountId", not_found)
    if capability.urn not in access.capabilities:
        raise MethodError(errors.ACCOUNT_NOT_SUPPORTED)
    if access.is_read_only and writes(method):
        raise MethodError(errors.ACCOUNT_READ_ONLY)
    if method.endswith("/copy"):
        origin = named(accesses, arguments, "fromAccountId", errors.FROM_ACCOUNT_NOT_FOUND)
        if capability.urn not in origin.capabilities:
            raise MethodError(errors.FROM_ACCOUNT_NOT_SUPPORTED)


def permitted(access: Access, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as their account shows them: where it is read-only, without the rights to change anything."""
    if access.is_read_only:
        for record in records:
            if "myRights" in record:
                record["myRights"] = {
                    name: may and name in _READING for name, may in record["myRights"].items()
                }
            if "mayDelete" in record:
                record["mayDelete"] = False
    return records


def named(accesses: Mapping[str, Access], arguments: Mapping[str, Any], name: str, not_found: str) -> Access:
    """The account that an argument names; `not_found` is the error where the user has no such account."""
    account = arguments.get(name)
    if not isinstance(account, str):
        raise errors.invalid_arguments(f"'{name}' is missing or no id")
    access = accesses.get(account)
    if access is None:
        raise MethodError(not_found)
    return access
