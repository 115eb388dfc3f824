"""Thread/get and Thread/changes."""

from typing import Any

import pytest

from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.store import append, flags, mailboxes, placements
from pillarbox.store.flags import Mode
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap


async def put(client: JmapClient, number: int, subject: str = "s", *, at_ms: int = 0) -> Any:
    """A message of the thread of its subject: its email and thread."""
    octets = f"Message-ID: <{number}@x>\r\nReferences: <r@x>\r\nSubject: {subject}\r\n\r\n".encode()
    message = append.Message(prepare(octets), summarize(octets))

    def verb(tx: Transaction) -> Any:
        box = mailboxes.inbox(tx, client.account.id)
        assert box is not None
        return append.append(tx, client.account.id, box, message, flags="", received_at_ms=at_ms, now_ms=0)

    done = await client.provider.world.database.write(verb)
    return f"M{done.email_id}", f"T{done.thread_id}"


async def write(client: JmapClient, verb: Any, *arguments: Any, **keywords: Any) -> None:
    box = await client.provider.world.database.read(mailboxes.inbox, client.account.id)
    await client.provider.world.database.write(verb, client.account.id, box, *arguments, **keywords)


@pytest.mark.rfc("8621 §3", "MUST")
def test_the_emails_of_a_thread_by_date_then_id() -> None:
    async def test(client: JmapClient) -> None:
        put_at = [await put(client, number, at_ms=at_ms) for number, at_ms in enumerate((5000, 1000, 5000))]
        (late, thread), (early, _), (later, _) = put_at
        _, said = await client.call("Thread/get", ids=[thread, thread, "T1", "M1", "#none"])
        assert said["list"] == [{"id": thread, "emailIds": [early, late, later]}]
        assert said["notFound"] == ["T1", "M1", "#none"]
        _, said = await client.call("Thread/get", ids=[thread], properties=["id"])
        assert said["list"] == [{"id": thread}]

    run_with_jmap(test)


def test_all_threads_up_to_a_limit() -> None:
    async def test(client: JmapClient) -> None:
        threads = [(await put(client, number, f"s{number}"))[1] for number in range(2)]
        _, said = await client.call("Thread/get", ids=None)
        assert [record["id"] for record in said["list"]] == threads
        await write(client, flags.alter, NumberSet(((1, 1),)), mode=Mode.ADD, flags="\\Deleted")
        _, said = await client.call("Thread/get", ids=None)
        assert ([record["id"] for record in said["list"]], said["notFound"]) == (threads[1:], [])
        await put(client, 3, "s3")
        name, said = await client.call("Thread/get", ids=None)
        assert (name, said["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test, limits=Limits(max_objects_in_get=2))


def test_a_long_thread_is_read_in_a_thread() -> None:
    async def test(client: JmapClient) -> None:
        emails = [(await put(client, number))[0] for number in range(230)]
        _, said = await client.call("Thread/get", ids=None)
        assert said["list"][0]["emailIds"] == emails

    run_with_jmap(test)


@pytest.mark.rfc("8621 §3.2", "MUST")
def test_what_changes_a_thread() -> None:
    async def test(client: JmapClient) -> None:
        async def changed(since: str) -> tuple[Any, ...]:
            _, said = await client.call("Thread/changes", sinceState=since)
            return said["created"], said["updated"], said["destroyed"], said["newState"]

        _, said = await client.call("Thread/get", ids=[])
        empty = said["state"]
        _, thread = await put(client, 1)
        created, _, _, one = await changed(empty)
        assert created == [thread]
        await put(client, 2)
        *found, two = await changed(one)
        assert found == [[], [thread], []]
        await write(client, flags.alter, EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert await changed(two) == ([], [], [], two), "flags are no property of a thread"
        await write(client, placements.expunge, deleted_only=False)
        *found, three = await changed(two)
        assert found == [[], [], [thread]]
        assert await changed(empty) == ([], [], [], three)
        _, said = await client.call("Thread/get", ids=[])
        assert said["state"] == three

    run_with_jmap(test)
