"""What a valid Card is: every rule of RFC 9553, and the limits."""

from typing import Any

import pytest

from pillarbox.cards.card import MAX_CARD_OCTETS, MAX_DEPTH, MAX_ENTRIES, check
from tests.kit.cards.examples import Example, examples, rfc_text
from tests.kit.linear import assert_linear

needs_text = pytest.mark.skipif(rfc_text(9553) is None, reason="no text of RFC 9553 beside the checkout")
_BROKEN = {35: "data wrapped into lines", 36: "a brace is missing"}


def card(**properties: Any) -> dict[str, Any]:
    return {"@type": "Card", "version": "1.0", "uid": "u", **properties}


@needs_text
@pytest.mark.rfc("9553 §1.7", "MUST")
@pytest.mark.parametrize("example", examples(9553), ids=lambda example: str(example.figure))
def test_the_examples_are_valid(example: Example) -> None:
    if example.figure in _BROKEN:
        pytest.skip(_BROKEN[example.figure])
    assert check({**card(), **example.card()}) == []


@needs_text
def test_there_are_examples() -> None:
    assert len(examples(9553)) > 35


@pytest.mark.rfc("9553 §2.1", "MUST")
def test_what_must_be_there_is_named() -> None:
    assert check({}) == ["@type", "version", "uid"]
    assert check(card(version="2.0")) == ["version"]
    assert check({**card(), "@type": "Contact"}) == ["@type"]


