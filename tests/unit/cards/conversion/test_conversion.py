"""What vCards become, and Cards, beyond the examples of RFC 9555."""

from typing import Any

import pytest

from pillarbox.cards.card import check
from pillarbox.cards.conversion import reading, to_card, to_vcard, writing
from pillarbox.cards.pointers import same
from pillarbox.cards.vcard import Property, VCard, read, write
from tests.kit.linear import assert_linear


def card_of(lines: str, version: str = "4.0") -> dict[str, Any]:
    (vcard,) = read(f"BEGIN:VCARD\r\nVERSION:{version}\r\n{lines}\r\nEND:VCARD\r\n".encode())
    assert isinstance(vcard, VCard), vcard
    card = to_card(vcard)
    assert check(card) == []
    assert same(card_of_octets(write([to_vcard(card)])), card)
    return card


def card_of_octets(octets: bytes) -> dict[str, Any]:
    (vcard,) = read(octets)
    assert isinstance(vcard, VCard), vcard
    return to_card(vcard)


def lines_of(**properties: Any) -> list[str]:
    """The lines of a Card's vCard, unfolded, without what every vCard has."""
    card = {"@type": "Card", "version": "1.0", "uid": "urn:x", **properties}
    assert check(card) == []
    octets = write([to_vcard(card)])
    assert same(card_of_octets(octets), card)
    lines = octets.decode().replace("\r\n ", "").split("\r\n")
    return [
        line
        for line in lines
        if line not in ("BEGIN:VCARD", "VERSION:4.0", "END:VCARD", "UID:urn:x", "FN:", "")
    ]


def only(lines: str, name: str, version: str = "4.0") -> Any:
    """The one entry of a property that maps ids to objects."""
    (found,) = card_of(lines, version)[name].values()
    return found


# --- names


@pytest.mark.rfc("9555 §2.5.2", "MUST")
def test_the_fn_with_the_least_parameters_would_do_and_the_first_does() -> None:
    card = card_of("FN:One\r\nFN;PREF=1:Two")
    assert card["name"] == {"full": "One"}
    assert card["vCardProps"] == [["fn", {"pref": "1"}, "text", "Two"]]


def test_a_full_name_that_is_derived_is_derived_again() -> None:
    assert "full" not in card_of("N:Doe;Jane;;;\r\nFN;DERIVED=TRUE:Jane Doe")["name"]
    assert card_of("N:Doe;Jane;;;\r\nFN;DERIVED=TRUE:Miss Doe")["name"]["full"] == "Miss Doe"


@pytest.mark.rfc("9555 §3.1", "MUST")
def test_there_is_always_an_fn() -> None:
    assert b"\r\nFN:\r\n" in write([to_vcard({"@type": "Card", "version": "1.0", "uid": "urn:x"})])
    ordered = {
        "components": [{"kind": "given", "value": "Jane"}, {"kind": "surname", "value": "Doe"}],
        "isOrdered": True,
    }
    assert lines_of(name=ordered) == ["FN;DERIVED=TRUE:Jane Doe", 'N;JSCOMPS=";1;0":Doe;Jane;;;;;']


@pytest.mark.rfc("9555 §3.3.1", "MUST")
@pytest.mark.parametrize("entries", ["1", "1;0;0", "1;7", "1;0,1", "x;0", "01;0", "1;s", "1;0;"])
def test_an_order_that_does_not_name_each_value_once_is_none(entries: str) -> None:
    name = card_of(f'N;JSCOMPS=";{entries}":Doe;Jane;;;;;')["name"]
    assert "isOrdered" not in name
    assert [each["kind"] for each in name["components"]] == ["surname", "given"]
    assert name["vCardParams"] == {"jscomps": f";{entries}"}


@pytest.mark.rfc("9554 §2.2", "SHOULD")
def test_second_surnames_and_generations_stand_in_the_old_fields_too() -> None:
    name = {
        "components": [{"kind": "surname2", "value": "R"}, {"kind": "generation", "value": "Jr."}],
        "full": "x",
    }
    assert lines_of(name=name) == ["FN:x", "N:R;;;;Jr.;R;Jr."]


@pytest.mark.rfc("9554 §2.1", "SHOULD")
def test_an_old_address_is_read_by_its_old_fields_and_a_new_one_is_not() -> None:
    old = only("ADR:box;ext;street;town;;;", "addresses")["components"]
    assert [each["kind"] for each in old] == ["postOfficeBox", "apartment", "name", "locality"]
    new = only("ADR:;ext;street;town;;;;;;;7;;;;;;;", "addresses")["components"]
    assert [each["kind"] for each in new] == ["locality", "number"]


