"""Which emails a client wants to be told of, and how much of each (draft-ietf-jmap-emailpush-03 §4)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.email.message import BodyArguments
from pillarbox.protocol.jmap.email.plan import Plan
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.filters import read_filter
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.types.email import CONDITIONS
from pillarbox.server.jmap.emails.filters import filter_of
from pillarbox.store.listing.filters import Filter

MAX_PROPERTIES: Final = 50
MAX_CONFIG_OCTETS: Final = 16 * 1024
"""Of the whole property, as JSON: it is read whenever an email comes."""


class EmailPushConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """An EmailPushConfig object."""

    properties: Annotated[list[str], Meta(max_length=MAX_PROPERTIES)]
    filter: dict[str, Any] | None = None
    urgency: Literal["very-low", "low", "normal", "high"] = "normal"

    def wanted(self) -> Filter:
        """The emails. Raises `MethodError` where there is no such filter."""
        return filter_of(read_filter(self.filter, CONDITIONS, DEFAULT_LIMITS), CreatedIds({}))

    def plan(self) -> Plan:
        """How they are rendered. Raises `MethodError` where a property is unknown."""
        return Plan.of_get(self.properties, BodyArguments())


def read(value: Mapping[str, Any]) -> EmailPushConfig:
    """One account's. Raises `MethodError`."""
    try:
        config = msgspec.convert(value, EmailPushConfig)
    except msgspec.ValidationError as error:
        raise errors.invalid_arguments(str(error)) from error
    config.wanted()
    config.plan()
    return config


def checked(given: Mapping[str, Mapping[str, Any]], accounts: frozenset[str]) -> dict[str, Any] | SetError:
    """The property `emailPush` as it is kept, with all defaults. `accounts`: ids of those that it may be about."""
    if not given.keys() <= accounts:
        return _refused("There is no such account, or its emails cannot be pushed")
    try:
        kept: dict[str, Any] = {name: msgspec.to_builtins(read(config)) for name, config in given.items()}
    except MethodError as wrong:
        return _refused(wrong.description or wrong.type)
    if len(msgspec.json.encode(kept)) > MAX_CONFIG_OCTETS:
        return _refused("It is too long")
    return kept


def _refused(description: str) -> SetError:
    return errors.invalid_properties(["emailPush"], description)
