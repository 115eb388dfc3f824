"""AddressBook/get, /changes and /set (RFC 9610 §2)."""

import json
from typing import Any

import pytest

from pillarbox.contacts.limits import LIMITS
from pillarbox.protocol.jmap.capabilities import CONTACTS
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.contacts import OWN, called, card, create, failed, full_name, state

RIGHTS = {"mayRead": True, "mayWrite": True, "mayShare": False}


async def listed(client: JmapClient) -> list[Any]:
    return list((await called(client, "AddressBook/get"))["list"])


async def new_book(client: JmapClient, **record: Any) -> Any:
    said = await called(client, "AddressBook/set", create={"b": {"name": "Work", **record}})
    return (said["created"] or said["notCreated"])["b"]


async def change(client: JmapClient, key: str, **patch: Any) -> Any:
    said = await called(client, "AddressBook/set", update={key: patch})
    return None if said["updated"] else said["notUpdated"][key]


@pytest.mark.rfc("9610 §1.4.1", "MUST")
def test_what_the_session_says() -> None:
    async def test(client: JmapClient) -> None:
        session = json.loads((await client.service.session(client.account, BASE_URL)).octets)
        assert session["capabilities"][CONTACTS] == {}
        said = session["accounts"][client.account_id]["accountCapabilities"][CONTACTS]
        assert said == {"maxAddressBooksPerCard": None, "mayCreateAddressBook": True}
        assert session["primaryAccounts"][CONTACTS] == client.account_id

    run_with_jmap(test)


@pytest.mark.rfc("9610 §2.1", "MUST")
def test_everybody_has_an_address_book_and_reading_writes_nothing() -> None:
    async def test(client: JmapClient) -> None:
        said = await called(client, "AddressBook/get", ids=None)
        assert said["list"] == [
            {
                "id": "D1", "name": "Contacts", "description": None, "sortOrder": 0, "isDefault": True,
                "isSubscribed": True, "shareWith": None, "myRights": {**RIGHTS, "mayDelete": False},
            }
        ]  # fmt: skip
        assert (said["state"], said["notFound"]) == ("0", [])
        rows = await client.provider.world.database.read(
            lambda tx: tx.value("SELECT count(*) FROM contact_counters")
        )
        assert rows == 0
        said = await called(client, "AddressBook/get", ids=["x", "D9", "D1"], properties=["name"])
        assert said["list"] == [{"id": "D1", "name": "Contacts"}]
        assert said["notFound"] == ["x", "D9"]
        assert await failed(client, "AddressBook/get", properties=["colour"]) == "invalidArguments"

    run_with_jmap(test)


@pytest.mark.rfc("9610 §2.3", "MUST")
def test_one_is_made_changed_and_destroyed() -> None:
    async def test(client: JmapClient) -> None:
        before = await state(client, "AddressBook")
        made = await new_book(client, sortOrder=3)
        assert made == {
            "id": "D2", "isDefault": False, "myRights": {**RIGHTS, "mayDelete": True}, "description": None,
            "isSubscribed": True, "shareWith": None,
        }  # fmt: skip
        assert await change(client, "D2", name="Büro", description="x", isSubscribed=False) is None
        assert await change(client, "D2", sortOrder=None, isDefault=False) is None
        _, book = await listed(client)
        assert (book["name"], book["sortOrder"], book["isSubscribed"]) == ("Büro", 0, False)
        assert await change(client, "D1", name="Friends") is None
        said = await called(client, "AddressBook/set", destroy=["D2", "D1", "D9", "x"])
        assert said["destroyed"] == ["D2"]
        assert {key: one["type"] for key, one in said["notDestroyed"].items()} == {
            "D1": "forbidden", "D9": "notFound", "x": "notFound",
        }  # fmt: skip
        said = await called(client, "AddressBook/changes", sinceState=before)
        assert (said["created"], said["updated"], said["destroyed"]) == ([], ["D1"], [])
        assert [book["name"] for book in await listed(client)] == ["Friends"]
        assert (await new_book(client))["id"] == "D3", "an id is never used again"

    run_with_jmap(test)


@pytest.mark.rfc("9610 §2", "MUST")
@pytest.mark.parametrize(
    ("record", "error", "properties"),
    [
        ({"name": ""}, "invalidProperties", ["name"]),
        ({"name": None}, "invalidProperties", ["name"]),
        ({"name": "ä" * 128}, "invalidProperties", ["name"]),
        ({"name": "a\0b"}, "invalidProperties", ["name"]),
        ({"sortOrder": -1}, "invalidProperties", ["sortOrder"]),
        ({"sortOrder": 2**31}, "invalidProperties", ["sortOrder"]),
        ({"isSubscribed": "yes", "description": 1}, "invalidProperties", ["isSubscribed", "description"]),
        ({"isDefault": True, "id": "D9", "colour": 1}, "invalidProperties", ["isDefault", "id", "colour"]),
        ({"myRights": {"mayRead": False}}, "invalidProperties", ["myRights"]),
        ({"shareWith": {"P1": {"mayRead": True}}}, "forbidden", None),
    ],
)
def test_what_an_address_book_cannot_be(record: Any, error: str, properties: Any) -> None:
    async def test(client: JmapClient) -> None:
        said = await new_book(client, **record)
        assert (said["type"], sorted(said.get("properties") or ()) or None) == (
            error, sorted(properties or ()) or None,
        )  # fmt: skip
        if "id" not in record:
            said = await change(client, "D1", **record)
            assert said["type"] == error
        assert len(await listed(client)) == 1

    run_with_jmap(test)