NAME = {"components": [{"kind": "given", "value": "Jane"}, {"kind": "surname", "value": "Doe"}]}

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"created": "2022-09-30T14:35:10.50Z"}, ["created"]),
    ({"created": "2022-09-30T14:35:10.0Z"}, ["created"]),
    ({"created": "2022-02-29T14:35:10Z"}, ["created"]),
    ({"created": "2022-09-30t14:35:10z"}, ["created"]),
    ({"updated": "2022-09-30T14:35:10+01:00"}, ["updated"]),
    ({"updated": "2022-09-30"}, ["updated"]),
    ({"updated": "٢٠22-09-30T14:35:10Z"}, ["updated"]),
    ({"kind": "Individual"}, ["kind"]),
    ({"kind": "person"}, ["kind"]),
    ({"kind": "-x.example:y"}, ["kind"]),
    ({"language": "de_AT"}, ["language"]),
    ({"language": "englishish"}, ["language"]),
    ({"members": {"a": True}}, ["members"]),
    ({"kind": "group", "members": {"a": False}}, ["members/a"]),
    ({"prodId": ""}, ["prodId"]),
    ({"relatedTo": {"a/b": {"relation": {"friend": 1}}}}, ["relatedTo/a~1b/relation/friend"]),
    ({"relatedTo": {"a": {"@type": "relation"}}}, ["relatedTo/a/@type"]),
    ({"uid": 7}, ["uid"]),
    ({"name": {}}, ["name/components"]),
    ({"name": {"components": []}}, ["name/components"]),
    ({"name": {**NAME, "defaultSeparator": " "}}, ["name/defaultSeparator"]),
    ({"name": {"full": "x", "isOrdered": True, "defaultSeparator": " "}}, ["name/defaultSeparator"]),
    ({"name": {"full": "x", "sortAs": {"given": "x"}}}, ["name/sortAs"]),
    ({"name": {**NAME, "sortAs": {"title": "x"}}}, ["name/sortAs"]),
    ({"name": {"components": [{"kind": "separator", "value": "-"}], "isOrdered": True}}, ["name/components"]),
    (
        {"name": {"components": [*NAME["components"], {"kind": "separator", "value": "-"}]}},
        ["name/components"],
    ),
    ({"name": {"components": [{"kind": "given", "value": "x", "phonetic": "y"}]}}, ["name/components"]),
    ({"name": {"components": [{"kind": "given"}]}}, ["name/components/0/value"]),
    ({"name": {"full": "x", "phoneticScript": "Latin"}}, ["name/phoneticScript"]),
    ({"nicknames": {"a b": {"name": "x"}}}, ["nicknames/a b"]),
    ({"nicknames": {"a" * 256: {"name": "x"}}}, ["nicknames/" + "a" * 256]),
    ({"nicknames": {"": {"name": "x"}}}, ["nicknames/"]),
    ({"nicknames": [{"name": "x"}]}, ["nicknames"]),
    ({"nicknames": {"a": {"name": "x", "pref": 0}}}, ["nicknames/a/pref"]),
    ({"nicknames": {"a": {"name": "x", "pref": 101}}}, ["nicknames/a/pref"]),
    ({"nicknames": {"a": {"name": "x", "pref": True}}}, ["nicknames/a/pref"]),
    ({"nicknames": {"a": {"name": "x", "contexts": {"home": True}}}}, ["nicknames/a/contexts/home"]),
    ({"organizations": {"a": {}}}, ["organizations/a/name"]),
    ({"organizations": {"a": {"units": []}}}, ["organizations/a/units"]),
    ({"speakToAs": {}}, ["speakToAs/grammaticalGender"]),
    ({"titles": {"a": {"name": "x", "kind": "job"}}}, ["titles/a/kind"]),
    ({"titles": {"a": {"name": "x", "organizationId": "o 1"}}}, ["titles/a/organizationId"]),
    ({"emails": {"a": {"address": "nobody"}}}, ["emails/a/address"]),
    ({"emails": {"a": {"address": "a b@c.example"}}}, ["emails/a/address"]),
    ({"onlineServices": {"a": {"service": "x"}}}, ["onlineServices/a/uri"]),
    ({"phones": {"a": {"number": "1", "features": {"cell": True}}}}, ["phones/a/features/cell"]),
    ({"preferredLanguages": {"a": {}}}, ["preferredLanguages/a/language"]),
    ({"calendars": {"a": {"uri": "https://x"}}}, ["calendars/a/kind"]),
    ({"schedulingAddresses": {"a": {"uri": "jane@example.com"}}}, ["schedulingAddresses/a/uri"]),
    ({"addresses": {"a": {"contexts": {"work": True}}}}, ["addresses/a/components"]),
    ({"addresses": {"a": {"countryCode": "USA"}}}, ["addresses/a/countryCode"]),
    ({"addresses": {"a": {"coordinates": "https://x"}}}, ["addresses/a/coordinates"]),
    ({"addresses": {"a": {"timeZone": "Central Europe"}}}, ["addresses/a/timeZone"]),
    ({"directories": {"a": {"kind": "entry", "uri": "x:y", "listAs": 0}}}, ["directories/a/listAs"]),
    ({"media": {"a": {"kind": "photo", "uri": "x:y z"}}}, ["media/a/uri"]),
    ({"media": {"a": {"kind": "photo", "uri": "x:y", "mediaType": "jpeg"}}}, ["media/a/mediaType"]),
    ({"anniversaries": {"a": {"kind": "birth"}}}, ["anniversaries/a/date"]),
    ({"anniversaries": {"a": {"kind": "birth", "date": {}}}}, ["anniversaries/a/date/year"]),
    ({"anniversaries": {"a": {"kind": "birth", "date": {"month": 2}}}}, ["anniversaries/a/date/month"]),
    (
        {"anniversaries": {"a": {"kind": "birth", "date": {"year": 1990, "day": 2}}}},
        ["anniversaries/a/date/day"],
    ),
    (
        {"anniversaries": {"a": {"kind": "birth", "date": {"month": 2, "day": 30}}}},
        ["anniversaries/a/date/day"],
    ),
    (
        {"anniversaries": {"a": {"kind": "birth", "date": {"year": 1900, "month": 2, "day": 29}}}},
        ["anniversaries/a/date/day"],
    ),
    (
        {"anniversaries": {"a": {"kind": "birth", "date": {"utc": "2022-09-30T14:35:10Z"}}}},
        ["anniversaries/a/date/year"],
    ),
    ({"keywords": {"a": None}}, ["keywords/a"]),
    ({"notes": {"a": {"note": "x", "author": {"@type": "Author"}}}}, ["notes/a/author/name"]),
    ({"personalInfo": {"a": {"kind": "hobby", "value": "x", "level": "expert"}}}, ["personalInfo/a/level"]),
    ({"extra": 1}, ["extra"]),
    ({"Emails": {}}, ["Emails"]),
    ({"un-known": 1}, ["un-known"]),
    ({"example.com:a/b": 1}, ["example.com:a~1b"]),
    ({"emails": {"a": {"address": "a@b.example", "PREF": 1}}}, ["emails/a/PREF"]),
    ({"vCardProps": [["x", {}, "text"]]}, ["vCardProps/0"]),
    ({"vCardProps": [["x", {"a": 1}, "text", "y"]]}, ["vCardProps/0"]),
    ({"name": {"full": "x", "vCardParams": {"a b": "c"}}}, ["name/vCardParams"]),
    ({"name": {"full": "x", "vCardName": "a_b"}}, ["name/vCardName"]),
    ({"localizations": []}, ["localizations"]),
]


@pytest.mark.rfc("9553 §1.7.2", "MUST")
@pytest.mark.parametrize(("properties", "named"), WRONG)
def test_what_is_not_valid_is_named(properties: dict[str, Any], named: list[str]) -> None:
    assert check(card(**properties)) == named


