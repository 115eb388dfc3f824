"""Identity/get, /changes and /set (RFC 8621 §6)."""

from typing import Any

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.identities import MAX_IDENTITIES
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.client import JmapClient, run_with_jmap

ME = "u0@one.example"


async def create(client: JmapClient, **record: Any) -> Any:
    _, said = await client.call("Identity/set", create={"i": {"email": ME, **record}})
    return (said["created"] or said["notCreated"])["i"]


async def update(client: JmapClient, key: str, **patch: Any) -> Any:
    _, said = await client.call("Identity/set", update={key: patch})
    return None if said["updated"] else said["notUpdated"][key]


async def listed(client: JmapClient) -> tuple[str, list[Any]]:
    _, said = await client.call("Identity/get")
    return said["state"], said["list"]


@pytest.mark.rfc("8621 §6.1", "MUST")
def test_each_address_is_an_identity() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.world.database.write(
            accounts.add_address, client.account.id, "shop@two.example"
        )
        _, (own, shop) = await listed(client)
        assert own == {
            "id": own["id"], "name": "", "email": ME, "replyTo": None, "bcc": None, "textSignature": "",
            "htmlSignature": "", "mayDelete": False,
        }  # fmt: skip
        assert shop["email"] == "shop@two.example"
        assert not own["id"].isdigit()
        _, said = await client.call("Identity/get", ids=["x", shop["id"], "#i"], properties=["email"])
        assert said["list"] == [{"id": shop["id"], "email": "shop@two.example"}]
        assert said["notFound"] == ["x", "#i"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §6.3", "MUST")
def test_one_is_made_changed_and_deleted() -> None:
    async def test(client: JmapClient) -> None:
        _, (own,) = await listed(client)
        to = [{"name": None, "email": "a@x.example"}]
        made = await create(client, name="Anna", replyTo=[{"email": "a@x.example"}])
        assert made == {
            "id": "I1", "mayDelete": True, "bcc": None, "textSignature": "", "htmlSignature": "",
        }  # fmt: skip
        assert await update(client, "I1", bcc=to, name=None, textSignature="-- \nA", mayDelete=True) is None
        _, (_, found) = await listed(client)
        assert found == {
            "id": "I1", "name": "", "email": ME, "replyTo": to, "bcc": to, "textSignature": "-- \nA",
            "htmlSignature": "", "mayDelete": True,
        }  # fmt: skip
        _, said = await client.call("Identity/set", destroy=["I1", own["id"], "I9"])
        assert said["destroyed"] == ["I1"]
        assert {key: one["type"] for key, one in said["notDestroyed"].items()} == {
            own["id"]: "forbidden",
            "I9": "notFound",
        }

    run_with_jmap(test)


@pytest.mark.rfc("8621 §6.3", "MUST")
@pytest.mark.parametrize(
    ("record", "error", "properties"),
    [
        ({"email": "u1@one.example"}, "forbiddenFrom", None),
        ({"email": "*@one.example"}, "forbiddenFrom", None),
        ({"email": "no"}, "forbiddenFrom", None),
        ({"email": None}, "invalidProperties", ["email"]),
        ({"id": "I7", "mayDelete": True, "colour": 1}, "invalidProperties", ["id", "mayDelete", "colour"]),
        ({"name": "a\nb"}, "invalidProperties", ["name"]),
        ({"name": "a\0b"}, "invalidProperties", ["name"]),
        ({"textSignature": "x" * 70_000}, "invalidProperties", ["textSignature"]),
        (
            {"name": "a\nb", "bcc": [{"email": "no"}], "textSignature": "x" * 70_000},
            "invalidProperties",
            ["name", "textSignature", "bcc"],
        ),
        ({"replyTo": [{"email": "no"}]}, "invalidProperties", ["replyTo"]),
        ({"bcc": [{"email": "a@x.example"}] * 51}, "invalidProperties", ["bcc"]),
        ({"bcc": [{"address": "a@x.example"}]}, "invalidProperties", ["bcc"]),
    ],
)  # fmt: skip
def test_what_an_identity_cannot_be(record: Any, error: str, properties: Any) -> None:
    async def test(client: JmapClient) -> None:
        said = await create(client, **record)
        assert (said["type"], said.get("properties")) == (error, properties)
        _, (own,) = await listed(client)
        if "email" not in record and "id" not in record:
            said = await update(client, own["id"], **record)
            assert (said["type"], said.get("properties")) == (error, properties)
            assert (await listed(client))[1] == [own]

    run_with_jmap(test)


def test_what_cannot_be_changed() -> None:
    async def test(client: JmapClient) -> None:
        _, (own,) = await listed(client)
        assert (await update(client, own["id"], email="a@one.example"))["properties"] == ["email"]
        assert (await update(client, own["id"], **{"bcc/0": None}))["type"] == "invalidPatch"
        assert (await update(client, "I9", name="x"))["type"] == "notFound"
        for number in range(MAX_IDENTITIES):
            assert (await create(client))["id"] == f"I{number + 1}"
        assert (await create(client))["type"] == "overQuota"
        assert (await update(client, own["id"], name="x"))["type"] == "overQuota"
        name, said = await client.call("Identity/set", destroy=["x"] * 501)
        assert (name, said["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test)


@pytest.mark.rfc("8621 §6.2", "MUST")
def test_changes() -> None:
    async def test(client: JmapClient) -> None:
        empty, (own,) = await listed(client)
        await create(client)
        await create(client)
        await update(client, own["id"], name="Anna")
        await client.call("Identity/set", destroy=["I1"])
        now, _ = await listed(client)
        _, said = await client.call("Identity/changes", sinceState=empty)
        assert (said["created"], said["updated"], said["destroyed"]) == (["I2"], [own["id"]], [])
        assert (said["newState"], said["hasMoreChanges"]) == (now, False)
        _, said = await client.call("Identity/changes", sinceState=empty, maxChanges=1)
        assert (said["created"], said["updated"], said["hasMoreChanges"]) == (["I2"], [], True)
        _, said = await client.call("Identity/changes", sinceState=said["newState"], maxChanges=1)
        assert (said["created"], said["updated"], said["hasMoreChanges"]) == ([], [own["id"]], True)
        _, said = await client.call("Identity/changes", sinceState=said["newState"], maxChanges=1)
        assert (said["destroyed"], said["hasMoreChanges"], said["newState"]) == (["I1"], False, now)
        for since in ("", "0", "99-" + now.partition("-")[2]):
            _, said = await client.call("Identity/changes", sinceState=since)
            assert said["type"] == "cannotCalculateChanges"
        await client.provider.world.database.write(accounts.add_address, client.account.id, "b@one.example")
        _, said = await client.call("Identity/changes", sinceState=now)
        assert said["type"] == "cannotCalculateChanges"

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.replaces_functions
def test_nothing_is_changed_in_another_state() -> None:
    async def test(client: JmapClient) -> None:
        state, _ = await listed(client)
        database, write = client.provider.world.database, client.provider.world.database.write

        async def first_another(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            database.write = write  # type: ignore[method-assign]
            await create(client, name="by another client")
            return await write(verb, *arguments, **keywords)

        database.write = first_another  # type: ignore[method-assign]
        name, said = await client.call("Identity/set", ifInState=state, create={"i": {"email": ME}})
        assert (name, said["type"]) == ("error", "stateMismatch")
        now, (_, only) = await listed(client)
        assert only["name"] == "by another client"
        _, said = await client.call(
            "Identity/set", ifInState=now, create={"a": {"email": ME}, "b": {"email": ME}}
        )
        assert said["created"].keys() == {"a", "b"}
        assert (said["oldState"], said["newState"]) == (now, (await listed(client))[0])

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_what_fails_half_way_says_so() -> None:
    async def test(client: JmapClient) -> None:
        database, write, calls = client.provider.world.database, client.provider.world.database.write, 0

        async def failing(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise DatabaseUnavailable
            return await write(verb, *arguments, **keywords)

        database.write = failing  # type: ignore[method-assign]
        records = {"a": {"email": ME}, "b": {"email": ME}}
        _, said = await client.call("Identity/set", create=records)
        assert said["created"].keys() == {"a"}
        assert said["notCreated"]["b"]["type"] == "serverFail"
        calls = 1
        name, said = await client.call("Identity/set", create=records)
        assert (name, said["type"]) == ("error", "serverUnavailable")

    run_with_jmap(test, limits=Limits())
