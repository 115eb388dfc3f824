"""Two workers on one database: what a client is told by one holds with the other, and nothing is overwritten unseen."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, open_jmap
from tests.kit.jmap.emails import PLAIN, called, created, delivered, draft, get, state

LARGE = PLAIN + b"word " * 100_000
"""As a file."""


def run_with_two(folder: Path, test: Any) -> None:
    async def run() -> None:
        here, there = await open_jmap(folder=folder), await open_jmap(folder=folder)
        try:
            await test(here, there)
            assert not here.provider.telemetry.failures
            assert not there.provider.telemetry.failures
        finally:
            await here.provider.close()
            await there.provider.close()

    asyncio.run(run())


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_of_two_who_change_the_same_state_one_does(tmp_path: Path) -> None:
    async def test(one: JmapClient, other: JmapClient) -> None:
        email = await delivered(one)
        for number in range(20):
            now = await state(one)
            answers = await asyncio.gather(
                *[
                    client.call(
                        "Email/set", ifInState=now, update={email: {"keywords": {f"{name}{number}": True}}}
                    )
                    for client, name in ((one, "a"), (other, "b"))
                ]
            )
            assert sorted(name for name, _ in answers) == ["Email/set", "error"]
            winner = "ab"[[name for name, _ in answers].index("Email/set")]
            (loser,) = [said for name, said in answers if name == "error"]
            assert loser["type"] == "stateMismatch"
            assert (await get(other, email))[0]["keywords"] == {f"{winner}{number}": True}

    run_with_two(tmp_path, test)


def test_pitfall_28_two_windows_that_save_a_draft_leave_one(tmp_path: Path) -> None:
    async def test(one: JmapClient, other: JmapClient) -> None:
        newest, now = await created(one), await state(one)
        for number in range(20):
            answers = await asyncio.gather(
                *[
                    client.call(
                        "Email/set",
                        ifInState=now,
                        create={"k": draft(client, f"{name} {number}")},
                        destroy=[newest],
                    )
                    for client, name in ((one, "a"), (other, "b"))
                ]
            )
            ((said),) = [said for name, said in answers if name == "Email/set"]
            newest, now = said["created"]["k"]["id"], said["newState"]
            assert [email["id"] for email in await get(one)] == [newest]
            assert await state(other) == now

    run_with_two(tmp_path, test)


def test_both_tell_the_same(tmp_path: Path) -> None:
    async def test(one: JmapClient, other: JmapClient) -> None:
        emails = [await delivered(one, octets) for octets in (PLAIN, LARGE, PLAIN)]
        before = await state(other)
        await called(one, "Email/set", update={emails[0]: {"keywords/a": True}}, destroy=[emails[2]])
        changed = [await called(client, "Email/changes", sinceState=before) for client in (one, other)]
        assert changed[0] == changed[1]
        assert changed[0]["updated"] == emails[:1]
        assert changed[0]["destroyed"] == emails[2:]
        assert await get(one) == await get(other)
        assert [email["size"] for email in await get(other)] == [len(PLAIN), len(LARGE)]

    run_with_two(tmp_path, test)


def test_large_messages_are_files_and_none_is_left_over(tmp_path: Path) -> None:
    """Created, imported, attached, and refused."""

    def files() -> list[str]:
        return [path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()]

    async def test(one: JmapClient, other: JmapClient) -> None:
        email = await delivered(one)
        (message,) = await get(one, email)
        assert files() == []
        text = "word " * 100_000
        said = await called(one, "Email/set", create={"k": draft(one, text)})
        blob = said["created"]["k"]["blobId"]
        assert files() == [blob[1:]]
        (found,) = await get(other, said["created"]["k"]["id"], fetchTextBodyValues=True)
        assert [value["value"] for value in found["bodyValues"].values()] == [text]

        emails = {"k": {"blobId": blob, "mailboxIds": {"F1": True}}}
        imported = await called(other, "Email/import", emails=emails)
        assert imported["created"]["k"]["blobId"] == blob
        assert files() == [blob[1:]], "no other copy"

        refused = draft(one, text, mailboxIds={"F99": True})
        said = await called(one, "Email/set", create={"k": refused})
        assert said["notCreated"]["k"]["type"] == "invalidProperties"
        said = await one.call("Email/set", create={"k": draft(one, text)}, ifInState=await state(one))
        assert said[0] == "Email/set"
        assert len(files()) == 2
        part = {"blobId": blob, "type": "message/rfc822"}
        said = await called(
            other, "Email/set", create={"k": draft(other, attachments=[part, message_part(message)])}
        )
        (found,) = await get(one, said["created"]["k"]["id"], properties=["attachments"])
        assert [part["type"] for part in found["attachments"]] == ["message/rfc822", "text/plain"]
        assert other.provider.world.memory.used_octets == 0

    def message_part(message: Any) -> dict[str, Any]:
        return {"blobId": message["textBody"][0]["blobId"], "type": "text/plain"}

    run_with_two(tmp_path, test)


def test_a_state_that_is_outdated_in_the_transaction_leaves_no_file(tmp_path: Path) -> None:
    async def test(one: JmapClient, other: JmapClient) -> None:
        now = await state(one)
        write = one.provider.world.database.write

        async def late(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            await other.provider.deliver(0, PLAIN)
            return await write(verb, *arguments, **keywords)

        one.provider.world.database.write = late  # type: ignore[method-assign]
        name, said = await one.call("Email/set", create={"k": draft(one, "word " * 100_000)}, ifInState=now)
        assert (name, said["type"]) == ("error", "stateMismatch")
        assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        emails = await other.provider.world.database.read(_emails)
        assert emails == 1

    def _emails(tx: Transaction) -> int:
        found: int = tx.value("SELECT count(*) FROM emails")
        return found

    run_with_two(tmp_path, test)


def test_of_two_who_undo_the_same_each_email_comes_back_once(tmp_path: Path) -> None:
    async def test(one: JmapClient, other: JmapClient) -> None:
        other.provider.world.entropy.token_bytes(1)  # both have the same seed, which no two processes have
        emails = [await delivered(one) for _ in range(250)]
        before = await get(one)
        said = await called(one, "Email/set", undoable=True, destroy=emails)
        answers = await asyncio.gather(
            *[client.call("Email/undo", undoToken=said["undoToken"]) for client in (one, other)]
        )
        undone = [email for name, said in answers if name == "Email/undo" for email in said["undone"] or ()]
        assert sorted(undone) == sorted(emails)
        assert {said["type"] for name, said in answers if name == "error"} <= {"undoTokenNotFound"}
        assert await get(other) == before

    run_with_two(tmp_path, test)
