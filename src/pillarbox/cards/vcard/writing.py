"""vCards to octets: version 4.0 (RFC 6350)."""

from collections.abc import Iterable, Iterator

from pillarbox.cards.vcard.card import VCard


def write(cards: Iterable[VCard]) -> bytes:
    """A file of all of them: UTF-8, lines of at most 75 octets, CRLF."""
    raise NotImplementedError


def pieces(cards: Iterable[VCard]) -> Iterator[bytes]:
    """As `write`, one card after another."""
    raise NotImplementedError
