"""A data type as a table of its properties, and what follows from it for /get and /set (RFC 8620 §5.1, §5.3).

The table says what a property may hold, who sets it, whether it may change, and its default. From it come the
properties that /get returns, which are unknown, and all that is wrong with a record that a client sends.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct

from pillarbox.protocol.jmap import patch as patches
from pillarbox.protocol.jmap.errors import SetError, invalid_arguments, invalid_patch, invalid_properties
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.patch import InvalidPatch
from pillarbox.protocol.jmap.scalars import fits


class _Required:
    """No default: whoever creates a record must give the property."""


REQUIRED: Final = _Required()


class Property(Struct, frozen=True, kw_only=True):
    """One row."""

    name: str
    holds: Any
    """A type as msgspec knows them, or a `scalars.Kind`."""
    default: Any = REQUIRED
    """What it is in a new record that is sent without it."""
    server_set: bool = False
    """Clients never set it; they may send the value that it has."""
    server_set_on_create: bool = False
    """New records get it from the server; clients may change it afterwards."""
    immutable: bool = False
    """It stays as it was created."""
    refers: bool = False
    """It holds ids of other records, so references to creations may stand there."""
    by_default: bool = True
    """Whether /get returns it where no properties are named."""

    @property
    def sent_on_create(self) -> bool:
        """Whether a client may say what it is in a new record."""
        return not (self.server_set or self.server_set_on_create)

    @property
    def fixed(self) -> bool:
        """Whether no update changes it."""
        return self.server_set or self.immutable


def none_else(_: str) -> bool:
    """A type has the properties of its table, and no others."""
    return False


class TypeTable:
    """The properties of one data type."""

    def __init__(self, name: str, *properties: Property) -> None:
        self.name = name
        """As it stands in the names of methods."""
        self.properties: Final = {row.name: row for row in properties}
        self.references: Final = tuple(row.name for row in properties if row.refers)
        """For `CreatedIds.resolve` and `ids.in_order`."""
        self.by_default: Final = tuple(row.name for row in properties if row.by_default)

    # --- /get

    def requested(
        self,
        properties: Iterable[str] | None,
        limits: Limits,
        *,
        also: Callable[[str], bool] = none_else,
        always: str = "id",
    ) -> tuple[str, ...]:
        """The properties to return, each once: those named and the id, or the default.

        `also`: which other names are properties, as `header:...` of Email. Raises invalidArguments.
        """
        if properties is None:
            return self.by_default
        named = tuple(dict.fromkeys((always, *properties)))
        if len(named) > limits.max_properties:
            raise invalid_arguments(f"More than {limits.max_properties} properties")
        unknown = [name for name in named if name not in self.properties and not also(name)]
        if unknown:
            raise invalid_arguments(f"{self.name} has no property '{unknown[0][:100]}'")
        return named

    # --- /set: create

    def create(
        self, given: Mapping[str, Any], *, also: Callable[[str], bool] = none_else
    ) -> dict[str, Any] | SetError:
        """The record to create: what is given, and the defaults of the rest. References are resolved before.

        An error names all properties that are unknown, set by the server, missing, or hold what they may not.
        """
        wrong = [name for name in given if not self._may_be_given(name, given[name], also)]
        missing = [
            row.name
            for row in self.properties.values()
            if row.default is REQUIRED and row.sent_on_create and row.name not in given
        ]
        if wrong or missing:
            return invalid_properties(wrong + missing, _sentence(wrong, missing))
        return {**self.omitted(given), **given}

    def omitted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults of what is not given: the response to a create has them (§5.3, `created`)."""
        return {
            row.name: _fresh(row.default)
            for row in self.properties.values()
            if row.default is not REQUIRED and row.sent_on_create and row.name not in given
        }

    def _may_be_given(self, name: str, value: Any, also: Callable[[str], bool]) -> bool:
        row = self.properties.get(name)
        if row is None:
            return also(name)
        return row.sent_on_create and fits(value, row.holds)

    # --- /set: update

    def update(
        self,
        current: Callable[[list[str]], Mapping[str, Any]],
        patch: Mapping[str, Any],
        limits: Limits,
        *,
        also: Callable[[str], bool] = none_else,
    ) -> dict[str, Any] | SetError:
        """The properties that change, with their new values. References are resolved before.

        `current` returns the values of the properties that the patch is about; properties by `also` are immutable. An
        error names all properties that are unknown, fixed and sent with another value, or hold what they may not.
        """
        try:
            changes = patches.parse(patch, limits)
            names = patches.touched(changes)
            known = [name for name in names if name in self.properties or also(name)]
            before = current(known)
            patched = patches.apply(before, [change for change in changes if change.tokens[0] in known])
        except InvalidPatch as refused:
            return invalid_patch(str(refused))
        values, wrong = {}, [name for name in names if name not in known]
        for name in known:
            row = self.properties.get(name)
            value = self._after(row, patched, name)
            if not self._may_become(row, value, before.get(name)):
                wrong.append(name)
            elif value != before.get(name):
                values[name] = value
        return invalid_properties(wrong, _sentence(wrong, [])) if wrong else values

    @staticmethod
    def _after(row: Property | None, patched: Mapping[str, Any], name: str) -> Any:
        if name in patched or row is None or row.default is REQUIRED:
            return patched.get(name)
        return _fresh(row.default)  # null was sent

    @staticmethod
    def _may_become(row: Property | None, value: Any, before: Any) -> bool:
        if row is None or row.fixed:
            return bool(value == before)
        return fits(value, row.holds)


def _fresh(default: Any) -> Any:
    """A default that its owner may change."""
    return default.copy() if isinstance(default, dict | list) else default


def _sentence(wrong: list[str], missing: list[str]) -> str:
    if wrong:
        return "Unknown, set by the server, immutable, or not of the right type: " + ", ".join(wrong)
    return "Missing: " + ", ".join(missing)