def test_how_a_name_is_pronounced() -> None:
    assert card_of("N;ALTID=1:Doe;Jane;;;\r\nN;ALTID=1;PHONETIC=ipa:doʊ;dʒeɪn;;;")["name"] == {
        "components": [
            {"kind": "surname", "value": "Doe", "phonetic": "doʊ"},
            {"kind": "given", "value": "Jane", "phonetic": "dʒeɪn"},
        ],
        "phoneticSystem": "ipa",
    }


@pytest.mark.rfc("9555 §2.3.15", "MUST")
def test_how_a_name_is_pronounced_in_a_language() -> None:
    lines = (
        "LANGUAGE:zh-Hant\r\nN;ALTID=1;LANGUAGE=zh-Hant:孫;中山;文,逸仙;;\r\n"
        "N;ALTID=1;PHONETIC=jyut;SCRIPT=Latn;LANGUAGE=yue:syun1;zung1saan1;man4,jat6sin1;;"
    )
    assert card_of(lines)["localizations"] == {
        "yue": {
            "name/phoneticSystem": "jyut",
            "name/phoneticScript": "Latn",
            "name/components/0/phonetic": "syun1",
            "name/components/1/phonetic": "zung1saan1",
            "name/components/2/phonetic": "man4",
            "name/components/3/phonetic": "jat6sin1",
        }
    }


# --- other languages


def test_languages_of_what_stands_alone_are_kept() -> None:
    assert only("TITLE;LANGUAGE=fr:Patron", "titles") == {
        "kind": "title",
        "name": "Patron",
        "vCardParams": {"language": "fr"},
    }


def test_an_organization_in_two_languages() -> None:
    card = card_of("ORG;ALTID=a:Firm;Sales\r\nORG;ALTID=a;LANGUAGE=de:Firma;Vertrieb")
    assert card["localizations"] == {
        "de": {"organizations/ORG-1/name": "Firma", "organizations/ORG-1/units": [{"name": "Vertrieb"}]}
    }


def test_a_localization_that_vcard_can_say_is_no_jsprop() -> None:
    lines = lines_of(notes={"n": {"note": "a"}}, localizations={"fr": {"notes/n/note": "b"}})
    assert lines == ["NOTE;PROP-ID=n;ALTID=1:a", "NOTE;LANGUAGE=fr;ALTID=1:b"]


# --- addresses, places and times


@pytest.mark.rfc("9555 §2.8.2", "MUST")
@pytest.mark.parametrize(
    ("value", "zone"),
    [
        ("-0500", "Etc/GMT+5"),
        ("+1400", "Etc/GMT-14"),
        ("+00:00", "Etc/UTC"),
        ("Europe/Vienna", "Europe/Vienna"),
    ],
)
def test_time_zones(value: str, zone: str) -> None:
    assert only(f"TZ:{value}", "addresses") == {"timeZone": zone}


@pytest.mark.parametrize("value", ["-0530", "-1300", "+1500", "Raleigh/North America"])
def test_what_is_no_time_zone_is_kept(value: str) -> None:
    card = card_of(f"TZ:{value}")
    assert "addresses" not in card
    assert card["vCardProps"][0][-1] == value


@pytest.mark.rfc("9555 §2.8.3", "MUST")
def test_places_belong_to_the_address_of_their_group() -> None:
    card = card_of("a.ADR:;;x;;;;\r\nb.ADR:;;y;;;;\r\nb.GEO:geo:1,2\r\nTZ:Europe/Vienna\r\na.GEO:geo:3,4")
    one, other, alone = card["addresses"].values()
    assert (one["coordinates"], other["coordinates"]) == ("geo:3,4", "geo:1,2")
    assert alone == {"timeZone": "Europe/Vienna"}


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("19960415", {"year": 1996, "month": 4, "day": 15}),
        ("1996-04-15", {"year": 1996, "month": 4, "day": 15}),
        ("1996-04", {"year": 1996, "month": 4}),
        ("1996", {"year": 1996}),
        ("--0415", {"month": 4, "day": 15}),
        ("--04-15", {"month": 4, "day": 15}),
        ("1953-10-15T23:10:00Z", {"@type": "Timestamp", "utc": "1953-10-15T23:10:00Z"}),
    ],
)
def test_dates(value: str, date: dict[str, Any]) -> None:
    assert only(f"BDAY:{value}", "anniversaries") == {"kind": "birth", "date": date}


@pytest.mark.parametrize(
    "value", ["---15", "--04", "19960231", "19531015T231000", "circa 1800", "199", "", "١٩٩٦"]
)
def test_what_is_no_date_is_kept(value: str) -> None:
    assert card_of(f"BDAY:{value}")["vCardProps"][0][-1] == value


