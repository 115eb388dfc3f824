"""SavedSearch/get, /changes and /set."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, SAVED_SEARCHES
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap import pushed_states
from pillarbox.server.jmap.saved_searches.remembered import MAX_ACCOUNTS, MAX_FILTERS, Bounds, CountedSearches
from pillarbox.server.jmap.watching import Watches
from pillarbox.store.states import State
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import box, called, delivered, failed

COUNTS = ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads", "countsError"]


def mail(number: int, subject: str = "Hello", text: str = "Hello") -> bytes:
    return (
        f"From: Bea <bea@two.example>\r\nSubject: {subject}\r\nMessage-ID: <{number}@x>\r\n"
        f"References: <0@{subject}>\r\n\r\n{text}\r\n"
    ).encode()


async def saved(client: JmapClient, **properties: Any) -> Any:
    """What the server says of a new search."""
    said = await called(client, "SavedSearch/set", create={"s": {"name": "Some", **properties}})
    assert said["notCreated"] is None
    return said["created"]["s"]


async def counts(client: JmapClient, search: str) -> list[Any]:
    said = await called(client, "SavedSearch/get", ids=[search], properties=COUNTS)
    (found,) = said["list"]
    assert found.pop("id") == search
    return list(found.values())


async def state(client: JmapClient) -> str:
    said = await called(client, "SavedSearch/get", ids=[])
    found: str = said["state"]
    return found


async def changed(client: JmapClient, since: str, most: int | None = None) -> Any:
    said = await called(client, "SavedSearch/changes", sinceState=since, maxChanges=most)
    assert said["oldState"] == since
    return said


def bound(client: JmapClient, **bounds: Any) -> None:
    """Have one call do no more than that."""
    client.service._caches.saved.bounds = Bounds(**bounds)


def test_a_search_has_a_definition_and_counts() -> None:
    async def test(client: JmapClient) -> None:
        for number in (1, 2):
            await delivered(client, mail(number))
        seen = await delivered(client, mail(3, "Bye"))
        await called(client, "Email/set", update={seen: {"keywords/$seen": True}})
        made = await saved(client, name="All of it", sortOrder=7)
        search = made.pop("id")
        assert search[0] == "Q"
        numbers = dict(zip(COUNTS, [3, 2, 2, 1, None], strict=True))
        assert made == {"filter": None, "sort": None, "collapseThreads": False, **numbers}
        said = await called(client, "SavedSearch/get")
        assert said["list"] == [{"id": search, "name": "All of it", "sortOrder": 7, **made}]
        said = await called(client, "SavedSearch/get", ids=["Q99", "x", search], properties=["name"])
        assert said["list"] == [{"id": search, "name": "All of it"}]
        assert said["notFound"] == ["Q99", "x"]
        sort = [{"property": "size", "isAscending": False}]
        filter_ = {"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}]}
        said = await called(
            client,
            "SavedSearch/set",
            update={search: {"filter": filter_, "sort": sort, "collapseThreads": True, "totalEmails": 3}},
        )
        numbers = dict(zip(COUNTS, [2, 2, 1, 1, None], strict=True))
        assert said["updated"] == {search: numbers}
        said = await called(client, "SavedSearch/get", ids=[search])
        (found,) = said["list"]
        assert (found["filter"], found["sort"], found["collapseThreads"]) == (filter_, sort, True)
        again = await called(client, "SavedSearch/set", update={search: found})
        assert again["updated"] == {search: None}, "the whole record is a patch that changes nothing"
        assert again["oldState"] == again["newState"] == said["state"]
        said = await called(
            client, "SavedSearch/set", destroy=[search, "Q99"], update={search: {"name": "x"}}
        )
        assert said["destroyed"] == [search]
        assert said["notDestroyed"] == {"Q99": {"type": "notFound"}}
        assert said["notUpdated"] == {search: {"type": "willDestroy"}}
        assert (await called(client, "SavedSearch/get"))["list"] == []

    run_with_jmap(test)


def test_counts_follow_the_mail() -> None:
    async def test(client: JmapClient) -> None:
        inbox, junk = box(client), box(client, "Junk")
        here = (await saved(client, filter={"inMailbox": inbox}))["id"]
        texts = (await saved(client, filter={"text": "invoice"}))["id"]
        assert await counts(client, here) == [0, 0, 0, 0, None]
        email = await delivered(client, mail(1, text="The invoice"))
        assert await counts(client, here) == await counts(client, texts) == [1, 1, 1, 1, None]
        await called(client, "Email/set", update={email: {"keywords/$draft": True}})
        assert await counts(client, here) == [1, 0, 1, 0, None], "a draft is not unread (RFC 8621 §2)"
        await called(client, "Email/set", update={email: {"keywords": {}, "mailboxIds": {junk: True}}})
        assert await counts(client, here) == [0, 0, 0, 0, None]
        assert await counts(client, texts) == [1, 1, 1, 1, None]
        said = await called(client, "Email/query", filter={"text": "invoice"}, calculateTotal=True)
        assert said["total"] == 1
        await called(client, "Email/set", destroy=[email])
        assert await counts(client, texts) == [0, 0, 0, 0, None]

    run_with_jmap(test)


def test_a_mailbox_that_is_gone_has_nothing_and_the_filter_stays() -> None:
    async def test(client: JmapClient) -> None:
        request = await client.request(
            ["Mailbox/set", {"accountId": client.account_id, "create": {"b": {"name": "Box"}}}, "0"],
            [
                "SavedSearch/set",
                {
                    "accountId": client.account_id,
                    "create": {
                        "s": {
                            "name": "In it",
                            "filter": {"operator": "AND", "conditions": [{"inMailbox": "#b"}]},
                        }
                    },
                },
                "1",
            ],
        )
        (_, made, _), (_, said, _) = request["methodResponses"]
        mailbox, search = made["created"]["b"]["id"], said["created"]["s"]["id"]
        filter_ = {"operator": "AND", "conditions": [{"inMailbox": mailbox}]}
        assert said["created"]["s"]["filter"] == filter_, "with the id for the reference"
        await delivered(client, mail(1), mailbox="Box")
        assert (await counts(client, search))[0] == 1
        await called(client, "Mailbox/set", destroy=[mailbox], onDestroyRemoveEmails=True)
        said = await called(client, "SavedSearch/get", ids=[search])
        assert said["list"][0]["filter"] == filter_
        assert [said["list"][0][name] for name in COUNTS] == [0, 0, 0, 0, None]

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": "x", "colour": 1, "id": "Q1", "totalEmails": 0}, ["colour", "id", "totalEmails"]),
        ({"name": "x", "filter": []}, ["filter"]),
        ({"name": "x", "filter": {"operator": "XOR", "conditions": []}}, ["filter"]),
        ({"name": "x", "filter": {"inBox": "F1"}}, ["filter"]),
        ({"name": "x", "filter": {"minSize": "1"}}, ["filter"]),
        ({"name": "x", "filter": {"inMailbox": "#never"}}, ["filter"]),
        ({"name": "x", "filter": {"inMailboxOtherThan": ["F1", "#never"]}}, ["filter"]),
        ({"name": "x", "filter": {"text": " ".join(map(str, range(65)))}}, ["filter"]),
        ({"name": "x", "filter": {"inMailboxOtherThan": ["F" + "1" * 20] * 999}}, ["filter"]),
        ({"name": "x", "sort": [{"property": "colour"}]}, ["sort"]),
        ({"name": "x", "sort": [{"property": "hasKeyword"}]}, ["sort"]),
        ({"name": "x", "sort": [{"property": "size"}] * 17}, ["sort"]),
        ({"name": "x", "filter": {"a": 1}, "sort": [{}]}, ["filter", "sort"]),
        ({"colour": 1, "filter": {"a": 1}, "sort": 3}, ["colour", "name", "filter", "sort"]),
        ({"name": "x", "sortOrder": -1, "collapseThreads": None}, ["sortOrder", "collapseThreads"]),
    ],
)
def test_what_cannot_be_saved(record: dict[str, Any], wrong: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        search = (await saved(client))["id"]
        said = await called(client, "SavedSearch/set", create={"s": record}, update={search: record})
        assert said["created"] is said["destroyed"] is None
        error = said["notCreated"]["s"]
        assert error["type"] == "invalidProperties"
        assert sorted(error["properties"]) == sorted(wrong)
        if record:
            error = said["notUpdated"][search]
            assert error["type"] == "invalidProperties"
            # In a patch, null is the default, and a property that nobody sets may be sent as it is
            named = {*error["properties"]}
            assert {*wrong} & {"filter", "sort", "colour", "sortOrder"} <= named <= {*wrong}
        assert said["oldState"] == said["newState"]

    run_with_jmap(test)


def test_a_filter_has_a_depth() -> None:
    async def test(client: JmapClient) -> None:
        deep: dict[str, Any] = {"text": "x"}
        for _ in range(16):
            deep = {"operator": "AND", "conditions": [deep]}
        said = await called(client, "SavedSearch/set", create={"s": {"name": "Deep", "filter": deep}})
        assert said["notCreated"]["s"]["properties"] == ["filter"]
        await saved(client, filter=deep["conditions"][0])

    run_with_jmap(test)


def test_errors_of_calls() -> None:
    async def test(client: JmapClient) -> None:
        many = {f"s{number}": {"name": "x"} for number in range(4)}
        error = await failed(client, "SavedSearch/set", create=many)
        assert error["type"] == "requestTooLarge"
        error = await failed(client, "SavedSearch/get", ids=["a", "b", "c", "d"])
        assert error["type"] == "requestTooLarge"
        error = await failed(client, "SavedSearch/get", properties=["colour"])
        assert error["type"] == "invalidArguments"
        before = await state(client)
        error = await failed(client, "SavedSearch/set", ifInState="9", create={"s": {"name": "x"}})
        assert error["type"] == "stateMismatch"
        assert await state(client) == before
        await called(client, "SavedSearch/set", ifInState=before, create={"s": {"name": "x"}})
        for since in ("x", "999999", "1.999999", "1.1.999999.1"):
            error = await failed(client, "SavedSearch/changes", sinceState=since)
            assert error["type"] == "cannotCalculateChanges", since
        answer = await client.request(["SavedSearch/get", {"accountId": "A99"}, "0"])
        assert answer["methodResponses"][0][1]["type"] == "accountNotFound"
        arguments = {"accountId": client.account_id}
        answer = await client.request(["SavedSearch/get", arguments, "0"], using=(CORE, MAIL))
        assert answer["methodResponses"][0][1]["type"] == "unknownMethod", "without its capability"
        answer = await client.request(["SavedSearch/get", arguments, "0"], using=(CORE, SAVED_SEARCHES))
        assert answer["methodResponses"][0][0] == "SavedSearch/get"

    run_with_jmap(test, limits=Limits(max_objects_in_get=3, max_objects_in_set=3))


def test_there_may_be_a_hundred() -> None:
    async def test(client: JmapClient) -> None:
        said = await called(
            client, "SavedSearch/set", create={f"s{number}": {"name": "x"} for number in range(101)}
        )
        assert len(said["created"]) == 100
        ((creation, error),) = said["notCreated"].items()
        assert error["type"] == "overQuota"
        gone = said["created"]["s0"]["id"]
        said = await called(client, "SavedSearch/set", create={creation: {"name": "x"}}, destroy=[gone])
        assert said["created"].keys() == {creation}, "there is room"

    run_with_jmap(test)


# --- changes


def test_changes_of_searches_and_of_counts() -> None:
    async def test(client: JmapClient) -> None:
        nothing = await state(client)
        assert nothing == "0"
        await delivered(client, mail(1))
        assert await state(client) == nothing, "without a search nothing is counted"
        one, two = [(await saved(client, name=name))["id"] for name in ("one", "two")]
        said = await changed(client, nothing)
        assert (said["created"], said["updated"], said["destroyed"]) == ([one, two], [], [])
        both = said["newState"]
        assert both == await state(client)
        assert (await changed(client, both))["updated"] == []
        email = await delivered(client, mail(2))
        said = await changed(client, both)
        assert (said["updated"], said["updatedProperties"]) == ([one, two], COUNTS)
        counted = said["newState"]
        await called(client, "SavedSearch/set", update={two: {"name": "too"}})
        said = await changed(client, counted)
        assert (said["updated"], said["updatedProperties"]) == ([two], None)
        named = said["newState"]
        await called(client, "Email/set", update={email: {"keywords/$seen": True}})
        await called(client, "SavedSearch/set", destroy=[one], create={"s": {"name": "three"}})
        said = await changed(client, named)
        assert (said["updated"], said["destroyed"]) == ([two], [one])
        assert len(said["created"]) == 1
        assert said["newState"] == await state(client)
        await called(client, "SavedSearch/set", destroy=[two, *said["created"]])
        last = await changed(client, named)
        assert (last["created"], last["updated"], last["destroyed"]) == ([], [], [one, two])
        assert last["newState"] == await state(client)

    run_with_jmap(test)


@pytest.mark.parametrize("most", [1, 2, 3, None])
def test_changes_in_parts_lead_to_what_is_there(most: int | None) -> None:
    async def test(client: JmapClient) -> None:
        searches = [(await saved(client))["id"] for _ in range(5)]
        since = await state(client)
        said = await called(client, "SavedSearch/get")
        known = {one["id"]: one for one in said["list"]}

        async def catch_up(*, in_between: bool = False) -> int:
            nonlocal since
            calls = 0
            while True:
                said = await changed(client, since, most)
                told = [*said["created"], *said["updated"], *said["destroyed"]]
                assert most is None or len(told) <= most
                assert len({*told}) == len(told)
                got = await called(client, "SavedSearch/get", ids=[*said["created"], *said["updated"]])
                known.update((one["id"], one) for one in got["list"])
                for gone in said["destroyed"]:
                    del known[gone]
                since, calls = said["newState"], calls + 1
                if not said["hasMoreChanges"]:
                    return calls
                if in_between and calls == 2:
                    await delivered(client, mail(90))
                    await called(client, "SavedSearch/set", update={searches[0]: {"name": "again"}})

        for step in range(3):
            await delivered(client, mail(step))
            await called(
                client,
                "SavedSearch/set",
                create={"n": {"name": f"new {step}"}},
                update={searches[3]: {"name": f"name {step}"}},
                destroy=[searches[step]] if step else [],
            )
            if step != 1:
                await catch_up(in_between=step == 2)
                assert since == await state(client)
                everything = await called(client, "SavedSearch/get")
                assert known == {one["id"]: one for one in everything["list"]}

    run_with_jmap(test)


def test_counts_that_change_between_parts_are_told() -> None:
    async def test(client: JmapClient) -> None:
        one, two = [(await saved(client))["id"] for _ in range(2)]
        said = await changed(client, "0", 1)
        assert (said["created"], said["hasMoreChanges"]) == ([one], True)
        await delivered(client, mail(1))
        said = await changed(client, said["newState"])
        assert (said["created"], said["updated"]) == ([two], [one])
        assert said["newState"] == await state(client)

    run_with_jmap(test)


def test_changes_are_pushed() -> None:
    async def test(client: JmapClient) -> None:
        database, account = client.provider.world.database, client.account.id
        states, _ = await database.read(pushed_states.read, account, None)
        assert "SavedSearch" not in states, "who has none is told of no such type"
        told: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        watches = Watches(client.provider.world)
        watch = watches.watch(account, None, "", lambda changed, _: told.put_nowait(changed))
        await asyncio.sleep(0)
        while not watch.is_settled:
            await asyncio.sleep(0)
        await saved(client)
        assert await asyncio.wait_for(told.get(), 10) == {"SavedSearch": await state(client)}
        await delivered(client, mail(1))
        changed = await asyncio.wait_for(told.get(), 10)
        assert changed["SavedSearch"] == await state(client), "its counts have changed"
        watch.end()

    run_with_jmap(test)


# --- what is not counted


def test_what_would_take_too_long_is_not_counted() -> None:
    async def test(client: JmapClient) -> None:
        for number in range(3):
            await delivered(client, mail(number, text="invoice"))
        text = (await saved(client, filter={"text": "invoice"}))["id"]
        size = (await saved(client, filter={"minSize": 1}))["id"]
        unknown = [None] * 4

        bound(client, candidates=2)
        await delivered(client, mail(4))
        assert await counts(client, text) == [*unknown, "tooExpensive"]
        assert (await counts(client, size))[0] == 4

        bound(client, text_s=0.0)
        await delivered(client, mail(5))
        assert await counts(client, text) == [*unknown, "tooExpensive"]

        bound(client, texts_s=0.0)
        await delivered(client, mail(6))
        assert await counts(client, text) == [*unknown, "notYet"]
        assert (await counts(client, size))[0] == 6

        bound(client, work=17)
        await delivered(client, mail(7))
        assert await counts(client, size) == [*unknown, "tooExpensive"], "7 emails, thrice"

        bound(client, work=40)
        await delivered(client, mail(8))
        said = await called(client, "SavedSearch/get", properties=["totalEmails", "countsError"])
        assert said["list"] == [
            {"id": text, "totalEmails": 3, "countsError": None},
            {"id": size, "totalEmails": None, "countsError": "notYet"},
        ]
        assert (await counts(client, size))[0] == 8, "what was counted stays: another call gets further"

    run_with_jmap(test)


def test_a_filter_that_is_none_any_more() -> None:
    async def test(client: JmapClient) -> None:
        search = (await saved(client, filter={"minSize": 1}))["id"]

        def damage(tx: Transaction, text: str) -> None:
            tx.execute("UPDATE saved_searches SET filter = ?", (text,))

        for damaged in ('{"colour":1}', "{", "[]"):
            await client.provider.world.database.write(damage, damaged)
            assert await counts(client, search) == [None, None, None, None, "unsupportedFilter"]

    run_with_jmap(test)


def test_what_is_remembered_is_bounded() -> None:
    counts, state = CountedSearches(), State(ModSeq(1))
    for account in range(MAX_ACCOUNTS + 1):
        counts.of(AccountId(account), state)[b"x"] = "notYet"
    assert counts.of(AccountId(0), state) == {}, "the one that was asked for first is gone"
    known = counts.of(AccountId(5), state)
    assert known.keys() == {b"x"}
    known.update((number.to_bytes(2, "big"), "notYet") for number in range(MAX_FILTERS))
    assert counts.of(AccountId(5), state) == {}
    assert counts.of(AccountId(6), State(ModSeq(2))) == {}, "an email has changed"
