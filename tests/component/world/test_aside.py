import asyncio
import threading

import pytest

from pillarbox.world.aside import Aside


def test_work_is_done_beside_the_loop_one_after_another_in_its_order() -> None:
    async def run() -> None:
        aside, here = Aside(), threading.get_ident()
        at_work = threading.Lock()
        order = list[int]()

        def work(number: int) -> int:
            assert at_work.acquire(blocking=False), "another one is at work"
            order.append(number)
            at_work.release()
            return threading.get_ident()

        threads = await asyncio.gather(*(aside.run(work, number) for number in range(50)))
        assert order == list(range(50))
        assert len(set(threads)) == 1
        assert here not in threads

    asyncio.run(run())


def test_who_has_left_before_his_turn_has_no_work_done() -> None:
    async def run() -> None:
        aside, go_on, done = Aside(), threading.Event(), list[int]()
        first = asyncio.ensure_future(aside.run(go_on.wait))
        second, third = (asyncio.ensure_future(aside.run(done.append, number)) for number in (2, 3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        go_on.set()
        await asyncio.gather(first, second, third, return_exceptions=True)
        assert done == [3]

    asyncio.run(run())


def test_what_work_raises_is_for_whoever_waits() -> None:
    async def run() -> None:
        with pytest.raises(ValueError, match="no number"):
            await Aside().run(_fail)

    asyncio.run(run())


def _fail() -> None:
    raise ValueError("no number")
