"""Email/copy: RFC 8621 §4.7. Nobody has two accounts yet: here one is given to them."""

from dataclasses import replace
from typing import Any

import pytest

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.protocol.jmap.session_object import Access
from pillarbox.server.jmap import service
from pillarbox.server.jmap.accounts import accesses_of
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import PLAIN, box, called, delivered, failed, get, state
from tests.kit.provider import PEOPLE

pytestmark = pytest.mark.replaces_functions


async def shared(
    client: JmapClient, monkeypatch: pytest.MonkeyPatch, *, read_only: bool = False
) -> JmapClient:
    """The second person, whose account the client may use as well."""
    world = client.provider.world
    account = await world.database.read(accounts.by_login, PEOPLE[1])
    assert account is not None
    other = replace(client, account=account)

    def both(asks: Account, *offered: Any, **login: Any) -> dict[str, Access]:
        found, theirs = accesses_of(asks, *offered, **login), accesses_of(account, *offered)[other.account_id]
        if asks.id != account.id:
            found[theirs.id] = Access(
                id=theirs.id, name=theirs.name, capabilities=theirs.capabilities, is_read_only=read_only
            )
        return found

    monkeypatch.setattr(service, "accesses_of", both)
    return other


async def theirs(other: JmapClient, octets: bytes = PLAIN, flags: str = "") -> str:
    await other.provider.deliver(1, octets, flags=flags)
    return str((await get(other))[-1]["id"])


@pytest.mark.parametrize("octets", [PLAIN, PLAIN + b"word " * 80_000])
@pytest.mark.rfc("8621 §4.7", "MUST")
def test_copies(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        original = await theirs(other, octets, "\\Seen work")
        (before,) = await get(other)
        where = {box(client): True, box(client, "Sent"): True}
        said = await called(
            client,
            "Email/copy",
            fromAccountId=other.account_id,
            create={
                "a": {"id": original, "mailboxIds": where},
                "b": {
                    "id": original,
                    "mailboxIds": where,
                    "keywords": {"$flagged": True},
                    "receivedAt": "2024-05-06T07:08:09Z",
                },
            },
        )
        assert said["fromAccountId"] == other.account_id
        assert said["newState"] == await state(client)
        first, second = await get(client)
        for told, found in ((said["created"]["a"], first), (said["created"]["b"], second)):
            assert told == {name: found[name] for name in ("id", "blobId", "threadId", "size")}
            assert found["blobId"] == before["blobId"]
            assert found["mailboxIds"] == where
        assert first["keywords"] == before["keywords"] == {"$seen": True, "work": True}
        assert first["receivedAt"] == before["receivedAt"]
        assert second["keywords"] == {"$flagged": True}
        assert second["receivedAt"] == "2024-05-06T07:08:09Z"
        assert await get(other) == [before]
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.4", "MUST")
def test_the_original_is_destroyed_if_the_copy_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        first, second = await theirs(other), await theirs(other)
        create = {
            "a": {"id": first, "mailboxIds": {box(client): True}},
            "b": {"id": second, "mailboxIds": {}},
        }
        arguments = {
            "accountId": client.account_id,
            "fromAccountId": other.account_id,
            "create": create,
            "onSuccessDestroyOriginal": True,
            "destroyFromIfInState": await state(other),
        }
        answer = await client.request(["Email/copy", arguments, "0"])
        (copied, destroyed) = answer["methodResponses"]
        assert [copied[0], destroyed[0]] == ["Email/copy", "Email/set"]
        assert [*copied[1]["created"]] == ["a"]
        assert copied[1]["notCreated"]["b"]["properties"] == ["mailboxIds"]
        assert destroyed[1]["destroyed"] == [first]
        assert destroyed[1]["accountId"] == other.account_id
        assert [email["id"] for email in await get(other)] == [second]

        answer = await client.request(
            ["Email/copy", {**arguments, "create": {"a": {**create["a"], "id": second}}}, "0"]
        )
        (copied, destroyed) = answer["methodResponses"]
        assert (destroyed[0], destroyed[1]["type"]) == ("error", "stateMismatch")
        assert len(await get(other)) == 1

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("record", "kind", "properties"),
    [
        ({"id": None}, "invalidProperties", ["id"]),
        ({"id": "M5"}, "notFound", None),
        ({"id": "nobody"}, "notFound", None),
        ({"mailboxIds": {"F99": True}}, "invalidProperties", ["mailboxIds"]),
        ({"subject": "Other", "size": 1}, "invalidProperties", ["subject", "size"]),
        ({"keywords": {"a b": True}}, "invalidProperties", ["keywords"]),
    ],
)
@pytest.mark.rfc("8621 §4.7", "MUST")
def test_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, record: dict[str, Any], kind: str, properties: list[str] | None
) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        given = {"id": await theirs(other), "mailboxIds": {box(client): True}, **record}
        said = await called(client, "Email/copy", fromAccountId=other.account_id, create={"k": given})
        assert said["notCreated"]["k"]["type"] == kind
        assert said["notCreated"]["k"].get("properties") == properties

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.4", "MUST")
def test_accounts_and_states(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        create = {"k": {"id": await delivered(client), "mailboxIds": {box(client): True}}}

        async def kind(**arguments: Any) -> str:
            return str((await failed(client, "Email/copy", create=create, **arguments))["type"])

        assert await kind(fromAccountId=client.account_id) == "invalidArguments"
        assert await kind(fromAccountId="A2") == "fromAccountNotFound"
        assert await kind() == "invalidArguments"
        other = await shared(client, monkeypatch, read_only=True)
        assert await kind(fromAccountId=other.account_id, ifInState="no") == "stateMismatch"
        assert await kind(fromAccountId=other.account_id, ifFromInState="no") == "stateMismatch"
        assert await kind(fromAccountId=other.account_id, onSuccessDestroyOriginal=True) == "accountReadOnly"
        assert await kind(fromAccountId=client.account_id, accountId=other.account_id) == "accountReadOnly"

    run_with_jmap(test)


def test_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        create = {"k": {"id": await theirs(other), "mailboxIds": {box(client): True}}}

        async def fail(*_: Any, **__: Any) -> Any:
            raise DatabaseUnavailable("no disk")

        client.provider.world.database.write = fail  # type: ignore[method-assign]
        said = await failed(
            client, "Email/copy", fromAccountId=other.account_id, create=create, onSuccessDestroyOriginal=True
        )
        assert said["type"] == "serverUnavailable"
        assert len(await get(other)) == 1

    run_with_jmap(test)
