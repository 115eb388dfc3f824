"""How much an account may have of contacts."""

from typing import Final

from msgspec import Struct


class ContactLimits(Struct, frozen=True, gc=False):
    """Of one account, beside the quota of its mail. What is beyond them is refused: overQuota, or tooLarge."""

    books: int = 100
    """Address books."""
    cards: int = 20_000
    octets: int = 500_000_000
    """Of all cards, with their images and sounds."""
    card_octets: int = 256 * 1024
    """Of one card as JSON, without those."""
    media: int = 16
    """Images and sounds of one card that the server keeps."""
    media_octets: int = 10_000_000
    """Of one of them."""


LIMITS: Final = ContactLimits()
