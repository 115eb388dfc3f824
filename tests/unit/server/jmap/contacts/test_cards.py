"""ContactCard/get, /changes and /set (RFC 9610 §3)."""

import asyncio
from typing import Any

import pytest

from pillarbox.contacts.limits import LIMITS
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import (
    OWN,
    called,
    card,
    create,
    failed,
    full_name,
    state,
    update,
)
from tests.kit.stored_mail import NOW_MS

NOW = utc_date(NOW_MS)


def at_now(test: Any) -> None:
    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.rfc("9610 §3.5", "MUST")
def test_what_is_missing_of_a_new_card_is_added_and_told() -> None:
    async def test(client: JmapClient) -> None:
        made = await create(client, name=full_name("Joe"))
        added = {name: value for name, value in made.items() if name != "id"}
        assert added.keys() == {"@type", "version", "uid", "created", "updated"}
        assert made["uid"].startswith("urn:uuid:")
        assert made["uid"][23] == "4"
        assert made["created"] == made["updated"]
        assert await card(client, made["id"]) == {
            "id": made["id"], "addressBookIds": OWN, "name": {"full": "Joe"}, **added,
        }  # fmt: skip
        whole = {"@type": "Card", "version": "1.0", "uid": "u", "created": "2020-01-01T00:00:00Z"}
        made = await create(client, **whole, updated="2020-01-02T00:00:00Z")
        assert made == {"id": "C2"}

    at_now(test)


@pytest.mark.rfc("9610 §3", "MUST")
@pytest.mark.parametrize(
    ("given", "error", "properties"),
    [
        ({"addressBookIds": {}}, "invalidProperties", ["addressBookIds"]),
        ({"addressBookIds": {"D1": False}}, "invalidProperties", ["addressBookIds"]),
        ({"addressBookIds": None}, "invalidProperties", ["addressBookIds"]),
        ({"addressBookIds": {"D9": True}}, "invalidProperties", ["addressBookIds"]),
        ({"addressBookIds": {"F1": True}}, "invalidProperties", ["addressBookIds"]),
        ({"addressBookIds": {"#none": True}}, "invalidProperties", ["addressBookIds"]),
        ({"id": "C7", "addressBookIds": {}}, "invalidProperties", ["id", "addressBookIds"]),
        ({"name": 1, "emails": {"e": {}}}, "invalidProperties", ["name", "emails/e/address"]),
        ({"uid": 1}, "invalidProperties", ["uid"]),
        ({"uid": "u" * 1001}, "invalidProperties", ["uid"]),
        ({"@type": "Group"}, "invalidProperties", ["@type"]),
        ({"notes": {"n": {"note": "a\0b"}}}, "invalidProperties", ["notes"]),
        ({"notes": {"n": {"note": "x" * LIMITS.card_octets}}}, "tooLarge", None),
        ({"keywords": {str(number): True for number in range(6000)}}, "tooLarge", None),
    ],
)
def test_what_a_card_cannot_be(given: Any, error: str, properties: Any) -> None:
    async def test(client: JmapClient) -> None:
        said = await create(client, **given)
        assert said["type"] == error
        assert sorted(said.get("properties", ())) == sorted(properties or ())
        made = await create(client)
        if "id" not in given:
            said = await update(client, made["id"], given)
            assert said["type"] == error
            assert sorted(said.get("properties", ())) == sorted(properties or ())
        assert (await called(client, "ContactCard/get"))["list"].__len__() == 1

    run_with_jmap(test)


def test_a_backslash_is_no_nul() -> None:
    async def test(client: JmapClient) -> None:
        made = await create(client, name=full_name("\\u0000"))
        assert (await card(client, made["id"], "name"))["name"] == {"full": "\\u0000"}

    run_with_jmap(test)


@pytest.mark.rfc("9610 §3", "MUST NOT")
def test_no_two_cards_have_a_uid() -> None:
    async def test(client: JmapClient) -> None:
        first, second = await create(client, uid="one"), await create(client, uid="two")
        said = await create(client, uid="one")
        assert (said["type"], said["properties"], said["existingId"]) == (
            "invalidProperties", ["uid"], first["id"],
        )  # fmt: skip
        assert (await update(client, second["id"], {"uid": "one"}))["existingId"] == first["id"]
        assert (await update(client, second["id"], {"uid": None}))["properties"] == ["uid"]
        await called(client, "ContactCard/set", destroy=[first["id"]])
        assert "updated" in await update(client, second["id"], {"uid": "one"})

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_patches_reach_into_a_card() -> None:
    async def test(client: JmapClient) -> None:
        emails = {"e1": {"address": "a@x.example"}, "e2": {"address": "b@x.example"}}
        key = (await create(client, emails=emails, name=full_name("Joe")))["id"]
        assert await update(client, key, {"emails/e1/address": "c@x.example", "emails/e2": None, "name": None}) == {
            "updated": NOW
        }  # fmt: skip
        found = await card(client, key)
        assert found["emails"] == {"e1": {"address": "c@x.example"}}
        assert "name" not in found
        assert await update(client, key, {"updated": "2020-01-01T00:00:00Z"}) is None
        before = await state(client)
        assert await update(client, key, {"emails/e9": None, "id": key}) is None, "nothing changes"
        assert await update(client, key, found | {"updated": "2020-01-01T00:00:00Z"}) is None
        assert await state(client) == before
        for patch in ({"emails/e9/address": "x"}, {"emails/e1": {}, "emails/e1/address": "y"}, {"a~2": 1}):
            assert (await update(client, key, patch))["type"] == "invalidPatch"
        assert (await update(client, key, {"id": "C9"}))["properties"] == ["id"]
        assert (await update(client, key, {"emails/e1/address": 5}))["properties"] == ["emails/e1/address"]
        assert (await update(client, "C99", {"name": None}))["type"] == "notFound"
        assert (await update(client, "x", {"name": None}))["type"] == "notFound"

    at_now(test)


