"""VacationResponse/get and /set (RFC 8621 §8)."""

from typing import Any

import pytest

from pillarbox.directory import vacation
from tests.kit.jmap.client import JmapClient, run_with_jmap

NOTHING_SET = {
    "id": "singleton",
    "isEnabled": False,
    "fromDate": None,
    "toDate": None,
    "subject": None,
    "textBody": None,
    "htmlBody": None,
}


async def update(client: JmapClient, **patch: Any) -> Any:
    _, said = await client.call("VacationResponse/set", update={"singleton": patch})
    return said["notUpdated"]["singleton"] if said["notUpdated"] else said["updated"]["singleton"]


async def got(client: JmapClient) -> Any:
    _, said = await client.call("VacationResponse/get")
    (found,) = said["list"]
    return found


@pytest.mark.rfc("8621 §8.1", "MUST")
def test_there_is_exactly_one() -> None:
    async def test(client: JmapClient) -> None:
        assert await got(client) == NOTHING_SET
        _, said = await client.call("VacationResponse/get", ids=["x", "singleton"], properties=["subject"])
        assert said["list"] == [{"id": "singleton", "subject": None}]
        assert said["notFound"] == ["x"]
        _, said = await client.call("VacationResponse/get", ids=[])
        assert said["list"] == said["notFound"] == []
        _, said = await client.call(
            "VacationResponse/set", create={"a": {}}, update={"x": {}}, destroy=["singleton", "x"]
        )
        assert said["notCreated"] == {"a": {"type": "singleton"}}
        assert said["notUpdated"] == {"x": {"type": "notFound"}}
        assert said["notDestroyed"] == {"singleton": {"type": "singleton"}, "x": {"type": "notFound"}}
        assert said["oldState"] == said["newState"] == "0"

    run_with_jmap(test)


@pytest.mark.rfc("8621 §8.2", "MUST")
def test_it_is_changed() -> None:
    async def test(client: JmapClient) -> None:
        settings = {
            "isEnabled": True,
            "fromDate": "2026-12-24T00:00:00Z",
            "toDate": "2027-01-02T00:00:00Z",
            "subject": "Away",
            "textBody": "Back on 2 January.\n",
            "htmlBody": "<p>Back on 2 January.",
        }
        assert await update(client, **settings) is None
        assert await got(client) == {"id": "singleton", **settings}
        read = client.provider.world.database.read_now
        assert read(vacation.get, client.account.id).is_enabled
        _, before = await client.call("VacationResponse/get", ids=[])
        assert await update(client, isEnabled=True, id="singleton") is None, "as it is"
        _, after = await client.call("VacationResponse/get", ids=[])
        assert before["state"] == after["state"] != "0"
        assert await update(client, toDate="2027-01-02T00:00:00.5Z", subject=None, isEnabled=None) == {
            "toDate": "2027-01-02T00:00:00Z"
        }
        assert await got(client) == {"id": "singleton", **settings, "subject": None, "isEnabled": False}

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("patch", "error", "properties"),
    [
        ({"id": "x"}, "invalidProperties", ["id"]),
        ({"colour": 1, "isEnabled": 1}, "invalidProperties", ["colour", "isEnabled"]),
        ({"fromDate": "2026-12-24"}, "invalidProperties", ["fromDate"]),
        ({"toDate": "2026-02-30T00:00:00Z"}, "invalidProperties", ["toDate"]),
        ({"toDate": "1969-12-31T23:59:59Z"}, "invalidProperties", ["toDate"]),
        ({"subject": "a\nb"}, "invalidProperties", ["subject"]),
        ({"subject": "x" * 201}, "invalidProperties", ["subject"]),
        ({"textBody": "x" * 40_000}, "invalidProperties", ["textBody"]),
        ({"htmlBody": "\0"}, "invalidProperties", ["htmlBody"]),
        ({"subject/x": "a"}, "invalidPatch", None),
    ],
)
def test_what_it_cannot_be(patch: Any, error: str, properties: Any) -> None:
    async def test(client: JmapClient) -> None:
        said = await update(client, **patch)
        assert (said["type"], said.get("properties")) == (error, properties)
        assert await got(client) == NOTHING_SET

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_nothing_is_changed_in_another_state() -> None:
    async def test(client: JmapClient) -> None:
        call = {"update": {"singleton": {"isEnabled": True}}}
        name, said = await client.call("VacationResponse/set", ifInState="1", **call)
        assert (name, said["type"]) == ("error", "stateMismatch")
        _, said = await client.call("VacationResponse/set", ifInState="0", **call)
        assert said["updated"] == {"singleton": None}

    run_with_jmap(test)
