"""Checks are answered for whoever waits: a task, or a handler that runs step by step without one."""

import asyncio
from dataclasses import replace
from typing import Any

from pillarbox.delivery.asker import Asker
from pillarbox.dns import Kind, NxDomain, Outcome
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.world.clock import SystemClock
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
