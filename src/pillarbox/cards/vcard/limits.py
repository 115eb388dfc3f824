"""How much a file of vCards may hold."""

from msgspec import Struct


class Limits(Struct, frozen=True, gc=False):
    """What is beyond them is a `BadCard`."""

    max_octets: int = 10_000_000
    """Of a file."""
    max_cards: int = 10_000
    max_card_octets: int = 1_000_000
    max_line_octets: int = 750_000
    """Of a content line without its folds: photographs are such lines."""
    max_properties: int = 2_000
    """Of a card."""
    max_parameters: int = 100
    """Of a property: values are counted."""
