"""Cards to vCards and back, and any octets as vCards."""

from typing import Any

import msgspec
from hypothesis import given, settings

from pillarbox.cards.card import check
from pillarbox.cards.conversion.reading import to_card
from pillarbox.cards.conversion.writing import to_vcard
from pillarbox.cards.pointers import copied, difference, same
from pillarbox.cards.vcard import BadCard, VCard, read, write
from tests.kit.cards.made_up import cards
from tests.kit.cards.vcards import MadeUp, file_of_vcards, vcards


@given(cards())
@settings(max_examples=300)
def test_a_card_is_the_same_after_it_has_been_a_vcard(card: dict[str, Any]) -> None:
    assert check(card) == []
    before = copied(card)
    written = write([to_vcard(card)])
    assert same(card, before)
    (vcard,) = read(written)
    assert isinstance(vcard, VCard)
    again = to_card(vcard)
    assert same(again, card), list(difference(again, card))


@given(vcards())
@settings(max_examples=300)
def test_nothing_of_a_vcard_is_lost(made: MadeUp) -> None:
    (vcard,) = read(made.octets)
    assert isinstance(vcard, VCard)
    card = to_card(vcard)
    assert check(card) == []
    written = write([to_vcard(card)])
    again = b"".join(written.split(b"\r\n "))
    for word in made.words:
        assert word in msgspec.json.encode(card), word
        assert word in again, word


@given(file_of_vcards())
@settings(max_examples=300)
def test_any_octets_are_cards_or_what_is_wrong_with_them(octets: bytes) -> None:
    for vcard in read(octets):
        if isinstance(vcard, BadCard):
            assert vcard.reason.isascii()
            assert 1 <= vcard.line <= octets.count(b"\n") + octets.count(b"\r") + 1
            continue
        card = to_card(vcard)
        assert check(card) == []
        written = write([to_vcard(card)])
        assert all(len(line) <= 75 for line in written.split(b"\r\n"))
        assert written.decode().count("BEGIN:VCARD\r\n") == 1
        (again,) = read(written)
        assert isinstance(again, VCard)
        assert same(to_card(again), card)
        (plain,) = read(write([vcard]))
        assert plain == VCard(vcard.properties, "4.0")
