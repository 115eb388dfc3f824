"""What a property may hold, as values: the tables of `objects` are made of these."""

from typing import Final, TypeAlias

from msgspec import Struct

from pillarbox.cards import scalars
from pillarbox.cards.scalars import Test


class Scalar(Struct, frozen=True):
    """A value that is no object or array."""

    test: Test


class SetOf(Struct, frozen=True):
    """`String[Boolean]`: keys, and each value is true."""

    key: Test


class MapOf(Struct, frozen=True):
    """`Id[...]` and `String[...]`."""

    key: Test
    value: "Kind"


class ListOf(Struct, frozen=True):
    """An array."""

    value: "Kind"
    min_length: int = 0


class Of(Struct, frozen=True):
    """An object of one of these types. The first is meant where it has no `@type` (§1.3.4)."""

    types: tuple[str, ...]


class Patches(Struct, frozen=True):
    """`String[PatchObject]`: localizations. They are looked at when the rest of the Card is."""


class JCardProperty(Struct, frozen=True):
    """An array as jCard has them for a property (RFC 7095 §3.3)."""


class JCardParameters(Struct, frozen=True):
    """`String[String|String[]]` (RFC 9555 §2.15.2)."""


Kind: TypeAlias = Scalar | SetOf | MapOf | ListOf | Of | Patches | JCardProperty | JCardParameters

TEXT: Final = Scalar(scalars.text)
FILLED: Final = Scalar(scalars.filled)
BOOLEAN: Final = Scalar(scalars.boolean)
ID: Final = Scalar(scalars.identifier)
URI: Final = Scalar(scalars.uri)
UTC: Final = Scalar(scalars.utc_date_time)
LANGUAGE: Final = Scalar(scalars.language)
PREF: Final = Scalar(scalars.pref)
LIST_AS: Final = Scalar(scalars.positive)
CONTEXTS: Final = SetOf(scalars.one_of("private", "work"))


def enum(*values: str) -> Scalar:
    """An enumerated value."""
    return Scalar(scalars.one_of(*values))


def ids(type_name: str) -> MapOf:
    """`Id[TypeName]`."""
    return MapOf(scalars.identifier, Of((type_name,)))
