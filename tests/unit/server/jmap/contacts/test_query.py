"""ContactCard/query and /queryChanges (RFC 9610 §3.3, §3.4)."""

from typing import Any

import pytest

from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import (
    OWN,
    called,
    components,
    create,
    failed,
    found,
    full_name,
    state,
    update,
)

CARDS: dict[str, dict[str, Any]] = {
    "joe": {
        "name": components(given="Joe", surname="Bloggs", surname2="Smith"),
        "nicknames": {"n": {"name": "Blogger"}},
        "organizations": {"o": {"name": "Acme Ltd", "units": [{"name": "Research"}]}},
        "emails": {"e": {"address": "joe.bloggs@example.com", "label": "old one"}},
        "phones": {"p": {"number": "+1-555-0100", "label": "car"}},
        "onlineServices": {
            "s": {"service": "Mastodon", "uri": "https://social.example/@joe", "user": "@joe"}
        },
        "addresses": {
            "a": {"components": [{"kind": "locality", "value": "Zürich"}], "full": "Bahnhofstrasse 1"}
        },
        "notes": {"n": {"note": "met at the STRASSE fair"}},
        "created": "2020-01-01T00:00:00Z",
        "updated": "2021-01-01T00:00:00Z",
    },
    "ann": {
        "name": full_name("Ann Straße"),
        "created": "2020-06-01T00:00:00.5Z",
        "updated": "2020-06-02T00:00:00Z",
        "emails": {"e": {"address": "ann@x.example"}},
    },
    "team": {
        "kind": "group",
        "members": {"joe": True, "who": True},
        "name": components(given="Édith"),
        "created": "2019-01-01T00:00:00Z",
        "updated": "2022-01-01T00:00:00Z",
    },
}


async def filled(client: JmapClient) -> dict[str, str]:
    """Ids of the cards, by uid."""
    return {uid: (await create(client, uid=uid, **card))["id"] for uid, card in CARDS.items()}


@pytest.mark.rfc("9610 §3.3.1", "MUST")
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, "joe ann team"),
        ({"inAddressBook": "D1"}, "joe ann team"),
        ({"inAddressBook": "D9"}, ""),
        ({"inAddressBook": "x"}, ""),
        ({"uid": "joe"}, "joe"),
        ({"uid": "JOE"}, ""),
        ({"hasMember": "joe"}, "team"),
        ({"hasMember": "jo"}, ""),
        ({"kind": "group"}, "team"),
        ({"kind": "individual"}, "joe ann"),
        ({"createdBefore": "2020-01-01T00:00:00Z"}, "team"),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, "joe ann"),
        ({"createdAfter": "2020-06-01T00:00:00.5Z"}, "ann"),
        ({"createdBefore": "2020-06-01T00:00:00.5Z"}, "joe team"),
        ({"updatedBefore": "2021-01-01T00:00:00Z"}, "ann"),
        ({"updatedAfter": "2021-01-01T00:00:00Z"}, "joe team"),
        ({"createdAfter": "2016-12-31T23:59:60Z"}, "joe ann team"),
        ({"text": "bloggs"}, "joe"),
        ({"text": "JOE blog"}, "joe"),
        ({"text": "research"}, "joe"),
        ({"text": '"joe bloggs"'}, ""),
        ({"text": '"Acme ltd"'}, "joe"),
        ({"text": "'ann straße'"}, "ann"),
        ({"text": "strasse"}, "joe ann"),
        ({"text": ""}, "joe ann team"),
        ({"text": "édith"}, "team"),
        ({"text": "e\u0301dith"}, "team"),
        ({"text": "acme ann"}, ""),
        ({"name": "smith"}, "joe"),
        ({"name": "ann"}, "ann"),
        ({"name": "acme"}, ""),
        ({"name/given": "joe"}, "joe"),
        ({"name/given": "bloggs"}, ""),
        ({"name/surname": "bloggs"}, "joe"),
        ({"name/surname2": "SMITH"}, "joe"),
        ({"nickname": "blogger"}, "joe"),
        ({"organization": "acme"}, "joe"),
        ({"email": "@example.com"}, "joe"),
        ({"email": "old"}, "joe"),
        ({"phone": "555-0100"}, "joe"),
        ({"phone": "car"}, "joe"),
        ({"onlineService": "mastodon"}, "joe"),
        ({"onlineService": "social.example"}, "joe"),
        ({"address": "zürich"}, "joe"),
        ({"address": "bahnhof"}, "joe"),
        ({"note": "strasse"}, "joe"),
        ({"note": "bloggs"}, ""),
        ({"kind": "individual", "name": "ann"}, "ann"),
    ],
)
def test_conditions(condition: dict[str, Any], expected: str) -> None:
    async def test(client: JmapClient) -> None:
        ids = await filled(client)
        assert await found(client, **condition) == [ids[uid] for uid in expected.split()]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.5", "MUST")
def test_operators() -> None:
    async def test(client: JmapClient) -> None:
        ids = await filled(client)
        joe, ann = {"uid": "joe"}, {"name": "ann"}
        for operator, expected in (("AND", []), ("OR", ["joe", "ann"]), ("NOT", ["team"])):
            said = await found(client, operator=operator, conditions=[joe, ann])
            assert said == [ids[uid] for uid in expected]

    run_with_jmap(test)


