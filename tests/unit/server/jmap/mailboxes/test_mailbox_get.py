"""Mailbox/get and Mailbox/changes: properties, counts, trees out of IMAP's names, and what has changed."""

import asyncio
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
from tests.kit.stored_mail import ANNA

COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]
FIRST = b"Message-ID: <1@x>\r\nSubject: s\r\n\r\n1\r\n"
ANSWER = b"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: Re: s\r\n\r\n2\r\n"


async def got(client: JmapClient, *properties: str, **arguments: Any) -> dict[str, Any]:
    """All mailboxes by name."""
    name, said = await client.call(
        "Mailbox/get", ids=None, properties=["name", *properties] if properties else None, **arguments
    )
    assert name == "Mailbox/get", said
    return {record["name"]: record for record in said["list"]}


async def changed(client: JmapClient, state: str, **arguments: Any) -> dict[str, Any]:
    name, said = await client.call("Mailbox/changes", sinceState=state, **arguments)
    assert name == "Mailbox/changes", said
    return said  # type: ignore[no-any-return]


async def state_of(client: JmapClient) -> str:
    _, said = await client.call("Mailbox/get", ids=[])
    return str(said["state"])


async def write(client: JmapClient, verb: Any) -> Any:
    return await client.provider.world.database.write(verb)


def at(tx: Transaction, name: str) -> Any:
    return mailboxes.by_name(tx, ANNA, name).id


async def create(client: JmapClient, *names: str) -> None:
    """As IMAP's CREATE does it."""
    for name in names:
        await write(client, lambda tx, name=name: mailboxes.create(tx, ANNA, name, now_ms=0))


async def delete(client: JmapClient, name: str) -> None:
    await write(client, lambda tx: mailboxes.delete(tx, ANNA, at(tx, name)))


async def store(client: JmapClient, name: str, flag: str, uids: NumberSet = EVERYTHING) -> None:
    await write(client, lambda tx: flags.alter(tx, ANNA, at(tx, name), uids, mode=Mode.ADD, flags=flag))


def counts(record: dict[str, Any]) -> list[int]:
    return [record[name] for name in COUNTS]


# --- properties


@pytest.mark.rfc("8621 §2", "MUST")
def test_a_new_account_has_its_mailboxes() -> None:
    async def test(client: JmapClient) -> None:
        found = await got(client)
        roles = {name: (record["role"], record["parentId"]) for name, record in found.items()}
        assert roles == {
            "INBOX": ("inbox", None),
            "Drafts": ("drafts", None),
            "Sent": ("sent", None),
            "Junk": ("junk", None),
            "Trash": ("trash", None),
            "Archive": ("archive", None),
        }
        in_order = sorted(found.values(), key=lambda record: record["sortOrder"])
        assert [record["role"] for record in in_order] == [
            "inbox",
            "drafts",
            "sent",
            "archive",
            "junk",
            "trash",
        ]
        assert all(record["isSubscribed"] and counts(record) == [0] * 4 for record in found.values())

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2", "MUST")
def test_all_is_allowed_but_what_imap_refuses_as_well() -> None:
    async def test(client: JmapClient) -> None:
        await create(client, "/".join("x" * 32))
        found = await got(client, "myRights", "parentId", "id")
        assert {right for right, may in found["INBOX"]["myRights"].items() if not may} == {
            "mayRename",
            "mayDelete",
        }
        assert len(found["INBOX"]["myRights"]) == 9
        assert all(found["Trash"]["myRights"].values())
        _, said = await client.call("Mailbox/query", filter={"name": "x", "role": None}, sortAsTree=True)
        _, said = await client.call("Mailbox/get", ids=said["ids"], properties=["myRights"])
        below = [record["myRights"]["mayCreateChild"] for record in said["list"]]
        assert below == [True] * 31 + [False]

    run_with_jmap(test)


def test_levels_without_a_mailbox_are_in_the_name() -> None:
    async def test(client: JmapClient) -> None:
        await create(client, "Work/2026/May")
        await delete(client, "Work/2026")
        found = await got(client, "parentId", "id")
        assert found["2026/May"]["parentId"] == found["Work"]["id"]
        await delete(client, "Work")
        found = await got(client, "parentId", "id")
        assert found["Work/2026/May"]["parentId"] is None

    run_with_jmap(test)


def test_a_mailbox_that_comes_above_others_changes_them() -> None:
    """By CREATE, and by RENAME, which IMAP knows as a change of one name."""

    async def test(client: JmapClient) -> None:
        await create(client, "Work/2026", "Other")
        await delete(client, "Work")
        orphan = (await got(client, "id"))["Work/2026"]["id"]
        for come in (
            lambda tx: mailboxes.create(tx, ANNA, "Work", now_ms=0),
            lambda tx: mailboxes.rename(tx, ANNA, at(tx, "Other"), "Work", now_ms=0),
        ):
            state = await state_of(client)
            await write(client, come)
            said = await changed(client, state)
            assert orphan in said["updated"]
            assert said["updatedProperties"] is None
            assert "2026" in await got(client, "parentId")
            state = await state_of(client)
            await delete(client, "Work")
            said = await changed(client, state)
            assert orphan in said["updated"]
            assert said["updatedProperties"] is None

    run_with_jmap(test)


