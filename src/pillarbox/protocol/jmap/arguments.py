"""What the standard methods take: RFC 8620 §5.1 to §5.6, with exact errors.

`read(GetArguments, arguments)` checks names and types; a method with arguments of its own derives a struct. What is
checked against limits is in the methods of the structs.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import Id, Int, PositiveInt, Reference, State, UnsignedInt, fits

A = TypeVar("A", bound=Struct)


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Of any method on an account."""

    account_id: Id


def read(kind: type[A], arguments: dict[str, Any]) -> A:
    """The arguments of a call. Raises invalidArguments: one is missing, unknown, or of the wrong type (§3.9)."""
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise errors.invalid_arguments(str(error)) from error


class GetArguments(Arguments, frozen=True, kw_only=True):
    """/get (§5.1)."""

    ids: list[Reference] | None = None
    properties: list[str] | None = None

    def wanted(self, created: CreatedIds, limits: Limits) -> tuple[str, ...] | None:
        """The ids, each once; None for all. `[]` is none at all. Raises requestTooLarge."""
        return None if self.ids is None else wanted(self.ids, created, limits)


def wanted(ids: list[str], created: CreatedIds, limits: Limits) -> tuple[str, ...]:
    """The ids of records that a call names, each once. Raises requestTooLarge."""
    if len(ids) > limits.max_objects_in_get:
        raise too_many_to_get(limits)
    return tuple(dict.fromkeys(map(created.known, ids)))


def too_many_to_get(limits: Limits) -> errors.MethodError:
    """For `ids: null` as well, where there are more records than one call may return (§5.1)."""
    return errors.request_too_large(f"More than {limits.max_objects_in_get} objects")


class ChangesArguments(Arguments, frozen=True, kw_only=True):
    """/changes (§5.2)."""

    since_state: State
    max_changes: PositiveInt | None = None


class SetArguments(Arguments, frozen=True, kw_only=True):
    """/set (§5.3)."""

    if_in_state: State | None = None
    create: dict[Id, dict[str, Any]] | None = None
    update: dict[Reference, dict[str, Any]] | None = None
    destroy: list[Reference] | None = None

    def check(self, limits: Limits) -> None:
        """Raises requestTooLarge."""
        objects = len(self.create or ()) + len(self.update or ()) + len(self.destroy or ())
        if objects > limits.max_objects_in_set:
            raise too_many_to_set(limits)

    def check_state(self, current: str) -> None:
        """Raises stateMismatch."""
        if self.if_in_state is not None and self.if_in_state != current:
            raise errors.state_mismatch()


def too_many_to_set(limits: Limits) -> errors.MethodError:
    """For /copy and the like as well."""
    return errors.request_too_large(f"More than {limits.max_objects_in_set} objects")


class CopyArguments(Arguments, frozen=True, kw_only=True):
    """/copy (§5.4)."""

    from_account_id: Id
    if_from_in_state: State | None = None
    if_in_state: State | None = None
    create: dict[Id, dict[str, Any]]
    on_success_destroy_original: bool = False
    destroy_from_if_in_state: State | None = None

    def check(self, limits: Limits) -> None:
        """Raises invalidArguments where both accounts are one; requestTooLarge."""
        if self.account_id == self.from_account_id:
            raise errors.invalid_arguments("'fromAccountId' must be another account than 'accountId'")
        if len(self.create) > limits.max_objects_in_set:
            raise too_many_to_set(limits)


def copied_id(record: dict[str, Any], created: CreatedIds) -> str | errors.SetError:
    """The original that a creation of /copy is made from; all other members replace properties of it."""
    original = record.get("id")
    if not isinstance(original, str) or not fits(original, Reference):
        return errors.invalid_properties(["id"], "The id of the record to copy is missing")
    return created.known(original)


class QueryArguments(Arguments, frozen=True, kw_only=True):
    """/query (§5.5). `filters` reads filter and sort, `paging` uses the rest."""

    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    position: Int = 0
    anchor: Reference | None = None
    anchor_offset: Int = 0
    limit: UnsignedInt | None = None
    calculate_total: bool = False


class QueryChangesArguments(Arguments, frozen=True, kw_only=True):
    """/queryChanges (§5.6)."""

    filter: dict[str, Any] | None = None
    sort: list[dict[str, Any]] | None = None
    since_query_state: State
    max_changes: UnsignedInt | None = None
    up_to_id: Reference | None = None
    calculate_total: bool = False
