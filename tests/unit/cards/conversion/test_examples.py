"""The examples of RFC 9555, both ways, and those of RFC 6350, RFC 9554 and RFC 2426 there and back."""

from typing import Any

import pytest

from pillarbox.cards.card import check
from pillarbox.cards.conversion import to_card, to_vcard
from pillarbox.cards.pointers import same
from pillarbox.cards.vcard import VCard, read, write
from tests.kit.cards.examples import Example, content_lines, examples, rfc_text

pytestmark = pytest.mark.skipif(rfc_text(9555) is None, reason="no RFC texts beside the checkout")

SLIPS = {
    9: "the day of death is called a year",
    15: "the components are not from left to right",
    24: "the UID stands in the JSON only",
    34: "a space more stands in the vCard",
    50: "no PROP-ID says which phone it is, and a name has a slash",
    53: "number and street are exchanged in the vCard",
}
"""Figures whose two sides do not say the same."""


def vcard_of(lines: bytes, version: bytes = b"4.0") -> VCard:
    (vcard,) = read(b"BEGIN:VCARD\r\nVERSION:%b\r\n%b\r\nEND:VCARD\r\n" % (version, lines))
    assert isinstance(vcard, VCard), vcard
    return vcard


def again(card: dict[str, Any]) -> dict[str, Any]:
    (vcard,) = read(write([to_vcard(card)]))
    assert isinstance(vcard, VCard)
    return to_card(vcard)


def without_ids(value: Any) -> Any:
    """Objects by their ids become lists; ids in pointers are left out."""
    card: dict[str, Any] = {**value}
    card.pop("uid")
    for name, entries in card.items():
        if name == "speakToAs":
            card[name] = {**entries, "pronouns": list(entries.get("pronouns", {}).values())}
        elif name == "titles":
            card[name] = [{"kind": "title", **each, "organizationId": None} for each in entries.values()]
        elif name == "localizations":
            card[name] = {language: list(patch.values()) for language, patch in entries.items()}
        elif isinstance(entries, dict) and name not in ("name", "members", "keywords", "relatedTo"):
            card[name] = list(entries.values())
    return card


@pytest.mark.rfc("9555 §2", "MUST")
@pytest.mark.parametrize("example", examples(9555), ids=lambda example: str(example.figure))
def test_the_vcard_becomes_the_card(example: Example) -> None:
    card = to_card(vcard_of(example.vcard))
    assert check(card) == []
    assert same(again(card), card)
    if example.figure not in SLIPS:
        expected = {"@type": "Card", "version": "1.0", "uid": card["uid"], **example.card()}
        assert same(without_ids(card), without_ids(expected))


@pytest.mark.rfc("9555 §3", "MUST")
@pytest.mark.parametrize("example", examples(9555), ids=lambda example: str(example.figure))
def test_the_card_becomes_a_vcard_that_says_the_same(example: Example) -> None:
    card = {"@type": "Card", "version": "1.0", "uid": "urn:x", **example.card()}
    if example.figure in (9, 50):
        pytest.skip(SLIPS[example.figure])
    assert check(card) == []
    assert same(again(card), card)


@pytest.mark.parametrize("figure", [example for example in examples(9553) if example.figure not in (35, 36)])
def test_the_cards_of_the_other_document_come_back(figure: Example) -> None:
    card = {"@type": "Card", "version": "1.0", "uid": "urn:x", **figure.card()}
    assert same(again(card), card)


def test_there_are_examples() -> None:
    assert len(examples(9555)) > 50


@pytest.mark.parametrize(("number", "version"), [(6350, b"4.0"), (9554, b"4.0"), (2426, b"3.0")])
def test_each_line_becomes_a_card_and_comes_back(number: int, version: bytes) -> None:
    for line in content_lines(number):
        card = to_card(vcard_of(line, version))
        assert check(card) == []
        assert same(again(card), card)
