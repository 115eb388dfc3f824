"""Mailbox/query and Mailbox/queryChanges: filters, orders, trees, pages, and what has changed in results."""

from typing import Any

import pytest

from pillarbox.mail.identifiers import MailboxId
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.store import mailboxes
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.stored_mail import ANNA

BY_NAME = [{"property": "name"}]


async def names(client: JmapClient, **query: Any) -> list[str]:
    """The names of the results, in order."""
    name, said = await client.call("Mailbox/query", **query)
    assert name == "Mailbox/query", said
    _, found = await client.call("Mailbox/get", ids=said["ids"], properties=["name"])
    by_id = {record["id"]: record["name"] for record in found["list"]}
    return [by_id[one] for one in said["ids"]]


async def make(client: JmapClient, **records: dict[str, Any]) -> dict[str, str]:
    """Create mailboxes; their ids."""
    _, said = await client.call("Mailbox/set", create=records)
    assert said["notCreated"] is None, said
    return {key: record["id"] for key, record in said["created"].items()}


async def a_tree(client: JmapClient) -> dict[str, str]:
    return await make(
        client,
        z={"name": "z", "sortOrder": 20},
        zb={"name": "b", "parentId": "#z", "sortOrder": 1, "isSubscribed": False},
        za={"name": "Ä", "parentId": "#z", "sortOrder": 2},
        zbx={"name": "x", "parentId": "#zb"},
        y={"name": "y", "sortOrder": 30},
    )


