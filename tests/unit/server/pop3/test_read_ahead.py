"""Reading ahead: when the next messages are read with one, and that what may have changed is read again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.mail.identifiers import Uid
from pillarbox.server.pop3.read_ahead import AHEAD_OCTETS, KEPT_S, MAX_AHEAD
from pillarbox.store import maildrop
from pillarbox.store.maildrop import StoredMessage
from pillarbox.world.clock import VirtualClock
from tests.kit.pop3.client import Pop3Client
from tests.kit.provider import Provider, open_provider


def scene(play: Callable[[Provider], Awaitable[None]], clock: VirtualClock | None = None) -> None:
    async def whole() -> None:
        provider = await open_provider(clock=clock or VirtualClock())
        await play(provider)
        await provider.close()

    asyncio.run(whole())


def count_queries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of how many messages each query is that reads some."""
    real, asked = maildrop.messages, []

    def messages(*arguments: Any) -> dict[Uid, StoredMessage]:
        found = real(*arguments)
        asked.append(len(found))
        return found

    monkeypatch.setattr(maildrop, "messages", messages)
    return asked


async def with_messages(provider: Provider, count: int, octets: int = 0) -> Pop3Client:
    """A client that has logged in, and so many messages of some size."""
    for number in range(1, count + 1):
        await provider.deliver(0, b"Subject: %d\r\n\r\n%b\r\n" % (number, b"x" * octets))
    client = Pop3Client(provider)
    await client.log_in()
    return client


async def retrieve(client: Pop3Client, *numbers: int) -> None:
    for number in numbers:
        assert b"Subject: %d\r" % number in await client.send(b"RETR %d" % number)


def test_more_and_more_messages_are_read_ahead_for_who_goes_through_them_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(provider: Provider) -> None:
        client = await with_messages(provider, 200)
        asked = count_queries(monkeypatch)
        await retrieve(client, *range(1, 201))
        assert asked == [1, 2, 3, 5, 9, 17, 33, 1 + MAX_AHEAD, 1 + MAX_AHEAD]
        assert not provider.world.memory.accounts.buffers.used_octets

    scene(play)


def test_nothing_is_read_ahead_for_who_asks_in_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(provider: Provider) -> None:
        client = await with_messages(provider, 9)
        asked = count_queries(monkeypatch)
        await retrieve(client, 9, 7, 5, 7, 1)
        assert asked == [1, 1, 1, 1, 1]

    scene(play)


def test_what_is_read_ahead_has_a_limit_and_ends_before_what_is_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        client = await with_messages(provider, 14, AHEAD_OCTETS // 4)
        asked = count_queries(monkeypatch)
        await client.send(b"DELE 13")
        for number in range(1, 13):
            await retrieve(client, number)
            await client.send(b"DELE %d" % number)
            assert held.used_octets <= AHEAD_OCTETS
        assert asked == [1, 2, 3, 4, 2]
        await retrieve(client, 14)
        assert (await client.send(b"RETR 12")).startswith(b"-ERR")

    scene(play)


def test_who_takes_long_is_read_little_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()

    async def play(provider: Provider) -> None:
        client = await with_messages(provider, 20)
        asked = count_queries(monkeypatch)
        await retrieve(client, *range(1, 9))
        assert asked == [1, 2, 3, 5]
        for number in (9, 10, 11):
            await clock.advance(KEPT_S)
            await retrieve(client, number)
        assert asked == [1, 2, 3, 5, 2, 2, 2]

    scene(play, clock)


def test_what_may_have_changed_is_read_again_and_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        client = await with_messages(provider, 9)
        asked = count_queries(monkeypatch)
        await retrieve(client, 1, 2, 3, 4)
        assert asked == [1, 2, 3]
        assert held.used_octets
        await provider.expunge(0)
        assert not held.used_octets
        for number in (5, 6):
            assert await client.send(b"RETR %d" % number) == b"-ERR Message has been expunged.\r\n"

    scene(play)


def test_nothing_is_read_ahead_while_others_hold_much_nor_kept_for_who_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        client = await with_messages(provider, 9)
        asked = count_queries(monkeypatch)
        with held.hold(held.limit_octets // 2, lambda: None):
            await retrieve(client, 1, 2, 3)
        await retrieve(client, 4)
        assert asked == [1, 1, 1, 2]
        assert held.used_octets
        client.session.closed()
        assert not held.used_octets

    scene(play)
