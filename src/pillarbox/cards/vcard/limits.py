"""How much a file of vCards may hold."""

from typing import Final

from msgspec import Struct


class Limits(Struct, frozen=True, gc=False):
    """What is beyond them is a `BadCard`."""

    max_octets: int = 10_000_000
    """Of a file."""
    max_lines: int = 500_000
    """Of a file, before folds are joined: each takes some time, however short it is."""
    max_cards: int = 10_000
    """Of a file, good and bad ones. The rest is not read."""
    max_card_octets: int = 1_000_000
    max_line_octets: int = 750_000
    """Of a content line without its folds: photographs are such lines."""
    max_properties: int = 1_000
    """Of a card."""
    max_parameters: int = 50
    """Of a property; each value of a parameter counts."""
    max_nested: int = 3
    """Cards within a card, as AGENT of version 2.1 has them."""


DEFAULT: Final = Limits()