def test_a_place_without_a_date_is_kept() -> None:
    assert card_of("BIRTHPLACE:Vienna")["vCardProps"] == [["birthplace", {}, "text", "Vienna"]]


# --- objects


def test_a_list_of_nicknames() -> None:
    assert list(card_of("NICKNAME;PREF=1:Jim,Jim\\, the other")["nicknames"].values()) == [
        {"name": "Jim", "pref": 1},
        {"name": "Jim, the other", "pref": 1},
    ]


@pytest.mark.rfc("9555 §2.3.18", "MUST")
def test_ids_are_those_that_properties_have() -> None:
    card = card_of(
        "EMAIL:a@b.c\r\nEMAIL;PROP-ID=EMAIL-1:b@b.c\r\nEMAIL;PROP-ID=EMAIL-1:c@b.c\r\nEMAIL;PROP-ID=a b:d@b.c"
    )
    assert {key: each["address"] for key, each in card["emails"].items()} == {
        "EMAIL-2": "a@b.c",
        "EMAIL-1": "b@b.c",
        "EMAIL-3": "c@b.c",
        "EMAIL-4": "d@b.c",
    }
    assert lines_of(emails={"k": {"address": "a@b.c"}}) == ["EMAIL;PROP-ID=k:a@b.c"]


@pytest.mark.parametrize(
    "line", ["EMAIL:nobody", "URL:www.example.com", "LANG:de_AT", "KIND:thing", "ORG:;", "REV:2020"]
)
def test_what_is_not_valid_is_kept(line: str) -> None:
    name = line.partition(":")[0]
    card = card_of(line)
    assert card.keys() == {"@type", "version", "uid", "vCardProps"}
    assert card["vCardProps"][0][0] == name.lower()


@pytest.mark.rfc("9555 §2.11.11", "MUST")
def test_labels_belong_to_their_group() -> None:
    assert only("item1.EMAIL:a@b.c\r\nitem1.X-ABLabel:shop", "emails") == {
        "address": "a@b.c",
        "label": "shop",
    }
    phones = {"a": {"number": "1", "label": "x"}, "b": {"number": "2", "label": "y"}}
    assert lines_of(phones=phones) == [
        "item1.TEL;PROP-ID=a:1",
        "item1.X-ABLABEL:x",
        "item2.TEL;PROP-ID=b:2",
        "item2.X-ABLABEL:y",
    ]


def test_a_group_of_things_that_we_do_not_know_is_kept() -> None:
    card = card_of("item1.EMAIL:a@b.c\r\nitem1.X-ABADR:at")
    assert card["emails"] == {"EMAIL-1": {"address": "a@b.c", "vCardParams": {"group": "item1"}}}
    assert card["vCardProps"] == [["x-abadr", {"group": "item1"}, "unknown", "at"]]


def test_urls_that_an_older_version_escaped() -> None:
    assert only("URL:http\\://example.com/a\\,b", "links", "3.0") == {"uri": "http://example.com/a,b"}


def test_a_photograph_of_version_3() -> None:
    assert only("PHOTO;ENCODING=b;TYPE=JPEG:QUJD", "media", "3.0") == {
        "kind": "photo",
        "uri": "data:image/jpeg;base64,QUJD",
    }


def test_members_are_of_groups_only() -> None:
    assert "members" not in card_of("MEMBER:urn:y")
    assert card_of("MEMBER:urn:y\r\nKIND:group")["members"] == {"urn:y": True}


def test_what_has_parameters_and_no_place_for_them_is_kept_as_well() -> None:
    card = card_of("KIND:group\r\nMEMBER;PREF=1:urn:y\r\nUID;X-A=b:urn:x")
    assert (card["members"], card["uid"]) == ({"urn:y": True}, "urn:x")
    assert write([to_vcard(card)]).count(b"MEMBER") == 1
    assert b"\r\nUID;X-A=b:urn:x\r\n" in write([to_vcard(card)])


def test_a_card_without_uid_gets_one_that_stays() -> None:
    assert card_of("FN:a")["uid"] == card_of("FN:a")["uid"] != card_of("FN:b")["uid"]
    assert card_of("FN:a")["uid"].startswith("urn:uuid:")


# --- JSPROP


@pytest.mark.rfc("9555 §3.2.1", "MUST NOT")
@pytest.mark.parametrize(
    "lines",
    [
        'JSPROP;JSPTR="emails/x/label":"y"',
        'JSPROP;JSPTR="a":1\r\nJSPROP;JSPTR="a/b":2',
        'JSPROP;JSPTR="a":1\r\nJSPROP;JSPTR="a":2',
        'JSPROP;JSPTR="uid":null',
        'JSPROP;JSPTR="id":"C1"',
        'JSPROP;JSPTR="/addressBookIds":{"D1":true}',
        'JSPROP;JSPTR="emails":7',
        'JSPROP;JSPTR="a":{',
        'JSPROP;JSPTR="a":' + "[" * 400 + "]" * 400,
        "JSPROP:1",
    ],
)
def test_a_patch_that_is_not_valid_is_not_applied_and_kept(lines: str) -> None:
    card = card_of(f'JSPROP;JSPTR="fine":1\r\n{lines}')
    assert "fine" not in card
    assert [entry[0] for entry in card["vCardProps"]] == ["jsprop"] * (lines.count("JSPROP") + 1)


