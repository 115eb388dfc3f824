"""What subscriptions are told, when, and what becomes of them by the answers (RFC 8620 §7.2, RFC 8030)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.admin import accounts as admin_accounts
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.webpush import p256
from pillarbox.protocol.webpush.request import MAX_WAIT_S
from pillarbox.push import subscriptions, vapid_key
from pillarbox.push.subscriptions import ASKED, Subscription
from pillarbox.server.jmap.pushing.attempt import MAX_FAILURES, MAX_REFUSALS, MAX_RETRY_S, RETRY_S
from pillarbox.server.jmap.pushing.sender import GAP_S, MAX_AT_ONCE, MAX_FAILING_AT_ONCE, SLOW_S, PushSender
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient, logged_in, run_with_jmap
from tests.kit.jmap.pushing import (
    TAKEN,
    URL,
    Device,
    PushService,
    change,
    listed,
    refusal,
    settled,
    subscribe,
    verified,
)
from tests.kit.provider import PEOPLE

MAIL = b"Subject: hello\r\nFrom: Anna <anna@one.example>\r\n\r\ntext\r\n"
OTHER = "https://push.example/device/other"


def stored(client: JmapClient) -> list[Subscription]:
    now_ms = client.provider.world.clock.now_ms()
    return client.provider.world.database.read_now(subscriptions.of_account, client.account.id, now_ms=now_ms)


def run(
    test: Callable[[JmapClient, PushService, PushSender], Awaitable[None]],
    *,
    clock: VirtualClock | None = None,
) -> None:
    """A test with a client, its push service and what sends to it."""

    async def scenario(client: JmapClient) -> None:
        service = PushService(now_ms=client.provider.world.clock.now_ms)
        sender = service.sender(client)
        await test(client, service, sender)
        await sender.stop()
        assert not client.provider.telemetry.failures

    run_with_jmap(scenario, clock=clock)


async def deliver(client: JmapClient) -> None:
    await client.provider.deliver(0, MAIL)


# --- verification


@pytest.mark.rfc("8620 §7.2.2", "MUST")
def test_a_code_is_sent_at_once_and_nothing_else_before_it_came_back() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        made = await subscribe(client)
        said = await service.next()
        assert said == {
            "@type": "PushVerification",
            "pushSubscriptionId": made["id"],
            "verificationCode": stored(client)[0].code,
        }
        (pushed,) = service.posted
        assert (pushed.fields["Urgency"], int(pushed.fields["TTL"]) > 0) == ("high", True)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 1
        await change(client, made["id"], verificationCode=said["verificationCode"])
        assert (await service.next())["@type"] == "StateChange", "what has changed since it was made"

    run(test)


@pytest.mark.rfc("8620 §7.2.2", "MUST")
def test_two_are_verified_whichever_comes_first() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        first, second = await subscribe(client), await subscribe(client, url=OTHER)
        codes = {said["pushSubscriptionId"]: said for said in (await service.next(), await service.next())}
        assert codes.keys() == {first["id"], second["id"]}
        for made in (second, first):
            code = codes[made["id"]]["verificationCode"]
            assert await change(client, made["id"], verificationCode=code) is None
        await deliver(client)
        assert {(await service.next())["@type"], (await service.next())["@type"]} == {"StateChange"}
        await settled(sender)
        assert {pushed.url for pushed in service.posted[2:]} == {URL, OTHER}

    run(test)


@pytest.mark.rfc("8620 §7.2", "MUST NOT")
@pytest.mark.parametrize("status", [403, 500])
def test_a_code_is_sent_once_whatever_becomes_of_it(status: int) -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        service.answers[URL] = deque([refusal(status)])
        made = await subscribe(client)
        await service.came.wait()
        await settled(sender)
        await deliver(client)
        await settled(sender)
        await change(client, made["id"], types=["Email"])
        await settled(sender)
        assert len(service.posted) == 1
        assert stored(client)[0].state == ASKED
        await sender.stop()
        again = service.sender(client)
        await settled(again)
        await again.stop()
        assert len(service.posted) == 1, "nor at the next start"

    run(test)


def test_a_url_that_leads_nowhere_ends_its_subscription() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        service.answers[URL] = deque([refusal(404)])
        await subscribe(client)
        await service.came.wait()
        await settled(sender)
        assert not stored(client)

    run(test)


# --- what is told


@pytest.mark.rfc("8620 §7.1", "MUST")
def test_the_types_that_have_changed_are_told_with_their_states() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        await deliver(client)
        said = await service.next()
        await settled(sender)
        _, email = await client.call("Email/get", ids=[])
        _, mailbox = await client.call("Mailbox/get", ids=[])
        assert said["@type"] == "StateChange"
        (told,) = said["changed"].values()
        assert said["changed"].keys() == {client.account_id}
        assert (told["Email"], told["Mailbox"]) == (email["state"], mailbox["state"])
        assert {"Thread", "EmailDelivery"} < told.keys()
        assert not {"Identity", "VacationResponse"} & told.keys(), "they have not changed"
        pushed = service.posted[-1]
        assert pushed.fields["TTL"] == "86400"
        assert pushed.fields["Urgency"] == "normal", "mail has come"
        assert 0 < len(pushed.fields["Topic"]) <= 32
        assert pushed.encoding == ""
        await client.call("VacationResponse/set", update={"singleton": {"isEnabled": True}})
        said = await service.next()
        assert said["changed"][client.account_id].keys() == {"VacationResponse"}
        assert service.posted[-1].fields["Urgency"] == "low"
        assert service.posted[-1].fields["Topic"] != pushed.fields["Topic"]

    run(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_only_the_types_that_are_wanted_are_told() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service, types=["VacationResponse"])
        await verified(client, service, url=OTHER, types=[])
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 2, "the codes"
        await client.call("VacationResponse/set", update={"singleton": {"isEnabled": True}})
        said = await service.next()
        assert said["changed"][client.account_id].keys() == {"VacationResponse"}
        await settled(sender)
        assert service.posted[-1].url == URL

    run(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_with_keys_all_is_encrypted() -> None:
    async def test(client: JmapClient, service: PushService, _: PushSender) -> None:
        service.device = Device(scalar=12345, auth=b"f" * 16)
        await verified(client, service, keys=service.device.keys)
        await deliver(client)
        assert (await service.next())["@type"] == "StateChange"
        assert [pushed.encoding for pushed in service.posted] == ["aes128gcm", "aes128gcm"]

    run(test)


@pytest.mark.rfc("9749 §4", "MUST")
def test_all_is_signed_by_the_key_that_the_client_knows() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        database = client.provider.world.database
        old = database.read_now(vapid_key.vapid_key)
        assert old is not None
        await database.write(vapid_key.replace, b"\1" * 32, now_ms=1)
        await deliver(client)
        await service.next()
        ours = p256.point_of(p256.private_key(old.scalar))
        assert {pushed.key for pushed in service.posted} == {ours}
        await verified(client, service, url=OTHER)
        assert service.posted[-1].key != ours
        await settled(sender)

    run(test)


def test_where_the_key_is_gone_the_subscription_is() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        await sender.stop()
        await client.provider.world.database.write(lambda tx: tx.execute("DELETE FROM vapid_keys"))
        again = service.sender(client)
        await deliver(client)
        await settled(again)
        await again.stop()
        assert not stored(client)

    run(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_what_comes_while_a_push_is_under_way_is_told_together() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        service.held[URL] = asyncio.Event()
        service.came.clear()
        await deliver(client)
        await service.came.wait()
        for _ in range(5):
            await deliver(client)
        service.held[URL].set()
        await service.next()
        last = await service.next()
        _, email = await client.call("Email/get", ids=[])
        assert last["changed"][client.account_id]["Email"] == email["state"]
        await settled(sender)
        assert len(service.posted) == 3, "the code, the first, and all others together"

    run(test)


def test_pushes_follow_each_other_at_a_distance() -> None:
    clock = VirtualClock()

    async def scenario(client: JmapClient) -> None:
        service = PushService(now_ms=clock.now_ms)
        sender = service.sender(client, gap_s=GAP_S)
        await verified(client, service)
        await clock.advance(GAP_S)
        await deliver(client)
        await service.next()
        await deliver(client)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 2
        await clock.advance(GAP_S)
        await settled(sender)
        assert len(service.posted) == 3
        await sender.stop()

    run_with_jmap(scenario, clock=clock)


# --- answers


@pytest.mark.rfc("8030 §7.3", "MUST")
@pytest.mark.parametrize("status", [404, 410])
def test_who_is_gone_is_told_nothing_more(status: int) -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        service.answers[URL] = deque([refusal(status)])
        await deliver(client)
        await settled(sender)
        assert not stored(client)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 2
        assert client.account.id not in sender._subscribed

    run(test)


@pytest.mark.rfc("8030 §8.4", "SHOULD")
def test_who_wants_fewer_gets_fewer() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        service.answers[URL] = deque([refusal(429, "600"), TAKEN])
        await deliver(client)
        await settled(sender)
        await clock.advance(590)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 2
        await clock.advance(10)
        await settled(sender)
        assert len(service.posted) == 3
        said = await service.next()
        _, email = await client.call("Email/get", ids=[])
        assert said["changed"][client.account_id]["Email"] == email["state"], "the newest"

    run(test, clock=clock)


def test_who_does_not_answer_is_tried_later_each_time() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        service.answers[URL] = deque([refusal(503)])
        await deliver(client)
        await settled(sender)
        waits: list[float] = []
        for attempt in range(1, 13):
            assert len(service.posted) == 1 + attempt
            begun = clock.monotonic()
            while len(service.posted) == 1 + attempt:
                await clock.advance(1.0)
                await settled(sender)
            waits.append(clock.monotonic() - begun)
        assert RETRY_S * 0.8 <= waits[0] <= RETRY_S * 1.2 + 1
        assert waits[4] > 4 * waits[1]
        assert all(0.8 * MAX_RETRY_S <= wait <= 1.2 * MAX_RETRY_S + 1 for wait in waits[-2:])
        service.answers.clear()
        await clock.advance(2 * MAX_RETRY_S)
        await settled(sender)
        assert (await service.next())["@type"] == "StateChange"
        await clock.advance(2)
        await settled(sender)
        assert (stored(client)[0].failures, stored(client)[0].retry_at_ms) == (0, 0)

    run(test, clock=clock)


def test_who_was_to_be_tried_later_is_tried_where_the_clock_was_set_back() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        now_ms = client.provider.world.clock.now_ms()
        for waits_s, is_tried in ((MAX_WAIT_S, False), (MAX_WAIT_S + 60, True)):
            await client.provider.world.database.write(_wait_until, now_ms + waits_s * 1000)
            posted = len(service.posted)
            await deliver(client)
            await settled(sender)
            assert (len(service.posted) > posted) == is_tried

    run(test, clock=VirtualClock())


def _wait_until(tx: Transaction, at_ms: int) -> None:
    tx.execute("UPDATE push_subscriptions SET retry_at_ms = ?, failures = 1", (at_ms,))


@pytest.mark.parametrize(("status", "most"), [(400, MAX_REFUSALS), (403, MAX_REFUSALS), (0, MAX_FAILURES)])
def test_who_never_takes_anything_is_given_up(status: int, most: int) -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        id_ = await verified(client, service)
        service.answers[URL] = deque([refusal(status)])
        await deliver(client)
        await settled(sender)
        attempts = 0
        while stored(client):
            attempts += 1
            assert attempts <= most
            await change(client, id_, expires=None)  # the client is there, and renews it
            await clock.advance(1.25 * MAX_RETRY_S)
            await settled(sender)
        assert len(service.posted) == 1 + most

    run(test, clock=clock)


@pytest.mark.rfc("8620 §7.2", "MUST NOT")
def test_after_it_has_expired_nothing_is_sent() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service, expires="2023-11-15T00:00:00Z")
        await clock.advance(86_400)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 1
        assert client.account.id not in sender._subscribed

    run(test, clock=clock)


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_of_a_disabled_account_nothing_is_told_and_its_subscriptions_rest() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        write = client.provider.world.database.write
        await write(admin_accounts.set_enabled, PEOPLE[0], enabled=False)
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 1
        await write(admin_accounts.set_enabled, PEOPLE[0], enabled=True)
        assert (await service.next())["@type"] == "StateChange"

    run(test)


def test_a_password_that_is_gone_by_another_way_ends_it_as_well() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        change_ = "UPDATE passwords SET argon2 = 'another' WHERE account = ?"
        await client.provider.world.database.write(lambda tx: tx.execute(change_, (client.account.id,)))
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 1
        assert not stored(client)

    run(test)


def test_a_removed_account_is_forgotten() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        await client.provider.world.database.write(admin_accounts.remove, PEOPLE[0])
        client.provider.world.signals.deliver(None)  # type: ignore[attr-defined]  # of those within a process
        await settled(sender)
        assert not sender._due
        assert len(service.posted) == 1

    run(test)


# --- many, and dead ones


def test_who_does_not_answer_keeps_nobody_else_waiting() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        dead = "https://dead.example/"
        id_ = await verified(client, service, url=dead)
        service.held[dead] = asyncio.Event()
        for _ in range(3):
            await deliver(client)
            assert (await service.next())["@type"] == "StateChange"
        assert sum(pushed.url == dead for pushed in service.posted) == 2, "the code, and one that waits"
        service.held[dead].set()
        await settled(sender)
        assert id_ in {one["id"] for one in (await listed(client))["list"]}

    run(test)


def test_those_that_fail_have_places_of_their_own() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        database = client.provider.world.database
        await verified(client, service)
        await sender.stop()
        sender = service.sender(client)
        failing = MAX_FAILING_AT_ONCE + 5
        urls = [f"https://dead.example/{number}" for number in range(failing)]
        (pattern,) = stored(client)

        def add(tx: Any) -> None:
            for number, url in enumerate(urls):
                tx.execute(
                    "INSERT INTO push_subscriptions SELECT ?, account, credential, device, ?, p256dh, auth, vapid_key,"
                    " types, email_push, code, state, expires_at_ms, told, told_email, 1, 0"
                    " FROM push_subscriptions WHERE id = ?",
                    (100 + number, url, pattern.id),
                )

        await database.write(add)
        for url in urls:
            service.held[url] = asyncio.Event()
        await deliver(client)
        assert (await service.next())["@type"] == "StateChange"
        await deliver(client)
        assert (await service.next())["@type"] == "StateChange"
        under_way = [pushed for pushed in service.posted if "dead" in pushed.url]
        assert len(under_way) == MAX_FAILING_AT_ONCE
        for held in service.held.values():
            held.set()
        await clock.advance(60)
        await settled(sender)
        assert {pushed.url for pushed in service.posted} >= set(urls)
        await sender.stop()

    run(test, clock=clock)


def test_those_that_took_long_have_these_places_as_well() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        (pattern,) = stored(client)
        urls = [f"https://slow.example/{number}" for number in range(MAX_AT_ONCE)]

        def add(tx: Any) -> None:
            for number, url in enumerate(urls):
                tx.execute(
                    "INSERT INTO push_subscriptions SELECT ?, account, credential, device, ?, p256dh, auth, vapid_key,"
                    " types, email_push, code, state, expires_at_ms, told, told_email, 0, 0"
                    " FROM push_subscriptions WHERE id = ?",
                    (100 + number, url, pattern.id),
                )

        await client.provider.world.database.write(add)
        service.held = {url: asyncio.Event() for url in urls}
        await deliver(client)
        while len(service.posted) < 1 + MAX_AT_ONCE:
            await asyncio.sleep(0)
        await clock.advance(SLOW_S + 1)
        for held in service.held.values():
            held.set()
        await settled(sender)
        for held in service.held.values():
            held.clear()
        while not service.taken.empty():
            service.taken.get_nowait()
        before = len(service.posted)
        await deliver(client)
        while URL not in {pushed.url for pushed in service.posted[before:]}:
            await service.next()
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(service.posted) - before == 1 + MAX_FAILING_AT_ONCE
        for held in service.held.values():
            held.set()
        for _ in range(9):
            await clock.advance(10)
            await settled(sender)
        assert {pushed.url for pushed in service.posted[before:]} == {URL, *urls}, "all are told in the end"
        assert sender._slow == set()

    run(test, clock=clock)


def test_no_more_are_told_at_once_than_there_are_places() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        (pattern,) = stored(client)
        urls = [f"https://slow.example/{number}" for number in range(MAX_AT_ONCE + 5)]

        def add(tx: Any) -> None:
            for number, url in enumerate(urls):
                tx.execute(
                    "INSERT INTO push_subscriptions SELECT ?, account, credential, device, ?, p256dh, auth, vapid_key,"
                    " types, email_push, code, state, expires_at_ms, told, told_email, 0, 0"
                    " FROM push_subscriptions WHERE id = ?",
                    (100 + number, url, pattern.id),
                )

        await client.provider.world.database.write(add)
        service.held = {url: asyncio.Event() for url in urls}
        await deliver(client)
        await service.next()
        while len(service.posted) < MAX_AT_ONCE + 1:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(sender._sending) == MAX_AT_ONCE
        for held in service.held.values():
            held.set()
        await settled(sender)
        assert {pushed.url for pushed in service.posted} >= set(urls)

    run(test)


def test_an_account_without_subscriptions_is_not_looked_at() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        await settled(sender)
        calls = client.provider.world.database.calls
        await client.provider.deliver(1, MAIL)
        await settled(sender)
        assert client.provider.world.database.calls == calls + 1, "the delivery"
        assert sender._subscribed == {client.account.id}

    run(test)


# --- workers, and their ends


def test_where_signals_were_lost_all_are_looked_at() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        await settled(sender)
        signals, database = client.provider.world.signals, client.provider.world.database
        database.on_commit = lambda _: None
        await deliver(client)
        await settled(sender)
        assert len(service.posted) == 1
        signals.deliver(None)  # type: ignore[attr-defined]
        assert (await service.next())["@type"] == "StateChange"

    run(test)


def test_many_accounts_are_listed_some_at_a_time() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        await verified(client, service)
        other = await logged_in(client.provider, client.service, 1)
        await verified(other, service, url=OTHER)
        await sender.stop()
        read = client.provider.world.database.read_now
        assert read(subscriptions.accounts_after, 0) == [client.account.id, other.account.id]
        assert read(subscriptions.accounts_after, client.account.id) == [other.account.id]
        again = service.sender(client)
        await settled(again)
        assert again._subscribed == {client.account.id, other.account.id}
        await client.provider.deliver(1, MAIL)
        assert (await service.next())["changed"].keys() == {other.account_id}
        await again.stop()

    run(test)


def test_no_secret_is_logged() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        service.answers[URL] = deque([TAKEN, refusal(403)])
        await verified(client, service, keys=service.device.keys)
        await deliver(client)
        await settled(sender)
        logged = repr(client.provider.telemetry.events)
        assert "push not taken" in logged
        assert "secret" not in logged
        assert stored(client)[0].code not in logged
        assert "secret" not in repr(stored(client))

    run(test)


def test_others_are_served_between_the_accounts_that_are_looked_at() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        del client, service
        turns = 0

        def count() -> None:
            nonlocal turns
            turns += 1
            if sender._due:
                asyncio.get_running_loop().call_soon(count)

        for number in range(1_000, 1_200):
            sender._look_at(AccountId(number))
        count()
        await settled(sender)
        assert turns >= 200

    run(test)


def test_all_are_listed_though_one_changes_all_the_time() -> None:
    async def test(client: JmapClient, service: PushService, sender: PushSender) -> None:
        other = await logged_in(client.provider, client.service, 1)
        await verified(client, service)
        await verified(other, service, url=OTHER)
        await sender.stop()
        await client.provider.deliver(1, MAIL)
        again = service.sender(client)
        attempts = 0
        while service.posted[-1].url != OTHER or service.posted[-1].message["@type"] != "StateChange":
            again._look_at(client.account.id)
            await asyncio.sleep(0)
            attempts += 1
            assert attempts < 1_000
        await again.stop()

    run(test)
