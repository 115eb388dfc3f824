"""How connections with much to do share the loop: counted in iterations and in handled events, on a pretended clock."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.pump.turns import MIN_SHARE_S, NOTED_S, ROUND_S, SHARE_S, TOGETHER_S, Turns
from tests.unit.server.pump.test_phases import Clock, Stage, pretended

MANY = 64


def run(scene: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


async def ticks() -> None:
    """As many iterations of the loop as settle whatever waits for nothing else."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_one_turn_is_given_in_each_iteration_in_order() -> None:
    async def scene() -> None:
        turns, went, iteration = Turns(), list[tuple[int, int]](), 0

        async def worker(number: int) -> None:
            for _ in range(3):
                await turns.wait()
                went.append((iteration, number))

        tasks = [asyncio.create_task(worker(number)) for number in range(5)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            iteration += 1
        assert [number for _, number in went] == [0, 1, 2, 3, 4] * 3
        assert len({when for when, _ in went}) == len(went)
        await ticks()
        assert not turns.crowded

    run(scene())


def test_a_turn_that_nobody_waits_for_any_more_goes_to_the_next() -> None:
    async def scene() -> None:
        turns = Turns()
        tasks = [asyncio.create_task(turns.wait()) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        tasks[2].cancel()
        await asyncio.wait_for(tasks[3], 1)
        await ticks()
        assert not turns.crowded

    run(scene())


def test_shares_shrink_with_the_number_of_those_who_wait() -> None:
    async def scene() -> None:
        turns = Turns()
        assert turns.share_from(1.0) == 1.0 + SHARE_S
        tasks = [asyncio.create_task(turns.wait()) for _ in range(MANY + 1)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        share_s = max(MIN_SHARE_S, ROUND_S / MANY)
        assert turns.share_from(0.0) == share_s
        await asyncio.sleep(0)
        assert 1 < sum(task.done() for task in tasks) <= 1 + 2 * SHARE_S / share_s, (
            "as many as one share holds"
        )
        for task in tasks:
            await task

    run(scene())


def stages(count: int, turns: Turns, *, event_s: float, account: int = 1) -> list[Stage]:
    """Connections of an account whose every event takes so long."""
    made = []
    for _ in range(count):
        stage = Stage()
        stage.turns = turns
        stage.accounts = (AccountId(account),)

        async def handle(event: bytes, stage: Stage = stage) -> None:
            stage.log.append("handled")
            Clock.now += event_s

        stage.handle = handle  # type: ignore[method-assign]  # this scene has its own
        stage.buffer = memoryview(bytearray(64 * 1024))
        stage.pump.connection_made(pretended(stage))
        stage.log.clear()
        made.append(stage)
    return made


def test_a_command_is_answered_at_once_whatever_many_connections_have_sent() -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        heavy = stages(MANY, turns, event_s=0.001)
        (light,) = stages(1, turns, event_s=0.0, account=2)
        began = Clock.now
        for stage in heavy:  # one iteration of the loop
            stage.arrive(b"x\n" * 2048)
        light.arrive(b"noop\n")
        assert light.log.count("handled") == 1, "it has an event handled in the iteration in which it arrived"
        assert Clock.now - began < MANY * 0.001 + 2 * SHARE_S
        for _ in range(20):
            before, began = light.log.count("handled"), Clock.now
            await asyncio.sleep(0)
            light.arrive(b"noop\n")
            assert light.log.count("handled") == before + 1
            assert Clock.now - began <= 2 * SHARE_S, "turns for one share, and an event more in each"
        for _ in range(200):
            await asyncio.sleep(0)
        counts = [stage.log.count("handled") for stage in heavy]
        assert min(counts) > 0, "nobody is starved"

    run(scene())


@pytest.mark.parametrize("event_s", [0.001, NOTED_S / 2])
def test_many_who_have_a_short_event_each_have_one_share_together(event_s: float) -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        heavy = stages(1000, turns, event_s=event_s)
        (light,) = stages(1, turns, event_s=0.0, account=2)
        began = Clock.now
        for stage in heavy:  # one iteration of the loop
            stage.arrive(b"x\n")
        assert Clock.now - began < TOGETHER_S + SHARE_S + 2 * event_s
        light.arrive(b"noop\n")
        assert light.log.count("handled") == 1, "another account's command is handled all the same"
        while any(stage.log.count("handled") == 0 for stage in heavy):
            began = Clock.now
            await asyncio.sleep(0)
            assert Clock.now - began <= SHARE_S + 2 * event_s
        await ticks()
        assert not turns.full
        assert not turns.crowded

    run(scene())


@pytest.mark.parametrize("failure", [None, ConnectionResetError()])
def test_those_whose_waiting_ends_at_once_go_on_in_turns(failure: Exception | None) -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        many = stages(MANY, turns, event_s=0.0)
        (light,) = stages(1, turns, event_s=0.0, account=2)
        committed = asyncio.get_running_loop().create_future()

        async def handle(event: bytes, stage: Stage) -> None:
            with suppress(ConnectionResetError):
                await asyncio.shield(committed)
            stage.log.append("handled")
            Clock.now += 0.001

        for stage in (*many, light):
            stage.handle = partial(handle, stage=stage)  # type: ignore[method-assign]  # this scene has its own
            stage.arrive(b"x\n")
        await ticks()
        if failure is None:
            committed.set_result(None)
        else:
            committed.set_exception(failure)
        longest, first = 0.0, Clock.now
        for _ in range(100):
            began = Clock.now
            await asyncio.sleep(0)
            longest = max(longest, Clock.now - began)
            if Clock.now > first:
                assert light.log.count("handled") == 1, "another account goes on at once"
        assert all(stage.log.count("handled") == 1 for stage in many)
        assert longest < TOGETHER_S + SHARE_S + 0.002

    run(scene())


def test_much_input_waits_unread_while_others_have_their_turn() -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        first, second = stages(2, turns, event_s=0.002)
        first.arrive(b"x\n" * 4096)
        assert first.log.count("handled") == 3
        second.arrive(b"x\n" * 4096)
        assert second.log.count("handled") == 0, "not even taken apart"
        second.arrive(b"x\n")
        await ticks()
        assert second.log.count("handled") > 0

    run(scene())


@pytest.mark.parametrize("chunk", [b"x\n" * 4, b"x" * 8000 + b"\n"], ids=["events", "octets"])
def test_a_loop_that_reads_again_and_again_from_one_connection_gives_it_one_share(chunk: bytes) -> None:
    async def scene() -> None:
        (stage,) = stages(1, Turns(lambda: Clock.now), event_s=0.001)
        for _ in range(32):  # libuv reads so often before it looks at other connections
            stage.arrive(chunk)
        assert stage.log.count("handled") < 12

    run(scene())


def test_many_who_each_keep_to_their_share_take_one_together() -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        began = Clock.now
        for stage in stages(MANY, turns, event_s=0.001):  # one iteration of the loop
            stage.arrive(b"x\n" * 4)
        assert Clock.now - began <= (MANY + 1) * 0.001 + TOGETHER_S, (
            "one event each, beyond what they have together"
        )
        for _ in range(400):
            await asyncio.sleep(0)
        assert Clock.now - began > MANY * 0.004 - 0.001

    run(scene())


def test_news_for_many_connections_are_written_in_turns() -> None:
    async def scene() -> None:
        turns = Turns(lambda: Clock.now)
        many = stages(40, turns, event_s=0.01)
        for stage in many:
            stage.pump.post(b"hint")
        began = Clock.now
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert Clock.now - began < 0.03, "not all in one iteration"
        for _ in range(100):
            await asyncio.sleep(0)
        assert all(stage.log.count("handled") == 1 for stage in many)

    run(scene())


def test_the_machine_is_given_no_more_than_one_read_at_a_time() -> None:
    async def scene() -> None:
        (stage,) = stages(1, Turns(lambda: Clock.now), event_s=0.001)
        most = 0

        def some(octets: bytes) -> list[bytes]:
            nonlocal most
            stage.rest += octets
            most = max(most, len(stage.rest))
            *lines, stage.rest = stage.rest.split(b"\n", 2)
            return lines

        stage.receive = some  # type: ignore[method-assign]  # this scene has its own
        for _ in range(4):
            stage.arrive((b"x" * 4999 + b"\n") * 8)
        for _ in range(100):
            await asyncio.sleep(0)
        assert stage.log.count("handled") == 32
        assert most == 40_000

    run(scene())
