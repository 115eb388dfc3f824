"""Emails by way of JMAP: what tests of several methods do with them."""

from typing import Any

from pillarbox.mail.identifiers import MailboxId
from pillarbox.store import mailboxes
from tests.kit.jmap.client import JmapClient

PLAIN = b"From: Bea <bea@two.example>\r\nTo: u0@one.example\r\nSubject: Hello\r\nMessage-ID: <1@two.example>\r\n\r\nHow are you?\r\n"  # noqa: E501


def box_number(client: JmapClient, name: str = "INBOX") -> MailboxId:
    """A mailbox of the client's, for verbs."""
    return client.provider.world.database.read_now(
        lambda tx: mailboxes.by_name(tx, client.account.id, name).id
    )


def box(client: JmapClient, name: str = "INBOX") -> str:
    """Its id."""
    return f"F{box_number(client, name)}"


def draft(client: JmapClient, text: str = "Hello", **properties: Any) -> dict[str, Any]:
    """A new Email in the mailbox Drafts, with a text."""
    return {
        "mailboxIds": {box(client, "Drafts"): True},
        "keywords": {"$draft": True},
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "bodyValues": {"t": {"value": text}},
        **properties,
    }


async def called(client: JmapClient, method: str, **arguments: Any) -> Any:
    """What a call is answered with, which is no error."""
    name, said = await client.call(method, **arguments)
    assert name == method, said
    return said


async def failed(client: JmapClient, method: str, **arguments: Any) -> Any:
    """The error that a call is answered with."""
    name, said = await client.call(method, **arguments)
    assert name == "error", said
    return said


async def get(client: JmapClient, *ids: str, properties: list[str] | None = None, **arguments: Any) -> Any:
    """Emails by their ids, all without any; all of them must be there."""
    said = await called(client, "Email/get", ids=list(ids) or None, properties=properties, **arguments)
    assert said["notFound"] == []
    return said["list"]


async def state(client: JmapClient) -> str:
    """That of the account's emails."""
    said = await called(client, "Email/get", ids=[])
    found: str = said["state"]
    return found


async def delivered(client: JmapClient, octets: bytes = PLAIN, **where: str) -> str:
    """Deliver a message to the client; its id."""
    await client.provider.deliver(0, octets, **where)
    last = "SELECT last_email FROM ledgers WHERE account = ?"
    return f"M{client.provider.world.database.read_now(lambda tx: tx.value(last, (client.account.id,)))}"


async def created(client: JmapClient, **properties: Any) -> str:
    """Create a draft; its id."""
    said = await called(client, "Email/set", create={"k": draft(client, **properties)})
    found: str = said["created"]["k"]["id"]
    return found
