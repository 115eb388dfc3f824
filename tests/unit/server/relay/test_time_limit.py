"""How long a server may take: a limit that moves, and the outcome when it is reached."""

import asyncio

import pytest

from pillarbox.server.relay.session import DELIVERY_S
from pillarbox.server.relay.time_limit import TimeLimit
from pillarbox.world.clock import VirtualClock
from pillarbox.world.network.memory import MemoryStream
from tests.kit.smtp.relay import RelayProvider, run_with_relay


def test_it_is_reached_so_long_after_the_last_start_and_once() -> None:
    async def test() -> None:
        clock, reached = VirtualClock(), list[float]()
        limit = TimeLimit(clock, lambda: reached.append(clock.monotonic()))
        limit.start(300)
        await clock.advance(200)
        limit.start(300)
        await clock.advance(299)
        assert reached == []
        await clock.advance(1000)
        assert reached == [500]

    asyncio.run(test())


def test_a_shorter_one_counts_at_once() -> None:
    async def test() -> None:
        clock, reached = VirtualClock(), list[float]()
        limit = TimeLimit(clock, lambda: reached.append(clock.monotonic()))
        limit.start(300)
        limit.start(10)
        await clock.advance(11)
        assert reached == [10]

    asyncio.run(test())


def test_stopped_it_is_not_reached_and_closed_it_leaves_no_timer() -> None:
    async def test() -> None:
        clock, reached = VirtualClock(), list[float]()
        limit = TimeLimit(clock, lambda: reached.append(clock.monotonic()))
        limit.start(10)
        limit.stop()
        await clock.advance(20)
        limit.start(10)
        limit.close()
        assert clock.next_timer_in is None
        await clock.advance(20)
        assert reached == []

    asyncio.run(test())


def test_a_server_that_falls_silent_is_left_after_its_time() -> None:
    async def test(provider: RelayProvider) -> None:
        hung_up = list[float]()

        async def silent(stream: MemoryStream) -> None:
            await stream.write(b"220 here\r\n")
            await stream.read()
            await stream.write(b"250 well\r\n")
            await stream.read()
            try:
                await stream.read()
            finally:
                hung_up.append(provider.clock.monotonic())

        provider.peer("two.example", "192.0.2.1")
        provider.network.serve("192.0.2.1", 25, silent)
        await provider.queue("a@two.example")
        await provider.pass_(299)
        assert hung_up == []
        await provider.pass_(2)
        assert hung_up == [300]
        assert provider.rows("SELECT attempts, last_reply FROM queue_recipients") == [
            (1, "no answer in 300 seconds")
        ]

    run_with_relay(test)


def test_a_server_that_trickles_a_reply_is_left_after_its_time() -> None:
    async def test(provider: RelayProvider) -> None:
        async def trickling(stream: MemoryStream) -> None:
            await stream.write(b"220 here\r\n")
            await stream.read()
            await stream.write(b"250-")
            while True:
                await provider.clock.sleep(100)
                await stream.write(b"x")

        provider.peer("two.example", "192.0.2.1")
        provider.network.serve("192.0.2.1", 25, trickling)
        await provider.queue("a@two.example")
        await provider.pass_(301)
        assert provider.rows("SELECT attempts, last_reply FROM queue_recipients") == [
            (1, "two.example [192.0.2.1]: no answer in 300 seconds")
        ]

    run_with_relay(test)


@pytest.mark.rfc("5321 §4.5.3.2.6", "SHOULD")
def test_the_final_reply_is_waited_for_beyond_the_time_of_a_message() -> None:
    async def test(provider: RelayProvider) -> None:
        async def late(stream: MemoryStream) -> None:
            clock = provider.clock
            await stream.write(b"220 here\r\n")
            await stream.read()
            await stream.write(b"250 well\r\n")
            for _ in range(25):  # MAIL and 24 recipients
                await stream.read()
                await clock.sleep(DELIVERY_S / 25 - 4)
                await stream.write(b"250 well\r\n")
            await stream.read()
            await stream.write(b"354 go on\r\n")
            await stream.read()
            await clock.sleep(590)
            await stream.write(b"250 taken\r\n")

        provider.peer("two.example", "192.0.2.1")
        provider.network.serve("192.0.2.1", 25, late)
        await provider.queue(*(f"u{number}@two.example" for number in range(24)))
        await provider.pass_(DELIVERY_S + 450)
        assert provider.rows("SELECT count(*) FROM queue_recipients WHERE attempts = 0") == [(24,)]
        await provider.pass_(50)
        assert provider.rows("SELECT count(*) FROM queue_recipients") == [(0,)]

    run_with_relay(test)


def test_a_server_that_answers_each_command_late_is_left_in_the_end() -> None:
    async def test(provider: RelayProvider) -> None:
        async def late(stream: MemoryStream) -> None:
            await stream.write(b"220 here\r\n")
            await stream.read()
            await stream.write(b"250 well\r\n")
            while await stream.read():
                await provider.clock.sleep(290)
                await stream.write(b"250 well\r\n")

        provider.peer("two.example", "192.0.2.1")
        provider.network.serve("192.0.2.1", 25, late)
        await provider.queue(*(f"u{number}@two.example" for number in range(90)))
        await provider.pass_(DELIVERY_S - 10)
        assert provider.rows("SELECT count(*) FROM queue_recipients WHERE attempts > 0") == [(0,)]
        await provider.pass_(20)
        assert provider.rows("SELECT count(*) FROM queue_recipients WHERE attempts = 1") == [(90,)]

    run_with_relay(test)
