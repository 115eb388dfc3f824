"""A vCard as its properties: what the reader gives and the writer takes."""

from msgspec import Struct


class Parameter(Struct, frozen=True, gc=False):
    """One parameter of a property: `TYPE=work,home` is two values of one."""

    name: str
    """In lower case."""
    values: tuple[str, ...]
    """Without quotes and escapes (RFC 6868)."""


class Property(Struct, frozen=True):
    """One content line, unfolded and decoded."""

    name: str
    """In lower case."""
    value: str
    """As it stands in a vCard 4.0: with its escapes, for only who knows the property knows how it is divided."""
    parameters: tuple[Parameter, ...] = ()
    group: str | None = None
    """As it stood before the name, in its own case: `item1.EMAIL`."""


class VCard(Struct, frozen=True):
    """One card: all between BEGIN:VCARD and END:VCARD but VERSION."""

    properties: tuple[Property, ...]
    version: str = "4.0"
    """What it said of itself: "2.1", "3.0" or "4.0". Values are in the form of 4.0 all the same."""


class BadCard(Struct, frozen=True, gc=False):
    """A card that cannot be read. Others of the same file can."""

    line: int
    """Where the trouble is: the first line of the file is 1."""
    reason: str
    """A sentence for whoever sent the file, in ASCII."""
