"""Checks are answered for whoever waits: a task, or a handler that runs step by step without one."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

from pillarbox.delivery.asker import Asker
from pillarbox.dns import Kind, NxDomain, Outcome
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.world.clock import SystemClock
from pillarbox.world.pace import SHARE_S
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp


class Slow(ZoneResolver):
    """Knows nothing at once."""

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        return None

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        await asyncio.sleep(0)
        return self.said(name, kind)


def check() -> Asking[bool]:
    outcome = yield Lookup("a.example", Kind.TXT)
    return isinstance(outcome, NxDomain)


def test_who_waits_may_be_no_task() -> None:
    async def test(provider: SmtpProvider) -> None:
        world = replace(provider.world, clock=SystemClock(), resolver=Slow(("example",), {}))
        asker = Asker(world, within_s=20)
        waiting = asker.answer(check(), ends=asker.deadline())
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def step() -> None:
            try:
                future = waiting.send(None)
            except StopIteration as stop:
                ended.set_result(stop.value)
            except RuntimeError as error:
                ended.set_exception(error)
            else:
                future.add_done_callback(lambda _done: step())

        loop.call_soon(step)
        assert await ended

    run_with_smtp(test)


def test_several_checks_wait_side_by_side_and_end_with_who_waits() -> None:
    class Silent(Slow):
        """Never answers."""

        asked = 0

        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            self.asked += 1
            await asyncio.Event().wait()
            raise AssertionError

    async def test(provider: SmtpProvider) -> None:
        silent = Silent(("example",), {})
        asker = Asker(replace(provider.world, resolver=silent), within_s=20)
        before = asyncio.all_tasks()
        waiting = asyncio.ensure_future(asker.answers((check(), check()), ends=asker.deadline()))
        while silent.asked < 2:
            await asyncio.sleep(0)
        waiting.cancel()
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0)
        assert waiting.cancelled()

    run_with_smtp(test)


def test_checks_that_wait_for_one_answer_do_not_go_on_all_at_once() -> None:
    class Late(Slow):
        """Answers all who wait at the same moment."""

        def __init__(self) -> None:
            super().__init__(("example",), {})
            self.come = asyncio.Event()

        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            await self.come.wait()
            return self.said(name, kind)

    class Measured(SystemClock):
        """Time passes while a check goes on, and not otherwise."""

        now_s = 0.0

        def monotonic(self) -> float:
            return self.now_s

    async def test(provider: SmtpProvider) -> None:
        clock, late, iteration = Measured(), Late(), 0
        asker = Asker(replace(provider.world, clock=clock, resolver=late), within_s=20)
        gone_on = Counter[int]()

        def dear() -> Asking[None]:
            yield Lookup("a.example", Kind.TXT)
            clock.now_s += SHARE_S / 2
            gone_on[iteration] += 1

        waiting = [asyncio.ensure_future(asker.answer(dear(), ends=asker.deadline())) for _ in range(30)]
        await asyncio.sleep(0.01)
        late.come.set()
        while not all(one.done() for one in waiting):
            await asyncio.sleep(0)
            iteration += 1
        assert gone_on.total() == 30
        assert max(gone_on.values()) == 2

    run_with_smtp(test)
