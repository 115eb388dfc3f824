"""Reading ahead: when the next messages are read with one, and that what may have changed is read again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.mail.identifiers import Uid
from pillarbox.server.pop3.read_ahead import AHEAD_OCTETS, KEPT_S
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


def numbered(number: int, octets: int = 0) -> bytes:
    return b"Subject: %d\r\n\r\n%b\r\n" % (number, b"x" * octets)


def test_the_next_messages_are_read_ahead_for_who_goes_through_them_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        for number in range(1, 10):
            await provider.deliver(0, numbered(number, AHEAD_OCTETS // 4))
        client = Pop3Client(provider)
        await client.log_in()
        asked = count_queries(monkeypatch)
        for number in (9, 7, 5, 7):  # in no order
            assert b"Subject: %d\r" % number in await client.send(b"RETR %d" % number)
        assert (asked, held.used_octets) == ([1, 1, 1, 1], 0)
        asked.clear()
        await client.send(b"DELE 6")
        for number in (1, 2, 3, 4, 5, 7, 8, 9):
            assert b"Subject: %d\r" % number in await client.send(b"RETR %d" % number)
            await client.send(b"DELE %d" % number)
            assert held.used_octets <= AHEAD_OCTETS
        # The first by itself, the second with three, as far as the one that is marked; then again
        assert asked == [1, 4, 1, 2]
        assert held.used_octets == 0
        assert (await client.send(b"RETR 3")).startswith(b"-ERR")

    scene(play)


def test_what_was_read_ahead_is_neither_shown_nor_held_once_it_may_have_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = VirtualClock()

    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        for number in range(1, 10):
            await provider.deliver(0, numbered(number))
        client = Pop3Client(provider)
        await client.log_in()
        asked = count_queries(monkeypatch)
        for number in (1, 2, 3):
            await client.send(b"RETR %d" % number)
        assert asked == [1, 8]
        await clock.advance(KEPT_S)
        await client.send(b"RETR 4")
        assert asked == [1, 8, 6]
        assert held.used_octets
        await provider.expunge(0)
        assert not held.used_octets
        for number in (5, 6):
            assert await client.send(b"RETR %d" % number) == b"-ERR Message has been expunged.\r\n"

    scene(play, clock)


def test_nothing_is_read_ahead_while_memory_is_scarce_nor_kept_for_who_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(provider: Provider) -> None:
        held = provider.world.memory.accounts.buffers
        for number in range(1, 10):
            await provider.deliver(0, numbered(number))
        client = Pop3Client(provider)
        await client.log_in()
        asked = count_queries(monkeypatch)
        with held.hold(held.limit_octets + 1, lambda: None):
            for number in (1, 2, 3):
                await client.send(b"RETR %d" % number)
        await client.send(b"RETR 4")
        assert asked == [1, 1, 1, 6]
        assert held.used_octets
        client.session.closed()
        assert not held.used_octets

    scene(play)
