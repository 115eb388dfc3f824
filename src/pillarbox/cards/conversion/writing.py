"""JSContact to vCard (RFC 9555 §3)."""

from typing import Any

from pillarbox.cards.vcard.card import VCard


def to_vcard(card: dict[str, Any]) -> VCard:
    """The vCard of a valid Card; what vCard has no property for is a JSPROP (§3.2.1). The Card is left as it is."""
    raise NotImplementedError