@pytest.mark.rfc("9610 §3.3.2", "MUST")
@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([{"property": "created"}], "team joe ann"),
        ([{"property": "created", "isAscending": False}], "ann joe team"),
        ([{"property": "updated"}], "ann joe team"),
        ([{"property": "name/given"}], "ann team joe"),
        ([{"property": "name/given", "isAscending": False}], "joe team ann"),
        ([{"property": "name/surname", "isAscending": False}], "joe ann team"),
        ([{"property": "name/surname2"}, {"property": "updated", "isAscending": False}], "team ann joe"),
        ([], "joe ann team"),
    ],
)
def test_sorts(sort: list[dict[str, Any]], expected: str) -> None:
    async def test(client: JmapClient) -> None:
        ids = await filled(client)
        said = await called(client, "ContactCard/query", sort=sort)
        assert said["ids"] == [ids[uid] for uid in expected.split()]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.5", "MUST")
def test_pages() -> None:
    async def test(client: JmapClient) -> None:
        ids = list((await filled(client)).values())
        said = await called(client, "ContactCard/query", position=1, limit=1, calculateTotal=True)
        assert (said["ids"], said["position"], said["total"]) == (ids[1:2], 1, 3)
        assert said["canCalculateChanges"] is True
        assert said["queryState"] == await state(client)
        said = await called(client, "ContactCard/query", anchor=ids[2], anchorOffset=-1, limit=5)
        assert (said["ids"], said["position"]) == (ids[1:], 1)
        assert "total" not in said
        assert (await called(client, "ContactCard/query", position=-1))["ids"] == ids[2:]
        assert (await called(client, "ContactCard/query", limit=0))["ids"] == []
        for anchor in ("C99", "x"):
            assert await failed(client, "ContactCard/query", anchor=anchor) == "anchorNotFound"

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filter": {"colour": "x"}}, "unsupportedFilter"),
        ({"filter": {"uid": 1}}, "invalidArguments"),
        ({"filter": {"createdBefore": "2020-01-01"}}, "invalidArguments"),
        ({"filter": {"createdBefore": "2020-02-30T00:00:00Z"}}, "invalidArguments"),
        ({"filter": {"text": " ".join(map(str, range(65)))}}, "unsupportedFilter"),
        ({"filter": {"text": "a\0"}}, "invalidArguments"),
        ({"sort": [{"property": "uid"}]}, "unsupportedSort"),
        ({"sort": [{"property": "created", "collation": "x"}]}, "unsupportedSort"),
        ({"limit": -1}, "invalidArguments"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: str) -> None:
    async def test(client: JmapClient) -> None:
        assert await failed(client, "ContactCard/query", **arguments) == error
        if "limit" not in arguments:
            said = await failed(client, "ContactCard/queryChanges", sinceQueryState="0", **arguments)
            assert said == error

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.6", "MUST")
def test_query_changes() -> None:
    async def test(client: JmapClient) -> None:
        ids = await filled(client)
        since = await state(client)
        sort = [{"property": "name/given"}]
        await update(client, ids["joe"], {"name/components/0": {"kind": "given", "value": "Aaron"}})
        await update(client, ids["joe"], {"name": components(given="Aaron")})
        await called(client, "ContactCard/set", destroy=[ids["ann"]])
        new = (await create(client, name=components(given="Zoe")))["id"]
        said = await called(
            client, "ContactCard/queryChanges", sinceQueryState=since, sort=sort, calculateTotal=True
        )
        assert set(said["removed"]) == {ids["joe"], ids["ann"]}
        assert said["added"] == [{"id": ids["joe"], "index": 0}, {"id": new, "index": 2}]
        assert (said["oldQueryState"], said["newQueryState"]) == (since, await state(client))
        assert said["total"] == 3
        said = await called(
            client, "ContactCard/queryChanges", sinceQueryState=since, filter={"name": "zoe"}, upToId=new
        )
        assert said["added"] == [{"id": new, "index": 0}]
        tight = {"sinceQueryState": since, "maxChanges": 1}
        assert await failed(client, "ContactCard/queryChanges", **tight) == "tooManyChanges"
        for state_ in ("x", "99"):
            said = await failed(client, "ContactCard/queryChanges", sinceQueryState=state_)
            assert said == "cannotCalculateChanges"

    run_with_jmap(test)


def test_long_cards_are_searched_and_many_are_in_order() -> None:
    async def test(client: JmapClient) -> None:
        long = " ".join(["word"] * 20_000)
        key = (await create(client, notes={"n": {"note": f"{long} nëedle {long}"}}, name=full_name("x")))[
            "id"
        ]
        many = {
            f"c{number}": {"addressBookIds": OWN, "name": components(given=f"N{499 - number:03}")}
            for number in range(499)
        }
        await called(client, "ContactCard/set", create=many)
        assert await found(client, note="NËEDLE word") == [key]
        assert await found(client, note="missing") == []
        said = await called(client, "ContactCard/query", sort=[{"property": "name/given"}])
        assert said["ids"] == ["C1", *(f"C{number}" for number in range(500, 1, -1))]

    run_with_jmap(test)