# --- counts


@pytest.mark.rfc("8621 §2", "MUST")
def test_the_trash_is_a_world_of_its_own() -> None:
    """The example of §2: unread in the trash, read in the inbox."""

    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, FIRST, flags="\\Seen")
        await client.provider.deliver(0, ANSWER, mailbox="Trash")
        found = await got(client)
        assert counts(found["Trash"]) == [1, 1, 1, 1]
        assert counts(found["INBOX"]) == [1, 0, 1, 0]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2", "MUST")
def test_an_unread_answer_elsewhere_makes_a_thread_unread() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, FIRST, flags="\\Seen")
        await client.provider.deliver(0, ANSWER, mailbox="Archive")
        found = await got(client)
        assert counts(found["INBOX"]) == [1, 0, 1, 1]
        await store(client, "Archive", "\\Draft")
        assert counts((await got(client))["INBOX"]) == [1, 0, 1, 0]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_what_is_deleted_is_not_counted() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, FIRST)
        await client.provider.deliver(0, ANSWER)
        await store(client, "INBOX", "\\Deleted", NumberSet(((1, 1),)))
        assert counts((await got(client))["INBOX"]) == [1, 1, 1, 1]

    run_with_jmap(test)


def test_counts_alone_are_said_to_have_changed() -> None:
    async def test(client: JmapClient) -> None:
        state = await state_of(client)
        await client.provider.deliver(0, FIRST)
        said = await changed(client, state)
        assert said["updatedProperties"] == COUNTS
        assert said["updated"] == ["F1"]
        assert said["newState"] == await state_of(client)
        said = await changed(client, said["newState"])
        assert (said["updated"], said["updatedProperties"], said["hasMoreChanges"]) == ([], None, False)
        await write(client, lambda tx: mailboxes.subscribe(tx, ANNA, "INBOX", subscribed=False))
        assert (await changed(client, state))["updatedProperties"] is None

    run_with_jmap(test)


def test_an_account_is_counted_once_for_all_that_ask() -> None:
    async def test(client: JmapClient) -> None:
        messages = [append.Message(*parts) for parts in [_prepared(number) for number in range(5)]]

        def fill(tx: Transaction) -> None:
            box = at(tx, "INBOX")
            for _ in range(250):
                for message in messages:
                    append.append(tx, ANNA, box, message, flags="", received_at_ms=0, now_ms=0)

        await write(client, fill)
        several = await asyncio.gather(*(got(client) for _ in range(4)))
        assert {found["INBOX"]["totalEmails"] for found in several} == {1250}
        await store(client, "INBOX", "\\Seen")
        assert counts((await got(client))["INBOX"])[:2] == [1250, 0]

    run_with_jmap(test)


def _prepared(number: int) -> tuple[Any, Any]:
    octets = b"Subject: %d\r\n\r\nx\r\n" % number
    return prepare(octets), summarize(octets)


def test_as_many_as_a_query_finds() -> None:
    """Within one request, the count of a mailbox is the total of its emails and threads."""

    async def test(client: JmapClient) -> None:
        for octets in (FIRST, ANSWER, b"Subject: other\r\n\r\n"):
            await client.provider.deliver(0, octets)
        await store(client, "INBOX", "\\Deleted", NumberSet(((3, 3),)))
        account = {"accountId": client.account_id}
        emails = {**account, "filter": {"inMailbox": "F1"}, "calculateTotal": True, "limit": 0}
        said = await client.request(
            ["Mailbox/get", {**account, "ids": ["F1"]}, "0"],
            ["Email/query", emails, "1"],
            ["Email/query", {**emails, "collapseThreads": True}, "2"],
        )
        got, all_of, threads = (response[1] for response in said["methodResponses"])
        (inbox,) = got["list"]
        assert (inbox["totalEmails"], inbox["totalThreads"]) == (all_of["total"], threads["total"]) == (2, 1)

    run_with_jmap(test)


# --- limits and states


def test_more_mailboxes_than_one_call_returns() -> None:
    async def test(client: JmapClient) -> None:
        name, said = await client.call("Mailbox/get", ids=None)
        assert (name, said["type"]) == ("error", "requestTooLarge")
        _, said = await client.call("Mailbox/get", ids=["F1", "F1", "F0", "x"], properties=["name"])
        assert said["list"] == [{"id": "F1", "name": "INBOX"}]
        assert said["notFound"] == ["F0", "x"]

    run_with_jmap(test, limits=Limits(max_objects_in_get=4))


