"""What makes a valid JSContact Card (RFC 9553)."""

from typing import Any, Final

MAX_CARD_OCTETS: Final = 1_000_000
"""Of the JSON: a photograph may be in it, as a `data:` URI."""
MAX_DEPTH: Final = 16
MAX_ENTRIES: Final = 5_000
"""Of all objects and arrays of a card together."""


def check(card: dict[str, Any]) -> list[str]:
    """JSON pointers, without the first slash, to all that is not valid in a Card; empty where it is valid.

    A missing property is named as one that is wrong. Unknown and vendor-specific properties are valid where their
    names are (§1.7.4, §1.8.1). Beyond a limit the list is `[""]` alone, and nothing else has been looked at.
    """
    raise NotImplementedError
