"""EmailSubmission/get, /changes, /query and /queryChanges (RFC 8621 §7.1 to §7.4)."""

import random
from typing import Any

import pytest

from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.world.clock import VirtualClock
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import FRIEND, cancel, envelope, own_identity, store, submit
from tests.kit.stored_mail import NOW_MS


async def held(client: JmapClient, email: str, seconds: int = 3600, **more: Any) -> str:
    """Another submission; its id."""
    made = await submit(client, email, envelope=envelope(FRIEND, HOLDFOR=str(seconds)), **more)
    return str(made["id"])


async def found(client: JmapClient, **arguments: Any) -> Any:
    name, said = await client.call("EmailSubmission/query", **arguments)
    return said["ids"] if name != "error" else said["type"]


async def state(client: JmapClient) -> str:
    _, said = await client.call("EmailSubmission/get", ids=[])
    return str(said["state"])


def test_all_some_and_none() -> None:
    async def test(client: JmapClient) -> None:
        ids = [(await submit(client, await store(client)))["id"] for _ in range(3)]
        _, said = await client.call("EmailSubmission/get", properties=["undoStatus"])
        assert said["list"] == [{"id": key, "undoStatus": "final"} for key in ids]
        _, said = await client.call("EmailSubmission/get", ids=["S99", ids[1], "M1", ids[1]], properties=[])
        assert (said["list"], said["notFound"]) == ([{"id": ids[1]}], ["S99", "M1"])
        name, said = await client.call("EmailSubmission/get", properties=["colour"])
        assert (name, said["type"]) == ("error", "invalidArguments")
        name, said = await client.call("EmailSubmission/get", ids=["S1", "S2", "S3", "S4", "S5"])
        assert (name, said["type"]) == ("error", "requestTooLarge")
        for _ in range(2):
            await submit(client, await store(client))
        name, said = await client.call("EmailSubmission/get")
        assert (name, said["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test, limits=Limits(max_objects_in_get=4))


def test_an_answer_that_would_be_too_long_is_refused() -> None:
    async def test(client: JmapClient) -> None:
        to = envelope(*(f"x{number}@elsewhere.example" for number in range(50)))
        await submit(client, await store(client), envelope=to)
        name, said = await client.call("EmailSubmission/get")
        assert (name, said["type"]) == ("error", "requestTooLarge")
        name, said = await client.call("EmailSubmission/get", properties=["sendAt"])
        assert name == "EmailSubmission/get"

    run_with_jmap(test, limits=Limits(max_response_octets=4_000))


@pytest.mark.rfc("8621 §7.3", "MUST")
def test_filters() -> None:
    async def test(client: JmapClient) -> None:
        first, second = await store(client), await store(client)
        _, said = await client.call("Identity/set", create={"i": {"email": "u0@one.example"}})
        other = said["created"]["i"]["id"]
        own = await own_identity(client)
        a = await held(client, second, 60)
        b = await held(client, first, 3600, identityId=other)
        c = await held(client, first, 120)
        await cancel(client, c)
        _, said = await client.call("EmailSubmission/get", ids=[a], properties=["threadId"])
        thread = said["list"][0]["threadId"]
        for chosen, ids in (
            (None, [a, b, c]),
            ({}, [a, b, c]),
            ({"identityIds": [own, "I99"]}, [a, c]),
            ({"identityIds": []}, []),
            ({"emailIds": [first]}, [b, c]),
            ({"emailIds": ["#none", "F1"]}, []),
            ({"threadIds": [thread]}, [a]),
            ({"undoStatus": "canceled"}, [c]),
            ({"undoStatus": "else"}, []),
            ({"before": "2023-11-14T22:15:20Z"}, [a]),
            ({"after": "2023-11-14T22:15:20Z"}, [b, c]),
            ({"after": "2023-11-14T22:15:20.5Z"}, [b]),
            ({"emailIds": [first], "undoStatus": "pending"}, [b]),
            ({"operator": "NOT", "conditions": [{"emailIds": [first]}, {"undoStatus": "canceled"}]}, [a]),
            ({"operator": "OR", "conditions": [{"emailIds": [second]}, {"undoStatus": "canceled"}]}, [a, c]),
            ({"operator": "AND", "conditions": [{"emailIds": [first]}, {"undoStatus": "pending"}]}, [b]),
            ({"operator": "OR", "conditions": []}, []),
            ({"colour": 1}, "unsupportedFilter"),
            ({"before": "now"}, "invalidArguments"),
        ):
            assert await found(client, filter=chosen) == ids, chosen

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.rfc("8621 §7.3", "MUST")
def test_sorting_and_pages() -> None:
    async def test(client: JmapClient) -> None:
        first, second = await store(client), await store(client)
        a, b, c = (
            await held(client, second, 90),
            await held(client, first, 60),
            await held(client, second, 60),
        )
        for sort, ids in (
            ([{"property": "emailId"}], [b, a, c]),
            ([{"property": "threadId", "isAscending": False}], [a, c, b]),
            ([{"property": "sentAt"}], [b, c, a]),
            ([{"property": "sentAt"}, {"property": "emailId", "isAscending": False}], [c, b, a]),
            ([{"property": "undoStatus"}], "unsupportedSort"),
        ):
            assert await found(client, sort=sort) == ids, sort
        _, said = await client.call(
            "EmailSubmission/query", anchor=c, anchorOffset=-1, limit=1, calculateTotal=True
        )
        assert (said["ids"], said["position"], said["total"]) == ([b], 1, 3)
        assert said["canCalculateChanges"]
        assert await found(client, anchor="S99") == "anchorNotFound"

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_changes_in_parts_lead_to_what_is_so() -> None:
    chance = random.Random(7)

    async def test(client: JmapClient) -> None:
        email, there = await store(client), []
        known: dict[str, Any] = {}
        told = await state(client)
        for _ in range(25):
            for _ in range(chance.randrange(4)):
                match chance.choice(("send", "send", "undo", "move", "move", "forget")):
                    case "send":
                        there.append(await held(client, email))
                    case "undo" if there:
                        await cancel(client, chance.choice(there))
                    case "move" if there:
                        at = utc_date(NOW_MS + chance.choice((5_000, 120_000, 7_200_000)))
                        update = {chance.choice(there): {"sendAt": at}}
                        await client.call("EmailSubmission/set", update=update)
                    case "forget" if there:
                        key = there.pop(chance.randrange(len(there)))
                        await client.call("EmailSubmission/set", destroy=[key])
            more = True
            while more:
                _, said = await client.call("EmailSubmission/changes", sinceState=told, maxChanges=2)
                changed = said["created"] + said["updated"] + said["destroyed"]
                assert len(changed) == len({*changed}) <= 2
                assert not {*said["created"]} & known.keys()
                assert {*said["updated"]} <= known.keys()
                _, got = await client.call("EmailSubmission/get", ids=said["created"] + said["updated"])
                known.update({one["id"]: one for one in got["list"]})
                for key in said["destroyed"] + got["notFound"]:
                    known.pop(key, None)
                told, more = said["newState"], said["hasMoreChanges"]
            _, got = await client.call("EmailSubmission/get")
            assert list(known.values()) == got["list"]
            assert told == got["state"]

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.parametrize("method", ["EmailSubmission/changes", "EmailSubmission/queryChanges"])
@pytest.mark.parametrize("since", ["", "x", "-1", "99", "9" * 30, "٣"])
def test_states_that_were_never_given(method: str, since: str) -> None:
    async def test(client: JmapClient) -> None:
        name = "sinceQueryState" if method.endswith("queryChanges") else "sinceState"
        _, said = await client.call(method, **{name: since})
        assert said["type"] == "cannotCalculateChanges"

    run_with_jmap(test)


def applied(before: list[str], said: Any) -> list[str]:
    """RFC 8620 §5.6: what a client makes of the answer."""
    after = [key for key in before if key not in said["removed"]]
    for one in said["added"]:
        if one["id"] in after:
            after.remove(one["id"])
        after.insert(one["index"], one["id"])
    return after


@pytest.mark.rfc("8620 §5.6", "MUST")
@pytest.mark.parametrize(
    "chosen", [None, {"undoStatus": "pending"}, {"scheduled": True}, {"after": "2023-11-14T22:14:00Z"}]
)
def test_changes_of_a_query_lead_to_its_results(chosen: Any) -> None:
    chance = random.Random(7)
    by = "sendAt" if chosen and "scheduled" in chosen else "sentAt"
    asked = {"filter": chosen, "sort": [{"property": by, "isAscending": False}]}

    async def test(client: JmapClient) -> None:
        email = await store(client)
        there: list[str] = []
        _, before = await client.call("EmailSubmission/query", **asked)
        for _ in range(15):
            for _ in range(chance.randrange(4)):
                match chance.choice(("send", "send", "undo", "forget")):
                    case "send":
                        there.append(await held(client, email, chance.choice((10, 60, 3600))))
                    case "undo" if there:
                        await cancel(client, chance.choice(there))
                    case "forget" if there:
                        key = there.pop(chance.randrange(len(there)))
                        await client.call("EmailSubmission/set", destroy=[key])
            _, said = await client.call(
                "EmailSubmission/queryChanges",
                sinceQueryState=before["queryState"],
                calculateTotal=True,
                **asked,
            )
            _, after = await client.call("EmailSubmission/query", **asked)
            assert applied(before["ids"], said) == after["ids"]
            assert (said["newQueryState"], said["total"]) == (after["queryState"], len(after["ids"]))
            before = after

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_how_much_of_the_changes_of_a_query() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client)
        first = await held(client, email, 60)
        since = await state(client)
        second, third = await held(client, email, 30), await held(client, email, 3600)
        asked = {"sinceQueryState": since, "sort": [{"property": "emailId"}]}
        _, said = await client.call("EmailSubmission/queryChanges", upToId=second, **asked)
        assert (said["removed"], said["added"]) == ([], [{"id": second, "index": 1}])
        for more in (
            {"upToId": "S99", **asked},
            {"upToId": first, **asked, "sort": [{"property": "sentAt"}]},
        ):
            _, said = await client.call("EmailSubmission/queryChanges", **more)
            assert {one["id"] for one in said["added"]} == {second, third}, "what is sorted by may change"
        _, said = await client.call("EmailSubmission/queryChanges", maxChanges=1, **asked)
        assert said["type"] == "tooManyChanges"

    run_with_jmap(test, clock=VirtualClock(NOW_MS))