RIGHT: list[dict[str, Any]] = [
    {"kind": "example.com:bäz"},
    {"someUnknown": {"any": ["thing", None]}, "example.com:foo": None},
    {"anniversaries": {"a": {"kind": "birth", "date": {"month": 2, "day": 29}}}},
    {
        "anniversaries": {
            "a": {"kind": "birth", "date": {"@type": "PartialDate", "year": 2000, "month": 2, "day": 29}}
        }
    },
    {
        "anniversaries": {
            "a": {"kind": "death", "date": {"@type": "Timestamp", "utc": "2019-10-15T23:10:00.5Z"}}
        }
    },
    {
        "emails": {
            "a": {"@type": "EmailAddress", "address": '"a b"@example.com', "example.com:x": 1, "new": 2}
        }
    },
    {
        "vCardProps": [
            ["x-foo_bar", {"group": "item1", "type": ["a", "b"]}, "unknown", "x", ["a", ["b", "c"]], 1, True]
        ]
    },
    {"nicknames": {"a" * 255: {"name": ""}}},
]


@pytest.mark.rfc("9553 §1.7.4", "MUST")
@pytest.mark.parametrize("properties", RIGHT)
def test_what_is_valid(properties: dict[str, Any]) -> None:
    assert check(card(**properties)) == []


TITLED = card(titles={"t": {"name": "novelist"}}, name=NAME)
LOCALIZED: list[tuple[dict[str, Any], list[str]]] = [
    ({"es": {"titles/t/name": "escritor"}}, []),
    ({"es": {"titles/t": {"name": "escritor"}, "name": {"full": "x"}}}, []),
    ({"es": {"name/components/0/value": "Juana"}}, []),
    ({"e_s": {"titles/t/name": "escritor"}}, ["localizations/e_s"]),
    ({"es": {"titles/t/name": None}}, ["localizations/es/titles~1t~1name"]),
    ({"es": {"titles/t/kind": None}}, []),
    ({"es": {"titles/x/name": "escritor"}}, ["localizations/es/titles~1x~1name"]),
    ({"es": {"titles/t/name": 7}}, ["localizations/es/titles~1t~1name"]),
    ({"es": {"titles/t": {"name": "a"}, "titles/t/name": "b"}}, ["localizations/es/titles~1t~1name"]),
    ({"es": {"name/components/2/value": "x"}}, ["localizations/es/name~1components~12~1value"]),
    ({"es": {"name/components/-": {}}}, ["localizations/es/name~1components~1-"]),
    ({"es": {"name/components/00": {}}}, ["localizations/es/name~1components~100"]),
    ({"es": {"name/components/0": None}}, ["localizations/es/name~1components~10"]),
    ({"es": {"name/components/0/phonetic": "x"}}, ["localizations/es/name~1components~10~1phonetic"]),
    ({"es": {"name/components/0/phonetic": "x", "name/phoneticSystem": "ipa"}}, []),
    ({"es": {"localizations": {}}}, ["localizations/es/localizations"]),
    ({"es": {"uid": None}}, ["localizations/es/uid"]),
    ({"es": []}, ["localizations/es"]),
]


@pytest.mark.rfc("9553 §2.7.1", "MUST")
@pytest.mark.parametrize(("localizations", "named"), LOCALIZED)
def test_localizations_are_patches_that_leave_a_valid_card(localizations: Any, named: list[str]) -> None:
    assert check({**TITLED, "localizations": localizations}) == named


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "properties",
    [
        {"note": "x" * MAX_CARD_OCTETS},
        {"a": nested(MAX_DEPTH)},
        {"keywords": {str(number): True for number in range(MAX_ENTRIES)}},
        {"a": "\ud800"},
    ],
    ids=["octets", "depth", "entries", "surrogate"],
)
def test_beyond_a_limit_nothing_else_is_looked_at(properties: dict[str, Any]) -> None:
    assert check(card(**properties, created=1)) == [""]


def test_at_the_limits_a_card_is_valid() -> None:
    assert (
        check(card(a=nested(MAX_DEPTH - 2), keywords={str(n): True for n in range(MAX_ENTRIES - 20)})) == []
    )


def test_many_languages_cost_no_more_than_a_large_card() -> None:
    def many(count: int) -> dict[str, Any]:
        names = [{"kind": "given", "value": "x"} for _ in range(count)]
        return card(
            name={"components": names},
            localizations={f"x-{n}": {"name/components/0/value": "y"} for n in range(count)},
        )

    assert check(many(10)) == []
    assert check(many(800))[-1].startswith("localizations/x-")
    assert_linear(check, many, 800)
