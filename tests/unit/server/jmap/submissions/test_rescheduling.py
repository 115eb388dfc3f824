"""What is sent at another time: the own extension `urn:pillarbox:jmap:scheduled`."""

from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CORE, MAIL, SCHEDULED, SUBMISSION
from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.queue.scheduled import MAX_HOLD_S, PAST_S
from pillarbox.world.clock import VirtualClock
from pillarbox.world.topic import account_changed
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import FRIEND, cancel, envelope, octets_of, release, store, submit
from tests.kit.stored_mail import NOW_MS

HOUR_MS = 3_600_000
PLAIN = (CORE, MAIL, SUBMISSION)


def at(seconds: float) -> str:
    return utc_date(NOW_MS + round(seconds * 1000))


def clock_of(client: JmapClient) -> VirtualClock:
    clock = client.provider.world.clock
    assert isinstance(clock, VirtualClock)
    return clock


async def held(client: JmapClient, seconds: int = 3600) -> str:
    made = await submit(client, await store(client), envelope=envelope(FRIEND, HOLDFOR=str(seconds)))
    return str(made["id"])


async def update(client: JmapClient, submission: str, patch: Any, **more: Any) -> Any:
    """What `updated` has, or the error."""
    _, said = await client.call("EmailSubmission/set", update={submission: patch}, **more)
    return (said["updated"] or said["notUpdated"])[submission]


async def shown(client: JmapClient, submission: str) -> tuple[str, str]:
    _, said = await client.call("EmailSubmission/get", ids=[submission])
    (one,) = said["list"]
    return one["undoStatus"], one["sendAt"]


async def let_go(client: JmapClient, seconds: float) -> int:
    """How many messages have arrived so long later."""
    await clock_of(client).advance(seconds)
    await release(client)
    return len(octets_of(client, 1))


def test_what_waits_is_sent_at_another_time_or_at_once() -> None:
    async def test(client: JmapClient) -> None:
        later, now = await held(client), await held(client)
        _, before = await client.call("EmailSubmission/get", ids=[])
        told: list[int] = []
        topic = account_changed(client.account.id)
        unsubscribe = client.provider.world.signals.subscribe(topic, lambda: told.append(1))
        assert await update(client, later, {"sendAt": at(7200)}) is None
        unsubscribe()
        assert told
        _, changes = await client.call("EmailSubmission/changes", sinceState=before["state"])
        assert changes["updated"] == [later]
        assert await shown(client, later) == ("pending", at(7200))
        assert await update(client, now, {"sendAt": at(0)}) is None
        assert await let_go(client, 0) == 1
        assert await shown(client, now) == ("final", at(0))
        assert await let_go(client, 3700) == 1, "not by the old time"
        assert await let_go(client, 3600) == 2
        assert await shown(client, later) == ("final", at(7200))

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_times_are_in_whole_seconds() -> None:
    async def test(client: JmapClient) -> None:
        sent = await held(client)
        assert await update(client, sent, {"sendAt": at(60)[:-1] + ".5Z"}) == {"sendAt": at(60)}
        assert await update(client, sent, {"sendAt": at(60)}) is None

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


@pytest.mark.parametrize(
    ("patch", "wrong"),
    [
        ({"sendAt": at(-PAST_S - 1)}, ["sendAt"]),
        ({"sendAt": at(MAX_HOLD_S + 1)}, ["sendAt"]),
        ({"sendAt": None}, ["sendAt"]),
        ({"sendAt": 7}, ["sendAt"]),
        ({"sendAt": "tomorrow"}, ["sendAt"]),
        ({"sendAt": "2026-02-30T00:00:00Z"}, ["sendAt"]),
        ({"sendAt": at(60), "undoStatus": "canceled"}, ["sendAt"]),
        ({"sendAt": at(60), "undoStatus": "final"}, ["undoStatus"]),
        ({"sendAt": at(60), "identityId": "I9"}, ["identityId"]),
    ],
)
def test_what_cannot_be(patch: dict[str, Any], wrong: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        sent = await held(client)
        error = await update(client, sent, patch)
        assert (error["type"], error["properties"]) == ("invalidProperties", wrong)
        assert await shown(client, sent) == ("pending", at(3600))

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_what_has_left_or_was_undone_stays_so() -> None:
    async def test(client: JmapClient) -> None:
        gone = (await submit(client, await store(client)))["id"]
        undone = await held(client)
        await cancel(client, undone)
        for one in (gone, undone):
            assert (await update(client, one, {"sendAt": at(60)}))["type"] == "cannotReschedule"
        assert await update(client, "S99", {"sendAt": at(60)}) == {"type": "notFound"}
        assert await let_go(client, 4000) == 1

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_without_the_capability_there_is_nothing_of_it() -> None:
    async def test(client: JmapClient) -> None:
        sent, account = await held(client), {"accountId": client.account_id}
        calls = [
            ["EmailSubmission/set", {**account, "update": {sent: {"sendAt": at(60)}}}, "a"],
            ["EmailSubmission/query", {**account, "filter": {"scheduled": True}}, "b"],
            ["EmailSubmission/query", {**account, "sort": [{"property": "sendAt"}]}, "c"],
        ]
        answer = await client.request(*calls, using=PLAIN)
        (_, said, _), *others = answer["methodResponses"]
        assert said["notUpdated"][sent]["properties"] == ["sendAt"]
        assert [error["type"] for _, error, _ in others] == ["unsupportedFilter", "unsupportedSort"]
        answer = await client.request(*calls, using=(*PLAIN, SCHEDULED))
        assert answer["methodResponses"][0][1]["updated"] == {sent: None}

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_what_waits_is_listed_by_its_time() -> None:
    async def test(client: JmapClient) -> None:
        await submit(client, await store(client))
        first, second, undone = await held(client), await held(client, 7200), await held(client)
        await cancel(client, undone)
        asked: dict[str, Any] = {"filter": {"scheduled": True}, "sort": [{"property": "sendAt"}]}
        _, said = await client.call("EmailSubmission/query", **asked)
        assert said["ids"] == [first, second]
        await update(client, second, {"sendAt": at(60)})
        _, changed = await client.call(
            "EmailSubmission/queryChanges", sinceQueryState=said["queryState"], **asked
        )
        assert (changed["removed"], changed["added"]) == ([second], [{"id": second, "index": 0}])
        _, unsorted = await client.call("EmailSubmission/query", filter={"scheduled": True})
        await let_go(client, 60)
        _, said = await client.call("EmailSubmission/query", **asked)
        assert said["ids"] == [first]
        _, changed = await client.call(
            "EmailSubmission/queryChanges",
            sinceQueryState=unsorted["queryState"],
            filter={"scheduled": True},
        )
        assert (changed["removed"], changed["added"]) == ([second], [])
        _, said = await client.call("EmailSubmission/query", filter={"scheduled": False})
        assert (len(said["ids"]), first in said["ids"]) == (3, False)

    run_with_jmap(test, clock=VirtualClock(NOW_MS))


def test_an_email_set_follows_a_new_time() -> None:
    async def test(client: JmapClient) -> None:
        sent = await held(client)
        answer = await client.request(
            [
                "EmailSubmission/set",
                {
                    "accountId": client.account_id,
                    "update": {sent: {"sendAt": at(60)}},
                    "onSuccessUpdateEmail": {sent: {"keywords/later": True}},
                },
                "a",
            ]
        )
        assert [name for name, _, _ in answer["methodResponses"]] == ["EmailSubmission/set", "Email/set"]

    run_with_jmap(test, clock=VirtualClock(NOW_MS))
