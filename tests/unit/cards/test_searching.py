"""What filters of ContactCard/query match, and orders compare."""

from typing import Any

import pytest

from pillarbox.cards.card import check
from pillarbox.cards.searching import EXACT, FIELDS, SORTS, sort_key, texts

CARD: dict[str, Any] = {
    "@type": "Card",
    "version": "1.0",
    "uid": "urn:x",
    "kind": "group",
    "members": {"urn:y": True},
    "created": "2022-09-30T14:35:10Z",
    "updated": "2022-09-30T14:35:10.5Z",
    "name": {
        "full": "Jane Doe",
        "isOrdered": True,
        "components": [
            {"kind": "given", "value": "Jane"},
            {"kind": "separator", "value": "-"},
            {"kind": "given", "value": "Ann"},
            {"kind": "surname", "value": "Doe"},
            {"kind": "surname2", "value": "Roe"},
        ],
    },
    "nicknames": {"a": {"name": "Johnny"}},
    "organizations": {
        "a": {"name": "ABC", "units": [{"name": "Marketing"}]},
        "b": {"units": [{"name": "Sales"}]},
    },
    "emails": {"a": {"address": "a@example.com", "label": "shop"}},
    "phones": {"a": {"number": "tel:+1"}},
    "onlineServices": {
        "a": {"service": "Mastodon", "user": "@a", "uri": "https://example.com/@a", "label": "l"}
    },
    "addresses": {"a": {"full": "Main St 1", "components": [{"kind": "name", "value": "Main St"}]}},
    "notes": {"a": {"note": "likes tea"}},
    "keywords": {"friends": True},
    "titles": {"a": {"name": "Boss"}},
    "personalInfo": {"a": {"kind": "hobby", "value": "reading"}},
    "speakToAs": {"pronouns": {"a": {"pronouns": "they/them"}}},
}
MINIMAL = {"@type": "Card", "version": "1.0", "uid": "u"}


@pytest.mark.rfc("9610 §3.3.1", "MUST")
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("name", ["Jane Doe", "Jane", "Ann", "Doe", "Roe"]),
        ("name/given", ["Jane", "Ann"]),
        ("name/surname", ["Doe"]),
        ("name/surname2", ["Roe"]),
        ("nickname", ["Johnny"]),
        ("organization", ["ABC"]),
        ("email", ["a@example.com", "shop"]),
        ("phone", ["tel:+1"]),
        ("onlineService", ["Mastodon", "https://example.com/@a", "@a", "l"]),
        ("address", ["Main St 1", "Main St"]),
        ("note", ["likes tea"]),
        ("uid", ["urn:x"]),
        ("kind", ["group"]),
        ("hasMember", ["urn:y"]),
    ],
)
def test_each_filter_looks_in_its_texts(field: str, expected: list[str]) -> None:
    assert check(CARD) == []
    assert texts(CARD, field) == expected
    assert field in FIELDS | EXACT


def test_text_is_looked_for_in_all_of_them_and_more() -> None:
    found = texts(CARD, "text")
    for field in FIELDS - {"text"}:
        assert set(texts(CARD, field)) <= set(found)
    assert {"friends", "Boss", "reading", "they/them", "Marketing", "Sales"} <= set(found)


def test_a_card_of_nothing_has_no_texts() -> None:
    assert all(texts(MINIMAL, field) == [] for field in FIELDS)
    assert texts(MINIMAL, "kind") == ["individual"]
    assert all(sort_key(MINIMAL, order) == "" for order in SORTS)


def test_what_is_no_filter_is_an_error() -> None:
    with pytest.raises(KeyError):
        texts(CARD, "title")


@pytest.mark.rfc("9610 §3.3.2", "MUST")
def test_orders_compare_the_first_component_and_times_as_they_follow_each_other() -> None:
    assert [sort_key(CARD, f"name/{kind}") for kind in ("given", "surname", "surname2")] == [
        "Jane",
        "Doe",
        "Roe",
    ]
    assert (
        sort_key(CARD, "created")
        < sort_key(CARD, "updated")
        < sort_key({"updated": "2022-09-30T14:35:11Z"}, "updated")
    )