@pytest.mark.rfc("9610 §3", "MUST")
def test_a_card_is_put_into_address_books_and_taken_out() -> None:
    async def test(client: JmapClient) -> None:
        said = await client.request(
            ["AddressBook/set", {"accountId": client.account_id, "create": {"b": {"name": "Work"}}}, "0"],
            [
                "ContactCard/set",
                {"accountId": client.account_id, "create": {"c": {"addressBookIds": {"#b": True}}}},
                "1",
            ],
            [
                "ContactCard/set",
                {"accountId": client.account_id, "update": {"#c": {"addressBookIds/D1": True}}},
                "2",
            ],
        )
        assert said["methodResponses"][2][1]["updated"]["C1"].keys() == {"updated"}
        assert (await card(client, "C1"))["addressBookIds"] == {"D1": True, "D2": True}
        await update(client, "C1", {"addressBookIds/D1": None})
        assert (await card(client, "C1", "addressBookIds")) == {"id": "C1", "addressBookIds": {"D2": True}}
        assert (await update(client, "C1", {"addressBookIds/D2": None}))["properties"] == ["addressBookIds"]
        assert (await update(client, "C1", {"addressBookIds/D2": False}))["properties"] == ["addressBookIds"]

    run_with_jmap(test)


@pytest.mark.rfc("9610 §3.1", "MUST")
def test_get() -> None:
    async def test(client: JmapClient) -> None:
        for number in range(60):
            await create(client, uid=str(number), **{"x.example:mark": number})
        said = await called(client, "ContactCard/get")
        assert [one["uid"] for one in said["list"]] == [str(number) for number in range(60)]
        ids = ["C9", "D1", "C99", "C9", "#no", "C2"]
        said = await called(client, "ContactCard/get", ids=ids, properties=["uid", "x.example:mark", "name"])
        assert said["list"] == [
            {"id": "C9", "uid": "8", "x.example:mark": 8},
            {"id": "C2", "uid": "1", "x.example:mark": 1},
        ]
        assert said["notFound"] == ["D1", "C99", "#no"]
        assert (await called(client, "ContactCard/get", ids=[]))["list"] == []
        assert await failed(client, "ContactCard/get", properties=["colour"]) == "invalidArguments"

    run_with_jmap(test)


def test_more_than_may_be_read_at_once_is_refused() -> None:
    async def test(client: JmapClient) -> None:
        await called(client, "ContactCard/set", create={key: {"addressBookIds": OWN} for key in "abcd"})
        assert await failed(client, "ContactCard/get") == "requestTooLarge"
        assert len((await called(client, "ContactCard/get", ids=["C1", "C2", "C3"]))["list"]) == 3
        assert await failed(client, "ContactCard/set", destroy=["C1"] * 6) == "requestTooLarge"
        said = await called(client, "ContactCard/changes", sinceState="0")
        assert said["created"] == ["C1", "C2", "C3"]
        assert said["hasMoreChanges"]

    run_with_jmap(test, limits=Limits(max_objects_in_get=3, max_objects_in_set=5))


@pytest.mark.rfc("9610 §3.2", "MUST")
def test_changes_are_told_in_parts_of_any_size() -> None:
    async def test(client: JmapClient) -> None:
        start = await state(client)
        await called(client, "ContactCard/set", create={key: {"addressBookIds": OWN} for key in "abc"})
        middle = await state(client)
        await called(
            client, "ContactCard/set", update={"C2": {"name": full_name("x")}}, destroy=["C1", "C9", "x"]
        )
        said = await called(client, "ContactCard/changes", sinceState=middle)
        assert (said["created"], said["updated"], said["destroyed"]) == ([], ["C2"], ["C1"])
        assert said["newState"] == await state(client)
        said = await called(client, "ContactCard/changes", sinceState=start)
        assert (sorted(said["created"]), said["updated"], said["destroyed"]) == (["C2", "C3"], [], [])
        seen: dict[str, list[str]] = {"created": [], "updated": [], "destroyed": []}
        since, more = middle, True
        while more:
            said = await called(client, "ContactCard/changes", sinceState=since, maxChanges=1)
            assert said["newState"] != since
            since, more = said["newState"], said["hasMoreChanges"]
            for name, ids in seen.items():
                ids += said[name]
        assert seen == {"created": [], "updated": ["C2"], "destroyed": ["C1"]}
        for state_ in ("99", "-1", "x", "", "01"):
            assert await failed(client, "ContactCard/changes", sinceState=state_) == "cannotCalculateChanges"

    run_with_jmap(test)


