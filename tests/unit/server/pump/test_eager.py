import asyncio

import pytest

from pillarbox.server.pump.eager import drive


def run(scene):
    return asyncio.run(scene)


def test_what_does_not_wait_is_done_at_once_and_needs_no_task() -> None:
    async def scene() -> None:
        done = []

        async def work() -> None:
            done.append(1)

        assert drive(work(), asyncio.get_running_loop()) is None
        assert done == [1]

    run(scene())


def test_what_waits_goes_on_in_a_task() -> None:
    async def scene() -> None:
        steps, gate = [], asyncio.get_running_loop().create_future()

        async def work() -> None:
            steps.append("begun")
            steps.append(await gate)
            await asyncio.sleep(0)
            steps.append(asyncio.current_task() is not None)

        task = drive(work(), asyncio.get_running_loop())
        assert steps == ["begun"]
        gate.set_result("gate")
        await task
        assert steps == ["begun", "gate", True]

    run(scene())


def test_a_bare_iteration_of_the_loop() -> None:
    async def scene() -> None:
        async def work() -> None:
            await asyncio.sleep(0)

        await drive(work(), asyncio.get_running_loop())

    run(scene())


def test_errors_reach_the_coroutine_where_it_waits() -> None:
    async def scene() -> None:
        seen, gate = [], asyncio.get_running_loop().create_future()

        async def work() -> None:
            try:
                await gate
            except ValueError:
                seen.append("caught")
            await asyncio.sleep(0)
            seen.append("went on")

        task = drive(work(), asyncio.get_running_loop())
        gate.set_exception(ValueError())
        await task
        assert seen == ["caught", "went on"]

    run(scene())


def test_errors_before_and_after_the_first_wait() -> None:
    async def scene() -> None:
        async def at_once() -> None:
            raise ValueError("at once")

        async def later() -> None:
            await asyncio.sleep(0)
            raise ValueError("later")

        with pytest.raises(ValueError, match="at once"):
            drive(at_once(), asyncio.get_running_loop())
        with pytest.raises(ValueError, match="later"):
            await drive(later(), asyncio.get_running_loop())

    run(scene())


def test_cancellation() -> None:
    async def scene() -> None:
        seen = []

        async def work() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                seen.append("cleaned up")

        task = drive(work(), asyncio.get_running_loop())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cleaned up"]

        async def stubborn() -> None:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()

        task = drive(stubborn(), asyncio.get_running_loop())
        await asyncio.sleep(0)
        task.cancel()
        await task

    run(scene())
