"""Quota: what an account uses and may, and how clients are told of changes."""

import pytest

from pillarbox.directory import quota
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, QUOTA
from pillarbox.protocol.jmap.types.quota import Storage, parse
from tests.kit.jmap.client import JmapClient, run_with_jmap

MESSAGE = b"Subject: x\r\n\r\nx\r\n"


async def limit(client: JmapClient, octets: int | None) -> None:
    await client.provider.world.database.write(quota.set_account_quota, client.account.id, octets)


@pytest.mark.rfc("9425 §4.1", "MUST")
def test_what_is_used_and_allowed() -> None:
    async def test(client: JmapClient) -> None:
        await limit(client, 1000)
        await client.provider.deliver(0, MESSAGE)
        _, said = await client.call("Quota/get", ids=None)
        assert said["list"] == [
            {
                "id": "storage",
                "resourceType": "octets",
                "used": len(MESSAGE),
                "hardLimit": 1000,
                "scope": "account",
                "name": "Storage",
                "types": ["Email"],
                "warnLimit": None,
                "softLimit": None,
                "description": None,
            }
        ]
        _, said = await client.call("Quota/get", ids=["storage", "x"], properties=["used"])
        assert said["list"] == [{"id": "storage", "used": len(MESSAGE)}]
        assert said["notFound"] == ["x"]
        for using, ids in (((CORE, QUOTA), []), ((CORE, QUOTA, MAIL), ["storage"])):
            arguments = {"accountId": client.account_id}
            answer = await client.request(["Quota/query", arguments, "0"], using=using)
            assert answer["methodResponses"][0][1]["ids"] == ids, "types that the client does not know"

    run_with_jmap(test)


@pytest.mark.rfc("9425 §4.3", "MUST")
def test_changes() -> None:
    async def test(client: JmapClient) -> None:
        async def state() -> str:
            _, said = await client.call("Quota/get", ids=[])
            found: str = said["state"]
            return found

        async def changed(since: str) -> tuple[str, object]:
            _, said = await client.call("Quota/changes", sinceState=since)
            assert said["oldState"] == since
            assert said["newState"] == await state()
            kinds = [kind for kind in ("created", "updated", "destroyed") if said[kind]]
            assert all(said[kind] == ["storage"] for kind in kinds)
            return " ".join(kinds), said["updatedProperties"]

        none = await state()
        await limit(client, 1000)
        empty = await state()
        assert await changed(none) == ("created", None)
        await client.provider.deliver(0, MESSAGE)
        one = await state()
        assert await changed(empty) == ("updated", ["used"])
        await limit(client, 2000)
        assert await changed(one) == ("updated", None)
        assert await changed(empty) == ("updated", None)
        assert await changed(await state()) == ("", None)
        await client.provider.expunge(0)
        await limit(client, 1000)
        assert await state() == empty, "the same again"
        await limit(client, None)
        assert await changed(one) == ("destroyed", None)
        assert await changed(none) == ("", None)

    run_with_jmap(test)


@pytest.mark.rfc("9425 §4.4", "MUST")
def test_queries() -> None:
    async def test(client: JmapClient) -> None:
        async def query(**filter_: object) -> list[str]:
            sort = [{"property": "used"}, {"property": "name"}]
            _, said = await client.call("Quota/query", filter=filter_, sort=sort)
            ids: list[str] = said["ids"]
            return ids

        assert await query() == []
        await limit(client, 1000)
        for matching in (
            {},
            {"name": "tor"},
            {"scope": "account", "resourceType": "octets", "type": "Email"},
            {"operator": "NOT", "conditions": [{"scope": "domain"}]},
            {"operator": "OR", "conditions": [{"scope": "domain"}, {"scope": "account"}]},
            {"operator": "AND", "conditions": []},
        ):
            assert await query(**matching) == ["storage"], matching
        for other in (
            {"name": "stor"},
            {"scope": "global"},
            {"resourceType": "count"},
            {"type": "Mail"},
            {"scope": "account", "type": "Contact"},
            {"operator": "AND", "conditions": [{"scope": "domain"}, {"scope": "account"}]},
            {"operator": "NOT", "conditions": [{}]},
        ):
            assert await query(**other) == [], other

    run_with_jmap(test)


@pytest.mark.rfc("9425 §4.5", "MUST")
def test_query_changes() -> None:
    async def test(client: JmapClient) -> None:
        async def changed(since: str, scope: str = "account") -> tuple[list[str], list[object], int]:
            _, said = await client.call(
                "Quota/queryChanges", sinceQueryState=since, filter={"scope": scope}, calculateTotal=True
            )
            return said["removed"], said["added"], said["total"]

        added = [{"id": "storage", "index": 0}]
        _, without = await client.call("Quota/query")
        await limit(client, 1000)
        _, with_one = await client.call("Quota/query")
        assert await changed(without["queryState"]) == ([], added, 1)
        assert await changed(without["queryState"], "domain") == ([], [], 0)
        await client.provider.deliver(0, MESSAGE)
        assert await changed(with_one["queryState"]) == ([], [], 1)
        await limit(client, None)
        assert await changed(with_one["queryState"]) == (["storage"], [], 0)
        name, said = await client.call("Quota/queryChanges", sinceQueryState="7")
        assert (name, said["type"]) == ("error", "cannotCalculateChanges")

    run_with_jmap(test)


@pytest.mark.parametrize(
    "state",
    ["", ".", "1", "1.", ".1", "01.1", "1.x", "x.1", "1.1.1", "\u0663.1", "9" * 30 + ".1", "-1.1", "1.none"],
)
def test_other_states_are_none(state: str) -> None:
    assert parse(state) is None


@pytest.mark.parametrize("storage", [Storage(0, None), Storage(7, 1), Storage(2**60, 2**62)])
def test_states_are_read_again(storage: Storage) -> None:
    assert parse(storage.state) == storage