def test_many_mailboxes_are_read_in_a_thread() -> None:
    async def test(client: JmapClient) -> None:
        await write(client, lambda tx: [mailboxes.create(tx, ANNA, f"n{n}", now_ms=0) for n in range(600)])
        _, said = await client.call("Mailbox/query", filter={"name": "N59"}, calculateTotal=True)
        assert said["total"] == 11
        _, said = await client.call("Mailbox/get", ids=said["ids"], properties=["name"])
        assert {"n59", "n599"} < {record["name"] for record in said["list"]}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.2", "MUST")
@pytest.mark.parametrize("state", ["", "x", "999", "-1", "1.2", "13.1.1.1", "1" * 500])
def test_states_that_were_never_given(state: str) -> None:
    async def test(client: JmapClient) -> None:
        for method, name in (
            ("Mailbox/changes", "sinceState"),
            ("Thread/changes", "sinceState"),
            ("Mailbox/queryChanges", "sinceQueryState"),
        ):
            said = await client.call(method, **{name: state})
            assert said[0] == "error"
            assert said[1]["type"] == "cannotCalculateChanges"

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_changes_come_in_parts_each_of_which_goes_on() -> None:
    async def test(client: JmapClient) -> None:
        state = first = await state_of(client)
        await create(client, "a", "b", "c/d")
        found, calls = [], 0
        while True:
            said = await changed(client, state, maxChanges=1)
            assert said["oldState"] == state != said["newState"]
            found += said["created"]
            state, calls = said["newState"], calls + 1
            if not said["hasMoreChanges"]:
                break
        assert calls == len(found) == 4
        assert state == await state_of(client)
        # A /get names at most so many, so no answer has more
        assert len((await changed(client, first))["created"]) == 3

    run_with_jmap(test, limits=Limits(max_objects_in_get=3))


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_created_and_destroyed_in_between() -> None:
    """Whoever saw it is told; who did not, is not (or may be, in vain)."""

    async def test(client: JmapClient) -> None:
        before = await state_of(client)
        await create(client, "draft")
        seen = await state_of(client)
        created = (await got(client, "id"))["draft"]["id"]
        await delete(client, "draft")
        assert (await changed(client, seen))["destroyed"] == [created]
        said = await changed(client, before)
        assert created not in (*said["created"], *said["updated"], *said["destroyed"])

    run_with_jmap(test)


@pytest.mark.rfc("8620 §7.1", "MUST")
def test_all_methods_say_the_same_state() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, FIRST)
        account = {"accountId": client.account_id}
        said = await client.request(
            ["Mailbox/set", {**account, "create": {"a": {"name": "a"}}}, "0"],
            ["Mailbox/get", {**account, "ids": None}, "1"],
            ["Mailbox/query", account, "2"],
            ["Mailbox/changes", {**account, "sinceState": "1"}, "3"],
            ["Mailbox/queryChanges", {**account, "sinceQueryState": "1"}, "4"],
            ["Mailbox/set", account, "5"],
        )
        found = [response[1] for response in said["methodResponses"]]
        keys = ("newState", "state", "queryState", "newState", "newQueryState", "newState")
        assert len({one[key] for one, key in zip(found, keys, strict=True)}) == 1
        assert found[5]["oldState"] == found[5]["newState"]

    run_with_jmap(test)


def test_the_chain_of_the_rfc_with_nothing_new() -> None:
    """RFC 8621 §2.6: `updatedProperties` is null then, which is all properties of no mailbox."""

    async def test(client: JmapClient) -> None:
        account, changes = {"accountId": client.account_id}, {"resultOf": "0", "name": "Mailbox/changes"}
        said = await client.request(
            ["Mailbox/changes", {**account, "sinceState": await state_of(client)}, "0"],
            ["Mailbox/get", {**account, "#ids": {**changes, "path": "/created"}}, "1"],
            [
                "Mailbox/get",
                {
                    **account,
                    "#ids": {**changes, "path": "/updated"},
                    "#properties": {**changes, "path": "/updatedProperties"},
                },
                "2",
            ],
        )
        assert [one[0] for one in said["methodResponses"]] == [
            "Mailbox/changes",
            "Mailbox/get",
            "Mailbox/get",
        ]
        assert said["methodResponses"][2][1]["list"] == []

    run_with_jmap(test)


def test_a_copy_counts_in_both_mailboxes() -> None:
    async def test(client: JmapClient) -> None:
        await client.provider.deliver(0, FIRST)
        copy = lambda tx: placements.copy(tx, ANNA, at(tx, "INBOX"), EVERYTHING, to=at(tx, "Trash"), now_ms=0)  # noqa: E731
        await write(client, copy)
        found = await got(client)
        assert counts(found["INBOX"]) == counts(found["Trash"]) == [1, 1, 1, 1]

    run_with_jmap(test)
