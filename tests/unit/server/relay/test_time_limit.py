"""How long a server may take: a limit that moves, and the outcome when it is reached."""

import asyncio

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