def test_what_is_destroyed_cannot_be_updated() -> None:
    async def test(client: JmapClient) -> None:
        key = (await create(client))["id"]
        said = await called(
            client, "ContactCard/set", update={key: {"name": full_name("x")}}, destroy=[key, key, "C9"]
        )
        assert said["notUpdated"][key]["type"] == "willDestroy"
        assert said["destroyed"] == [key]
        assert said["notDestroyed"]["C9"]["type"] == "notFound"
        assert (await called(client, "ContactCard/get", ids=[key]))["notFound"] == [key]

    run_with_jmap(test)


def test_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        await create(client)
        database = client.provider.world.database
        await database.write(lambda tx: tx.execute("UPDATE contact_counters SET cards = ?", (LIMITS.cards,)))
        assert (await create(client))["type"] == "overQuota"
        assert "updated" in await update(client, "C1", {"name": full_name("x")})
        await database.write(
            lambda tx: tx.execute("UPDATE contact_counters SET cards = 1, octets = ?", (LIMITS.octets - 20,))
        )
        assert (await create(client))["type"] == "overQuota"
        assert (await update(client, "C1", {"name": full_name("x" * 100)}))["type"] == "overQuota"
        assert "updated" in await update(client, "C1", {"name": None})

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_if_in_state() -> None:
    async def test(client: JmapClient) -> None:
        key = (await create(client))["id"]
        now = await state(client)
        await update(client, key, {"name": full_name("x")})
        assert await failed(client, "ContactCard/set", ifInState=now, destroy=[key]) == "stateMismatch"
        now = await state(client)
        many = {f"c{number}": {"addressBookIds": OWN} for number in range(25)}
        said = await called(client, "ContactCard/set", ifInState=now, create=many)
        assert len(said["created"]) == 25
        assert (said["oldState"], said["newState"]) == (now, await state(client))

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_what_another_client_has_changed_meanwhile_is_not_lost() -> None:
    async def test(client: JmapClient) -> None:
        key = (await create(client, name=full_name("Joe")))["id"]
        database, write = client.provider.world.database, client.provider.world.database.write

        async def first_another(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            database.write = write  # type: ignore[method-assign]
            await update(client, key, {"emails": {"e": {"address": "a@x.example"}}})
            return await write(verb, *arguments, **keywords)

        database.write = first_another  # type: ignore[method-assign]
        await update(client, key, {"phones": {"p": {"number": "1"}}})
        found = await card(client, key)
        assert (found["emails"], found["phones"]) == (
            {"e": {"address": "a@x.example"}},
            {"p": {"number": "1"}},
        )

    run_with_jmap(test)


def test_two_clients_at_once() -> None:
    async def test(client: JmapClient) -> None:
        key = (await create(client))["id"]
        names = [f"e{number}" for number in range(12)]
        await asyncio.gather(*(update(client, key, {f"x.example:{name}": True}) for name in names[:6]))
        await update(client, key, {"emails": {}})
        await asyncio.gather(
            *(
                update(client, key, {f"emails/{name}": {"address": f"{name}@x.example"}})
                for name in names[:6]
            ),
            create(client, uid="same"),
            create(client, uid="same"),
        )
        found = await card(client, key)
        assert found["emails"].keys() == set(names[:6])
        assert all(found[f"x.example:{name}"] for name in names[:6])
        assert len((await called(client, "ContactCard/get"))["list"]) == 2

    run_with_jmap(test, limits=Limits(max_concurrent_requests=20))


@pytest.mark.replaces_functions
def test_what_fails_half_way_says_so() -> None:
    async def test(client: JmapClient) -> None:
        database, write, calls = client.provider.world.database, client.provider.world.database.write, 0

        async def failing(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise DatabaseUnavailable("the disk is full")
            return await write(verb, *arguments, **keywords)

        database.write = failing  # type: ignore[method-assign]
        many = {f"c{number:02}": {"addressBookIds": OWN} for number in range(15)}
        said = await called(client, "ContactCard/set", create=many)
        assert len(said["created"]) == 10
        assert {one["type"] for one in said["notCreated"].values()} == {"serverFail"}
        calls = 1
        assert (
            await failed(client, "ContactCard/set", create={"c": {"addressBookIds": OWN}})
            == "serverUnavailable"
        )

    run_with_jmap(test)
