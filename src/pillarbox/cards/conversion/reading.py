"""vCard to JSContact (RFC 9555 §2)."""

from typing import Any

from pillarbox.cards.vcard.card import VCard


def to_card(vcard: VCard) -> dict[str, Any]:
    """A Card that `card.check` finds nothing wrong with. Raises nothing.

    What JSContact has no place for is kept in `vCardProps` and `vCardParams`. A vCard without UID gives one that is
    made from its contents, so the same octets give the same Card.
    """
    raise NotImplementedError
