"""The thread that commits: in order, to the end, and all callers get the result."""

import asyncio
import threading

import pytest

from pillarbox.world.database.sqlite.commit_thread import CommitThread


def test_calls_run_in_another_thread_in_order() -> None:
    async def scenario() -> None:
        thread = CommitThread()
        ran: list[int] = []
        await asyncio.gather(*(thread.run(lambda n=n: ran.append(n)) for n in range(5)))  # type: ignore[misc]  # the default binds
        assert ran == [0, 1, 2, 3, 4]
        assert await thread.run(threading.get_ident) != threading.get_ident()
        thread.shutdown()

    asyncio.run(scenario())


def test_what_a_call_raises_is_raised() -> None:
    def fail() -> None:
        raise LookupError("gone")

    async def scenario() -> None:
        thread = CommitThread()
        with pytest.raises(LookupError, match="gone"):
            await thread.run(fail)
        assert await thread.run(lambda: 1) == 1
        thread.shutdown()

    asyncio.run(scenario())


def test_a_cancelled_caller_still_gets_the_result() -> None:
    async def scenario() -> None:
        thread = CommitThread()
        begun, go_on = threading.Event(), threading.Event()

        def commit() -> str:
            begun.set()
            go_on.wait(10)
            return "durable"

        waiting = asyncio.create_task(thread.run(commit))
        while not begun.is_set():
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        assert await waiting == "durable"
        thread.shutdown()

    asyncio.run(scenario())


def test_shutting_down_finishes_what_was_given() -> None:
    done = []

    async def scenario() -> None:
        thread = CommitThread()
        thread.begin(lambda: done.append(1))
        thread.shutdown()

    asyncio.run(scenario())
    assert done == [1]
