import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from pillarbox.world.pace import SHARE_S, Pace

STEPS_OF_A_SHARE = 4


class Stage:
    """Steps that each take a part of a share, and the iterations of the loop in which they were done."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.iteration = 0
        self.done = list[tuple[int, int]]()
        """Iteration and number of the step."""
        self.pace = Pace(lambda: self.now_s)

    def step(self, number: int) -> int:
        self.now_s += SHARE_S / STEPS_OF_A_SHARE
        self.done.append((self.iteration, number))
        return number

    def tick(self) -> None:
        self.iteration += 1
        asyncio.get_running_loop().call_soon(self.tick)


def scene(test: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        stage = Stage()
        stage.tick()
        await test(stage)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_step_is_done_at_once_where_there_is_time() -> None:
    async def test(stage: Stage) -> None:
        before = stage.iteration
        assert await stage.pace.run(lambda: stage.step(7)) == 7
        assert stage.done == [(before, 7)]

    scene(test)


def test_what_does_not_fit_is_done_in_the_next_iterations_in_its_order() -> None:
    async def test(stage: Stage) -> None:
        found = await asyncio.gather(
            *(stage.pace.run(lambda number=number: stage.step(number)) for number in range(40))  # type: ignore[misc]
        )
        assert found == list(range(40))
        assert [number for _, number in stage.done] == found
        assert max(Counter(iteration for iteration, _ in stage.done).values()) == STEPS_OF_A_SHARE

    scene(test)


def test_who_has_left_has_no_step_done() -> None:
    async def test(stage: Stage) -> None:
        waiting = [
            asyncio.ensure_future(stage.pace.run(lambda number=number: stage.step(number)))  # type: ignore[misc]
            for number in range(12)
        ]
        await asyncio.sleep(0)
        waiting[9].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [number for _, number in stage.done] == [*range(9), 10, 11]

    scene(test)


def test_what_a_step_raises_is_for_whoever_waits() -> None:
    async def test(stage: Stage) -> None:
        def fail() -> None:
            stage.step(0)
            raise LookupError

        found = await asyncio.gather(*(stage.pace.run(fail) for _ in range(10)), return_exceptions=True)
        assert [type(each) for each in found] == [LookupError] * 10
        with pytest.raises(LookupError):
            await stage.pace.run(fail)

    scene(test)
