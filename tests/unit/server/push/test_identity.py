"""As whom push services know this provider."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import WEBPUSH_VAPID
from pillarbox.push import vapid_key
from pillarbox.server.push.identity import MAX_AGE_S, MAX_KEYS, Identity
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import DatabaseUnavailable, Transaction
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap
from tests.kit.provider import Provider, open_provider
from tests.kit.webpush import claims, octets_of, refusal

OTHER = b"\2" * 32
URL = "https://push.example/x"


def run(scenario: Callable[[Provider, Identity], Awaitable[None]], clock: VirtualClock | None = None) -> None:
    async def inside() -> None:
        provider = await open_provider(clock=clock)
        try:
            await scenario(provider, Identity(provider.world, provider.config))
        finally:
            await provider.close()

    asyncio.run(inside())


def test_the_first_who_asks_makes_the_key_and_all_have_the_same() -> None:
    async def scenario(provider: Provider, identity: Identity) -> None:
        others = [Identity(provider.world, provider.config) for _ in range(3)]
        every = await asyncio.gather(*(each.current() for each in (identity, *others)))
        assert len({(number, sender.application_server_key) for number, sender in every}) == 1
        count = await provider.world.database.read(lambda tx: tx.value("SELECT count(*) FROM vapid_keys"))
        assert count == 1

    run(scenario)


def test_messages_are_sent_in_the_name_of_the_postmaster() -> None:
    async def scenario(provider: Provider, identity: Identity) -> None:
        _, sender = await identity.current()
        now_s = provider.world.clock.now_ms() // 1000
        field = sender.authorization(URL, now_s=now_s)
        assert claims(field)[0]["sub"] == f"mailto:postmaster@{provider.config.domain}"
        key = octets_of(await identity.application_server_key())
        assert not refusal(field, origin="https://push.example", key=key, now_s=now_s)

    run(scenario)


def test_another_key_is_used_at_once_and_older_subscriptions_have_theirs() -> None:
    async def scenario(provider: Provider, identity: Identity) -> None:
        number, first = await identity.current()
        await provider.world.database.write(vapid_key.replace, OTHER, now_ms=0)
        other_number, other = await identity.current()
        assert other_number != number
        assert other.application_server_key != first.application_server_key
        for each in (identity, Identity(provider.world, provider.config)):
            older = await each.numbered(number)
            assert older is not None
            assert older.application_server_key == first.application_server_key
        assert await identity.numbered(77) is None

    run(scenario)


def test_a_signal_that_is_lost_is_made_up_for() -> None:
    clock = VirtualClock()

    async def scenario(provider: Provider, identity: Identity) -> None:
        number, _ = await identity.current()

        def replaced(tx: Transaction) -> None:
            tx.execute("INSERT INTO vapid_keys (scalar, made_at_ms) VALUES (?, 0)", (OTHER,))

        await provider.world.database.write(replaced)
        assert (await identity.current())[0] == number
        await clock.advance(MAX_AGE_S)
        assert (await identity.current())[0] == number + 1

    run(scenario, clock)


def test_keys_without_number_take_no_memory_without_end() -> None:
    async def scenario(provider: Provider, identity: Identity) -> None:
        for _ in range(3 * MAX_KEYS):
            await provider.world.database.write(vapid_key.replace, OTHER, now_ms=0)
            await identity.current()
            assert len(identity._senders) <= MAX_KEYS

    run(scenario)


def test_while_the_database_does_not_answer_the_last_known_key_is_told() -> None:
    clock = VirtualClock()

    async def scenario(provider: Provider, identity: Identity) -> None:
        read = provider.world.database.read

        async def failing(*_: Any, **__: Any) -> Any:
            raise DatabaseUnavailable

        provider.world.database.read = failing  # type: ignore[method-assign]
        assert await identity.application_server_key() == ""
        with pytest.raises(DatabaseUnavailable):
            await identity.current()
        provider.world.database.read = read  # type: ignore[method-assign]
        known = await identity.application_server_key()
        assert known
        await clock.advance(2 * MAX_AGE_S)
        provider.world.database.read = failing  # type: ignore[method-assign]
        assert await identity.application_server_key() == known

    run(scenario, clock)


# --- the session of JMAP


async def _session(client: JmapClient) -> Any:
    return json.loads((await client.service.session(client.account, BASE_URL)).octets)


@pytest.mark.rfc("9749 §3", "MUST")
def test_the_session_has_the_key() -> None:
    async def test(client: JmapClient) -> None:
        said = (await _session(client))["capabilities"][WEBPUSH_VAPID]
        key = await Identity(client.provider.world, client.provider.config).application_server_key()
        assert said == {"applicationServerKey": key}
        point = octets_of(key)
        assert (len(point), point[0]) == (65, 4)

    run_with_jmap(test)


@pytest.mark.rfc("9749 §5", "MUST")
def test_another_key_is_another_state_of_the_session() -> None:
    async def test(client: JmapClient) -> None:
        before = await _session(client)
        await client.provider.world.database.write(vapid_key.replace, OTHER, now_ms=0)
        answer = await client.request(["Core/echo", {}, "c"])
        after = await _session(client)
        assert answer["sessionState"] == after["state"] != before["state"]
        keys = [each["capabilities"][WEBPUSH_VAPID]["applicationServerKey"] for each in (before, after)]
        assert keys[0] != keys[1]

    run_with_jmap(test)


def test_a_damaged_key_takes_nothing_but_web_push_away() -> None:
    async def test(client: JmapClient) -> None:
        world = client.provider.world
        await world.database.write(lambda tx: tx.execute("UPDATE vapid_keys SET scalar = zeroblob(32)"))
        client.service._identity._senders.clear()
        assert WEBPUSH_VAPID not in (await _session(client))["capabilities"]
        answer = await client.request(["Core/echo", {"a": 1}, "c"])
        assert answer["methodResponses"] == [["Core/echo", {"a": 1}, "c"]]

    run_with_jmap(test)