def test_255_octets_are_a_name_and_an_unshared_book_may_say_so() -> None:
    async def test(client: JmapClient) -> None:
        assert (await new_book(client, name="ä" * 127 + "x", shareWith=None))["id"] == "D2"
        assert (await change(client, "D9", name="x"))["type"] == "notFound"
        assert (await change(client, "D2", **{"shareWith/P1": {"mayRead": True}}))["type"] == "forbidden"
        said = await called(client, "AddressBook/set", update={"D2": {"name": "y"}}, destroy=["D2"])
        assert said["notUpdated"]["D2"]["type"] == "willDestroy"
        assert said["destroyed"] == ["D2"]
        for _ in range(LIMITS.books - 1):
            assert "id" in await new_book(client)
        assert (await new_book(client))["type"] == "overQuota"

    run_with_jmap(test)


@pytest.mark.rfc("9610 §2.3", "MUST")
def test_the_default_address_book_changes_where_all_else_succeeds() -> None:
    async def test(client: JmapClient) -> None:
        said = await called(
            client, "AddressBook/set", create={"b": {"name": "Work"}}, onSuccessSetIsDefault="#b"
        )
        assert said["created"]["b"]["isDefault"] is True
        assert said["created"]["b"]["myRights"]["mayDelete"] is False
        assert said["updated"]["D1"]["isDefault"] is False
        assert [book["isDefault"] for book in await listed(client)] == [False, True]

        said = await called(client, "AddressBook/set", onSuccessSetIsDefault="D1")
        assert said["updated"]["D1"]["isDefault"] is True
        assert said["updated"]["D2"]["isDefault"] is False
        assert said["oldState"] != said["newState"] == await state(client, "AddressBook")

        for ignored in ("D9", "x", "#none", "D1"):
            said = await called(client, "AddressBook/set", onSuccessSetIsDefault=ignored)
            assert said["updated"] is None
            assert said["oldState"] == said["newState"]
        said = await called(client, "AddressBook/set", destroy=["D9"], onSuccessSetIsDefault="D2")
        assert said["updated"] is None
        said = await called(client, "AddressBook/set", destroy=["D2"], onSuccessSetIsDefault="D2")
        assert (said["destroyed"], said["updated"]) == (["D2"], None)
        assert [book["isDefault"] for book in await listed(client)] == [True]

    run_with_jmap(test)


@pytest.mark.rfc("9610 §2.3", "MUST")
def test_an_address_book_with_cards_goes_with_them_only_where_that_is_asked_for() -> None:
    async def test(client: JmapClient) -> None:
        await new_book(client)
        alone = (await create(client, addressBookIds={"D2": True}))["id"]
        both = (await create(client, addressBookIds={"D2": True, "D1": True}))["id"]
        before = await state(client)
        said = await called(client, "AddressBook/set", destroy=["D2"])
        assert said["notDestroyed"]["D2"]["type"] == "addressBookHasContents"
        assert await state(client) == before
        said = await called(client, "AddressBook/set", destroy=["D1", "D2"], onDestroyRemoveContents=True)
        assert said["destroyed"] == ["D2"]
        assert said["notDestroyed"]["D1"]["type"] == "forbidden"
        assert (await card(client, both))["addressBookIds"] == OWN
        said = await called(client, "ContactCard/changes", sinceState=before)
        assert (said["updated"], said["destroyed"]) == ([both], [alone])

    run_with_jmap(test)


def test_a_large_address_book_goes_in_several_transactions() -> None:
    async def test(client: JmapClient) -> None:
        await new_book(client)
        cards = {f"c{number}": {"addressBookIds": {"D2": True}} for number in range(450)}
        before = (await called(client, "ContactCard/set", create=cards))["newState"]
        said = await called(client, "AddressBook/set", destroy=["D2"], onDestroyRemoveContents=True)
        assert said["destroyed"] == ["D2"]
        gone: list[str] = []
        more = True
        while more:
            said = await called(client, "ContactCard/changes", sinceState=before, maxChanges=100)
            assert len(said["destroyed"]) in (50, 100)
            gone += said["destroyed"]
            before, more = said["newState"], said["hasMoreChanges"]
        assert len(set(gone)) == 450

    run_with_jmap(test)


def test_nothing_is_changed_in_another_state() -> None:
    async def test(client: JmapClient) -> None:
        old = await state(client, "AddressBook")
        await new_book(client)
        assert await failed(client, "AddressBook/set", ifInState=old, destroy=["D2"]) == "stateMismatch"
        assert await failed(client, "AddressBook/changes", sinceState="99") == "cannotCalculateChanges"
        assert await failed(client, "AddressBook/changes", sinceState="x") == "cannotCalculateChanges"
        assert await failed(client, "AddressBook/set", destroy=["D2"] * 501) == "requestTooLarge"
        assert await failed(client, "AddressBook/set", onDestroy=True) == "invalidArguments"
        await create(client, name=full_name("x"))
        assert (await called(client, "AddressBook/changes", sinceState=old))["created"] == ["D2"]

    run_with_jmap(test)
