"""Octets to vCards."""

from collections.abc import Iterator

from pillarbox.cards.vcard.card import BadCard, VCard
from pillarbox.cards.vcard.limits import Limits


def read(octets: bytes, limits: Limits = Limits()) -> list[VCard | BadCard]:
    """The cards of a file in its order: for each that cannot be read, why. Raises nothing."""
    raise NotImplementedError


def pieces(octets: bytes, limits: Limits = Limits()) -> Iterator[VCard | BadCard | None]:
    """As `read`, but others can run between two steps: some 16 KiB are read for each, and None comes after a step
    that has finished no card.
    """
    raise NotImplementedError
