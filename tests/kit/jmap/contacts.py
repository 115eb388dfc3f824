"""Contacts by JMAP: what tests of several methods ask for."""

from typing import Any

from tests.kit.jmap.client import JmapClient

OWN = {"D1": True}
"""`addressBookIds`: the address book that everybody has."""


async def called(client: JmapClient, method: str, **arguments: Any) -> Any:
    """The response to a call that succeeds."""
    name, said = await client.call(method, **arguments)
    assert name == method, said
    return said


async def failed(client: JmapClient, method: str, **arguments: Any) -> str:
    """The type of error of a call that fails."""
    name, said = await client.call(method, **arguments)
    assert name == "error", said
    return str(said["type"])


async def create(client: JmapClient, **card: Any) -> Any:
    """What the server says of one new card."""
    said = await called(client, "ContactCard/set", create={"c": {"addressBookIds": OWN, **card}})
    return (said["created"] or said["notCreated"])["c"]


async def update(client: JmapClient, key: str, patch: dict[str, Any]) -> Any:
    """What has changed besides, or the error."""
    said = await called(client, "ContactCard/set", update={key: patch})
    return said["updated"][key] if said["updated"] else said["notUpdated"][key]


async def card(client: JmapClient, key: str, *properties: str) -> Any:
    """One card."""
    said = await called(client, "ContactCard/get", ids=[key], properties=list(properties) or None)
    (found,) = said["list"]
    return found


async def state(client: JmapClient, kind: str = "ContactCard") -> str:
    """Of a type."""
    return str((await called(client, f"{kind}/get", ids=[]))["state"])


async def found(client: JmapClient, **condition: Any) -> list[str]:
    """The cards that match."""
    said = await called(client, "ContactCard/query", filter=condition)
    return list(said["ids"])


def full_name(text: str) -> dict[str, Any]:
    """A `name`."""
    return {"full": text}


def components(**kinds: str) -> dict[str, Any]:
    """A `name` of components."""
    return {"components": [{"kind": kind, "value": value} for kind, value in kinds.items()]}
