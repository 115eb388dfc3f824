import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from pillarbox.server.pump.eager import drive


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def task_of(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Drive what has to wait; the task in which it goes on."""
    task = drive(work, asyncio.get_running_loop())
    assert task is not None, "it did not wait"
    return task


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
        steps: list[object] = []
        gate = asyncio.get_running_loop().create_future()

        async def work() -> None:
            steps.append("begun")
            steps.append(await gate)
            await asyncio.sleep(0)
            steps.append(asyncio.current_task() is not None)

        task = task_of(work())
        assert steps == ["begun"]
        gate.set_result("gate")
        await task
        assert steps == ["begun", "gate", True]

    run(scene())


def test_a_bare_iteration_of_the_loop() -> None:
    async def scene() -> None:
        async def work() -> None:
            await asyncio.sleep(0)

        await task_of(work())

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

        task = task_of(work())
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
            await task_of(later())

    run(scene())


def test_cancellation() -> None:
    async def scene() -> None:
        seen = []

        async def work() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                seen.append("cleaned up")

        task = task_of(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert seen == ["cleaned up"]

        async def stubborn() -> None:
            with pytest.raises(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()

        task = task_of(stubborn())
        await asyncio.sleep(0)
        task.cancel()
        await task

    run(scene())
