"""Emails to send, and sending them by JMAP."""

from typing import Any

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import EmailId
from pillarbox.server.chores.releasing import Releases
from pillarbox.server.jmap.context import Context, Handler
from pillarbox.store import mailboxes
from pillarbox.store.append import append
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient
from tests.kit.stored_mail import NOW_MS, message

FRIEND = "u1@one.example"
DRAFTS = {
    "draft": b"From: u0@one.example\r\nTo: u1@one.example\r\nBcc: x@elsewhere.example\r\n",
    "to_nobody": b"From: u0@one.example\r\nSubject: To nobody\r\n",
    "from_nobody": b"From: nobody:;\r\nTo: u1@one.example\r\n",
    "of_two": b"From: u0@one.example, u1@one.example\r\nTo: u1@one.example\r\n",
    "forged": b"From: u1@one.example\r\nTo: u1@one.example\r\n",
    "to_unknown": b"From: u0@one.example\r\nTo: nobody@one.example, u1@one.example\r\n",
}
"""Headers by name."""


async def store(client: JmapClient, header: bytes = DRAFTS["draft"], *, to: str = "Drafts") -> str:
    """Put an email into a mailbox of the client; its id."""

    def verb(tx: Transaction) -> EmailId:
        box = mailboxes.by_name(tx, client.account.id, to).id
        octets = header + b"\r\nThe body.\r\n"
        stored = append(
            tx, client.account.id, box, message(octets), flags="", received_at_ms=NOW_MS, now_ms=NOW_MS
        )
        return EmailId(stored.email_id)

    return object_id.of_email(await client.provider.world.database.write(verb))


async def own_identity(client: JmapClient) -> str:
    """The id of the first identity."""
    _, said = await client.call("Identity/get")
    return str(said["list"][0]["id"])


async def submit(client: JmapClient, email: str, **more: Any) -> dict[str, Any]:
    """What is said of a submission: that it was created, or the error."""
    identity = more.pop("identityId", None) or await own_identity(client)
    record = {"identityId": identity, "emailId": email, **more}
    _, said = await client.call("EmailSubmission/set", create={"k": record})
    found: dict[str, Any] = (said["created"] or said["notCreated"])["k"]
    return found


def envelope(*to: str, sender: str = "u0@one.example", **parameters: str | None) -> dict[str, Any]:
    """An envelope; the parameters are those of MAIL."""
    return {
        "mailFrom": {"email": sender, "parameters": parameters or None},
        "rcptTo": [{"email": address} for address in to],
    }


async def cancel(client: JmapClient, submission: str) -> Any:
    """None where that is done, else the error."""
    _, said = await client.call("EmailSubmission/set", update={submission: {"undoStatus": "canceled"}})
    return None if said["notUpdated"] is None else said["notUpdated"][submission]


async def release(client: JmapClient) -> None:
    """Let go what is held until now."""
    await Releases(client.provider.world, client.provider.config).run(client.provider.world, _no_rest)


async def _no_rest(_seconds: float | None = None) -> None: ...


def octets_of(client: JmapClient, person: int, mailbox: str = "INBOX") -> list[bytes]:
    """The messages in a mailbox of the n-th person."""
    provider = client.provider

    def verb(tx: Transaction) -> list[bytes]:
        account = provider.accounts[person]
        box = mailboxes.by_name(tx, account, mailbox).id
        rows = tx.rows(
            "SELECT e.blob FROM placements p JOIN emails e ON e.id = p.email"
            " WHERE p.account = ? AND p.mailbox = ? ORDER BY p.uid",
            (account, box),
        )
        return [provider.world.blobs.read(tx, digest) for (digest,) in rows]

    return provider.world.database.read_now(verb)


class EmailSets:
    """An Email/set that does nothing but remember what it was called with."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self._failure = failure

    def handlers(self) -> dict[str, Handler]:
        return {"Email/set": self._set}

    async def _set(self, _: Context, given: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(given)
        if self._failure:
            raise self._failure
        return {"accountId": given["accountId"], "updated": dict.fromkeys(given.get("update", ()))}
