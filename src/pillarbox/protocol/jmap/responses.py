"""The responses of the standard methods, as values: RFC 8620 §5.1 to §5.6."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pillarbox.protocol.jmap.arguments import QueryChangesArguments
from pillarbox.protocol.jmap.errors import TOO_MANY_CHANGES, MethodError, SetError
from pillarbox.protocol.jmap.paging import Page


def get(account_id: str, state: str, records: list[Any], not_found: Iterable[str]) -> dict[str, Any]:
    """/get."""
    return {"accountId": account_id, "state": state, "list": records, "notFound": list(not_found)}


def changes(
    account_id: str,
    old_state: str,
    new_state: str,
    *,
    created: Iterable[str],
    updated: Iterable[str],
    destroyed: Iterable[str],
    has_more: bool = False,
) -> dict[str, Any]:
    """/changes. `old_state` is what the client has sent."""
    return {
        "accountId": account_id,
        "oldState": old_state,
        "newState": new_state,
        "hasMoreChanges": has_more,
        "created": list(created),
        "updated": list(updated),
        "destroyed": list(destroyed),
    }


def query(
    account_id: str,
    state: str,
    page: Page,
    ids: Sequence[str],
    *,
    can_calculate_changes: bool,
    total: int | None = None,
) -> dict[str, Any]:
    """/query. `ids` are those of the page; `total` only where it is asked for."""
    response: dict[str, Any] = {
        "accountId": account_id,
        "queryState": state,
        "canCalculateChanges": can_calculate_changes,
        "position": page.position,
        "ids": list(ids),
    }
    if total is not None:
        response["total"] = total
    if page.limit is not None:
        response["limit"] = page.limit
    return response


def query_changes(
    call: QueryChangesArguments,
    new_state: str,
    removed: Collection[str],
    added: Mapping[str, int],
    *,
    total: int | None = None,
) -> dict[str, Any]:
    """/queryChanges. `added`: the index of each record in the new results; `total` only where it is asked for.

    Raises tooManyChanges.
    """
    if call.max_changes is not None and len(removed) + len(added) > call.max_changes:
        raise MethodError(TOO_MANY_CHANGES)
    response: dict[str, Any] = {
        "accountId": call.account_id,
        "oldQueryState": call.since_query_state,
        "newQueryState": new_state,
        "removed": list(removed),
        "added": [
            {"id": record, "index": index} for record, index in sorted(added.items(), key=lambda one: one[1])
        ],
    }
    if total is not None:
        response["total"] = total
    return response


class SetOutcome:
    """What became of the records of one /set or /copy."""

    __slots__ = ("created", "destroyed", "not_created", "not_destroyed", "not_updated", "updated")

    def __init__(self) -> None:
        self.created: dict[str, Mapping[str, Any]] = {}
        """By creation id: the id, and all that the client has not sent."""
        self.updated: dict[str, Mapping[str, Any] | None] = {}
        """By id: what has changed though the client did not say so."""
        self.destroyed: list[str] = []
        self.not_created: dict[str, SetError] = {}
        self.not_updated: dict[str, SetError] = {}
        self.not_destroyed: dict[str, SetError] = {}

    def set_response(self, account_id: str, old_state: str | None, new_state: str) -> dict[str, Any]:
        """/set (§5.3)."""
        return {
            "accountId": account_id,
            "oldState": old_state,
            "newState": new_state,
            **self.records(),
        }

    def records(self) -> dict[str, Any]:
        """The part of /set about records; all of it where the type has no states (§7.2.2)."""
        return {
            "created": self.created or None,
            "updated": self.updated or None,
            "destroyed": self.destroyed or None,
            "notCreated": _errors(self.not_created),
            "notUpdated": _errors(self.not_updated),
            "notDestroyed": _errors(self.not_destroyed),
        }

    def copy_response(
        self, from_account_id: str, account_id: str, old_state: str | None, new_state: str
    ) -> dict[str, Any]:
        """/copy (§5.4)."""
        return {
            "fromAccountId": from_account_id,
            "accountId": account_id,
            "oldState": old_state,
            "newState": new_state,
            "created": self.created or None,
            "notCreated": _errors(self.not_created),
        }


def _errors(refused: Mapping[str, SetError]) -> dict[str, Any] | None:
    return {key: error.as_object() for key, error in refused.items()} or None
