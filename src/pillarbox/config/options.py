"""An option: a field with its type, its default and a `Description`. Texts about options are derived from them."""

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]


class Applies(StrEnum):
    """What makes a changed option take effect."""

    AT_RELOAD = "reload"
    """SIGHUP, for connections that are made afterwards."""
    AT_START = "restart"


@dataclass(frozen=True, slots=True)
class Description:
    """The documentation of an option."""

    sentence: str
    unit: str = ""
    applies: Applies = Applies.AT_RELOAD
    example: str = ""
    """As TOML, where the default does not show how a value is written."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, for texts that are derived from the fields."""

    name: str
    kind: str
    description: Description
    default: object
    """`None` where it is required."""
    required: bool


def options(section: type) -> Iterator[Option]:
    """The options of a section, in the order of its fields."""
    hints = get_type_hints(section, include_extras=True)
    for entry in fields(section):
        notes = get_args(hints[entry.name])[1:]
        description = next((note for note in notes if isinstance(note, Description)), None)
        if description:
            required = entry.default is MISSING and entry.default_factory is MISSING
            default = entry.default if entry.default_factory is MISSING else entry.default_factory()
            kind = _kind(hints[entry.name])
            yield Option(entry.name, kind, description, None if required else default, required)


def _kind(hint: Any) -> str:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint in (Path, str, Path | None):
        return "text"
    if hint is bool:
        return "true or false"
    if hint is int:
        return "number"
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(f'"{member.value}"' for member in hint)
    return "list of texts" if get_origin(hint) is tuple else "table of texts"
