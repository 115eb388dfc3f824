"""Two workers on one database: what happens at a time happens once, and whoever changes the time decides or is told."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from pillarbox.protocol.jmap.scalars import utc_date
from pillarbox.world.clock import VirtualClock
from tests.kit.jmap.client import JmapClient, open_jmap
from tests.kit.jmap.submitting import FRIEND, envelope, octets_of, release, store, submit
from tests.kit.stored_mail import NOW_MS

T = TypeVar("T")


async def after_turns(number: int, work: Callable[[], Awaitable[T]]) -> T:
    """Do it so many iterations of the loop later."""
    for _ in range(number):
        await asyncio.sleep(0)
    return await work()


async def held(client: JmapClient, seconds: int) -> str:
    made = await submit(client, await store(client), envelope=envelope(FRIEND, HOLDFOR=str(seconds)))
    return str(made["id"])


def test_whoever_comes_first_of_those_who_move_and_let_go_decides(tmp_path: Path) -> None:
    async def run() -> None:
        clock = VirtualClock(NOW_MS)
        one, other = [await open_jmap(folder=tmp_path, clock=clock) for _ in range(2)]
        for number in range(1, 41):
            sent = await held(one, 1)
            await clock.advance(1)
            until = utc_date(clock.now_ms() + 10_000)
            update = partial(other.call, "EmailSubmission/set", update={sent: {"sendAt": until}})
            (_, answer), *_ = await asyncio.gather(
                after_turns(number * 10, update), release(one), release(other)
            )
            _, said = await one.call("EmailSubmission/get", ids=[sent])
            status, send_at = (said["list"][0][name] for name in ("undoStatus", "sendAt"))
            assert (status == "pending") == (answer["updated"] is not None)
            if status == "pending":
                assert send_at == until
                assert len(octets_of(one, 1)) == number - 1
                await clock.advance(10)
                await asyncio.gather(release(one), release(other))
            assert len(octets_of(one, 1)) == number, "once, by one of the two times"
        await one.provider.close()
        await other.provider.close()

    asyncio.run(run())