@pytest.mark.rfc("8621 §2.3", "MUST")
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"role": "trash"}, ["Trash"]),
        ({"role": None, "name": "B"}, ["b"]),
        ({"name": "a\u0308"}, ["Ä"]),
        ({"hasAnyRole": False}, ["Ä", "b", "x", "y", "z"]),
        ({"isSubscribed": False}, ["b"]),
        ({"parentId": "F0"}, []),
        ({"role": "nobody's"}, []),
        ({"operator": "AND", "conditions": [{"hasAnyRole": False}, {"parentId": None}]}, ["y", "z"]),
        ({"operator": "OR", "conditions": [{"role": "inbox"}, {"name": "y"}]}, ["INBOX", "y"]),
        ({"operator": "NOT", "conditions": [{"hasAnyRole": True}, {"name": "x"}]}, ["Ä", "b", "y", "z"]),
        ({"operator": "OR", "conditions": []}, []),
    ],
)
def test_filters(condition: dict[str, Any], expected: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        await a_tree(client)
        assert await names(client, filter=condition, sort=BY_NAME) == expected

    run_with_jmap(test)


def test_a_parent_by_its_creation_id() -> None:
    async def test(client: JmapClient) -> None:
        account = {"accountId": client.account_id}
        said = await client.request(
            [
                "Mailbox/set",
                {**account, "create": {"p": {"name": "p"}, "c": {"name": "c", "parentId": "#p"}}},
                "0",
            ],
            ["Mailbox/query", {**account, "filter": {"parentId": "#p"}, "anchor": "#c"}, "1"],
            createdIds={},
        )
        assert said["methodResponses"][1][1]["ids"] == [said["createdIds"]["c"]]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2.3", "MUST")
def test_orders() -> None:
    async def test(client: JmapClient) -> None:
        await a_tree(client)
        ours = {"hasAnyRole": False}
        assert await names(client, filter=ours, sort=[{"property": "name", "isAscending": False}]) == [
            "z",
            "y",
            "x",
            "b",
            "Ä",
        ]
        assert await names(client, filter=ours, sort=[{"property": "sortOrder"}]) == ["b", "Ä", "x", "z", "y"]
        # Those that are equal by all comparators are in the order of their names
        assert await names(client, sort=[{"property": "sortOrder"}], limit=1) == ["b"]
        twice = [{"property": "sortOrder", "isAscending": False}, *BY_NAME, {"property": "sortOrder"}]
        assert await names(client, filter=ours, sort=twice) == ["y", "z", "x", "Ä", "b"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2.3", "MUST")
def test_sorted_as_a_tree() -> None:
    async def test(client: JmapClient) -> None:
        await a_tree(client)
        order = [{"property": "sortOrder", "isAscending": False}]
        assert await names(client, sort=order, sortAsTree=True, limit=5) == ["y", "z", "Ä", "b", "x"]
        # Siblings are compared also where the mailboxes above them are not in the results
        leaves = {"operator": "OR", "conditions": [{"name": "x", "role": None}, {"name": "y"}, {"name": "ä"}]}
        assert await names(client, filter=leaves, sort=order, sortAsTree=True) == ["y", "Ä", "x"]

    run_with_jmap(test)


@pytest.mark.rfc("8621 §2.3", "MUST")
def test_filtered_as_a_tree() -> None:
    async def test(client: JmapClient) -> None:
        await a_tree(client)
        query: dict[str, Any] = {"filter": {"isSubscribed": True, "hasAnyRole": False}, "sort": BY_NAME}
        assert await names(client, **query) == ["Ä", "x", "y", "z"]
        assert await names(client, **query, filterAsTree=True) == ["Ä", "y", "z"]

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filter": {"colour": "red"}}, "unsupportedFilter"),
        ({"filter": {"name": 1}}, "invalidArguments"),
        ({"filter": {"isSubscribed": None}}, "invalidArguments"),
        ({"sort": [{"property": "role"}]}, "unsupportedSort"),
        ({"sort": [{"property": "name", "collation": "i;octet"}]}, "unsupportedSort"),
        ({"anchor": "F99"}, "anchorNotFound"),
        ({"limit": -1}, "invalidArguments"),
        ({"collapseThreads": True}, "invalidArguments"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: str) -> None:
    async def test(client: JmapClient) -> None:
        name, said = await client.call("Mailbox/query", **arguments)
        assert (name, said["type"]) == ("error", error)

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.5", "MUST")
def test_pages() -> None:
    async def test(client: JmapClient) -> None:
        every = await names(client, sort=BY_NAME)
        assert every == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
        _, said = await client.call("Mailbox/query", filter={"role": "inbox"})
        inbox = said["ids"][0]
        for offset, position in ((-9, 0), (-1, 1), (0, 2), (1, 3), (9, 11)):
            arguments = {"sort": BY_NAME, "anchor": inbox, "anchorOffset": offset, "limit": 2}
            _, said = await client.call("Mailbox/query", **arguments)
            assert said["position"] == position
            assert await names(client, **arguments) == every[position : position + 2]
        assert await names(client, sort=BY_NAME, position=-2) == every[-2:]
        assert await names(client, sort=BY_NAME, limit=0) == []

    run_with_jmap(test)


def test_a_filter_of_many_conditions_gives_way() -> None:
    async def test(client: JmapClient) -> None:
        conditions = [{"name": "x"}] * 200 + [{"role": "inbox"}]
        wanted = {"operator": "OR", "conditions": conditions}
        assert await names(client, filter=wanted) == ["INBOX"]

    run_with_jmap(test, limits=Limits(max_filter_conditions=300))


# --- changes


async def changed(client: JmapClient, state: str, **query: Any) -> dict[str, Any]:
    name, said = await client.call("Mailbox/queryChanges", sinceQueryState=state, **query)
    assert name == "Mailbox/queryChanges", said
    return said  # type: ignore[no-any-return]


async def query_state(client: JmapClient) -> str:
    _, said = await client.call("Mailbox/query")
    assert said["canCalculateChanges"] is True
    return str(said["queryState"])


@pytest.mark.rfc("8620 §5.6", "MUST")
def test_a_mailbox_that_is_renamed_moves_in_the_results() -> None:
    async def test(client: JmapClient) -> None:
        ids = await make(client, a={"name": "a"}, m={"name": "m"})
        state = await query_state(client)
        await client.call("Mailbox/set", update={ids["a"]: {"name": "z"}})
        query: dict[str, Any] = {"filter": {"hasAnyRole": False}, "sort": BY_NAME, "calculateTotal": True}
        said = await changed(client, state, **query)
        assert said["removed"] == [ids["a"]]
        assert said["added"] == [{"id": ids["a"], "index": 1}]
        assert said["total"] == 2

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.6", "MUST")
def test_mail_changes_no_results() -> None:
    async def test(client: JmapClient) -> None:
        state = await query_state(client)
        await client.provider.deliver(0, b"Subject: x\r\n\r\n")
        said = await changed(client, state)
        assert (said["removed"], said["added"]) == ([], [])
        assert said["newQueryState"] == await query_state(client) != state
        assert "total" not in said

    run_with_jmap(test)


def test_what_is_below_a_mailbox_moves_with_it() -> None:
    """`sortOrder` of one mailbox decides where a whole tree is, and its subscription what of it is in the results."""

    async def test(client: JmapClient) -> None:
        ids = await a_tree(client)
        tree = {"sort": [{"property": "sortOrder"}], "sortAsTree": True}
        state = await query_state(client)
        await client.call("Mailbox/set", update={ids["z"]: {"sortOrder": 40}})
        said = await changed(client, state, **tree)
        assert {*said["removed"]} == {ids["z"], ids["za"], ids["zb"], ids["zbx"]}
        state = await query_state(client)
        await client.call("Mailbox/set", update={ids["zb"]: {"isSubscribed": True}})
        wanted: dict[str, Any] = {"filter": {"isSubscribed": True}, "filterAsTree": True, **tree}
        said = await changed(client, state, **wanted)
        assert [added["id"] for added in said["added"]] == [ids["zb"], ids["zbx"]]

    run_with_jmap(test)


def test_more_has_changed_than_the_client_takes() -> None:
    async def test(client: JmapClient) -> None:
        state = await query_state(client)
        await make(client, a={"name": "a"}, b={"name": "b"})
        name, said = await client.call("Mailbox/queryChanges", sinceQueryState=state, maxChanges=1)
        assert (name, said["type"]) == ("error", "tooManyChanges")
        assert len((await changed(client, state, maxChanges=2))["added"]) == 2

    run_with_jmap(test)


def test_a_mailbox_that_came_and_went_is_in_no_results() -> None:
    async def test(client: JmapClient) -> None:
        state = await query_state(client)
        ids = await make(client, a={"name": "a"})
        await client.call("Mailbox/set", destroy=[ids["a"]])
        said = await changed(client, state)
        assert said["added"] == []

    run_with_jmap(test)


def test_mailboxes_that_lose_one_above_them_by_imap() -> None:
    async def test(client: JmapClient) -> None:
        ids = await a_tree(client)
        state = await query_state(client)
        await client.provider.world.database.write(
            lambda tx: mailboxes.delete(tx, ANNA, MailboxId(int(ids["zb"][1:])))
        )
        wanted: dict[str, Any] = {"filter": {"parentId": ids["z"]}, "sort": BY_NAME}
        said = await changed(client, state, **wanted)
        assert {*said["removed"]} == {ids["zb"], ids["zbx"]}
        assert said["added"] == [{"id": ids["zbx"], "index": 1}]  # named b/x now

    run_with_jmap(test)