def test_a_pointer_may_begin_with_a_slash() -> None:
    assert card_of('JSPROP;JSPTR="/example.com:a":{"b":[1,null]}')["example.com:a"] == {"b": [1, None]}


def test_what_vcard_cannot_say_is_a_jsprop() -> None:
    assert lines_of(emails={"k": {"address": "a@b.c", "example.com:x": True}}) == [
        "EMAIL;PROP-ID=k:a@b.c",
        'JSPROP;JSPTR="emails/k/example.com:x":true',
    ]
    assert lines_of(kind="example.com:robot") == ['JSPROP;JSPTR="kind":"example.com:robot"']
    assert lines_of(created="2022-09-30T14:35:10.5Z")[-1] == 'JSPROP;JSPTR="created":"2022-09-30T14:35:10.5Z"'


def test_a_null_at_the_outermost_level_is_lost() -> None:
    card = {"@type": "Card", "version": "1.0", "uid": "urn:x", "example.com:a": None}
    assert "example.com:a" not in card_of_octets(write([to_vcard(card)]))


def test_kept_properties_cannot_end_the_card_that_they_are_written_to() -> None:
    kept = [["end", {}, "text", "VCARD"], ["x-a", {"x-b": 'a"\r\nEND:VCARD'}, "unknown", "b\nEND:VCARD"]]
    octets = write([to_vcard({"@type": "Card", "version": "1.0", "uid": "urn:x", "vCardProps": kept})])
    assert octets.count(b"\r\nEND:VCARD") == 1
    assert card_of_octets(octets)["vCardProps"] == kept


# --- time

HOSTILE = {
    "nicknames": "NICKNAME:{}a",
    "names": "N:{}a",
    "keywords": "CATEGORIES:{}a",
    "types": 'TEL;TYPE="{}a":1',
    "sort as": 'N;SORT-AS="{}a":a;b',
    "backslashes": "NOTE:\\{}a",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_takes_time_in_proportion_to_its_length(name: str) -> None:
    def vcard(size: int) -> VCard:
        text = HOSTILE[name].format("a," * (size // 2))
        (found,) = read(f"BEGIN:VCARD\r\nVERSION:4.0\r\n{text}\r\nEND:VCARD\r\n".encode())
        assert isinstance(found, VCard)
        return found

    assert_linear(to_card, vcard, 500_000)


MANY = {
    "places": ("ADR:;;a;;;;", "GEO:geo:1,2"),
    "dates": ("BDAY:1990", "BIRTHPLACE:a"),
    "labels": ("g.EMAIL:a@b.c", "g.X-ABLABEL:a"),
    "titles": ("g.TITLE:a", "g.ORG:a"),
    "languages": ("NOTE;ALTID=1:a", "NOTE;ALTID=1;LANGUAGE=x-{}:a"),
    "names": ("FN;DERIVED=TRUE:a", "N:a,b,c;d"),
    "ids": ("EMAIL;PROP-ID=EMAIL-{}:a@b.c", "EMAIL:a@b.c"),
}


@pytest.mark.parametrize("name", MANY)
def test_many_properties_take_time_in_proportion_to_their_number(name: str) -> None:
    def vcard(size: int) -> VCard:
        lines = "\r\n".join(line.format(number) for line in MANY[name] for number in range(size // 2))
        (found,) = read(f"BEGIN:VCARD\r\nVERSION:4.0\r\n{lines}\r\nEND:VCARD\r\n".encode())
        assert isinstance(found, VCard)
        return found

    assert_linear(to_card, vcard, 990)


def test_others_can_run_while_a_card_is_converted() -> None:
    vcard = VCard(tuple(Property("email", "a@b.c") for _ in range(1000)))
    assert sum(1 for _ in reading.steps(vcard)) > 60
    assert sum(1 for _ in writing.steps(to_card(vcard))) > 120


def test_sets_in_another_language_are_a_jsprop_alone() -> None:
    lines = lines_of(keywords={"a": True}, localizations={"fr": {"keywords": {"b": True}}})
    assert lines == ["CATEGORIES:a", 'JSPROP;JSPTR="localizations":{"fr":{"keywords":{"b":true}}}']
