import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.delivery.checks.sender_domain import MAX_EARLY, Existence, SenderDomains, existence_of
from pillarbox.dns import Failure, Kind, Mx, Outcome
from pillarbox.world.clock import VirtualClock
from pillarbox.world.resolver.zone import ZoneResolver


def zones() -> ZoneResolver:
    return ZoneResolver(
        ("example",),
        {
            ("mx.example", Kind.MX): (Mx(10, "host.example"),),
            ("null.example", Kind.MX): (Mx(0, ""),),
            ("host.example", Kind.A): ("192.0.2.1",),
            ("text.example", Kind.TXT): (b"hello",),
        },
        outside=Failure("no network"),
    )


@pytest.mark.parametrize(
    ("domain", "existence"),
    [
        ("mx.example", Existence.EXISTS),
        ("host.example", Existence.EXISTS),
        ("null.example", Existence.ABSENT),
        ("text.example", Existence.ABSENT),
        ("none.example", Existence.ABSENT),
        ("far.invalid", Existence.UNKNOWN),
    ],
)
def test_existence(domain: str, existence: Existence) -> None:
    assert asyncio.run(existence_of(zones(), domain)) is existence


class SlowResolver(ZoneResolver):
    """Answers when it is released."""

    def __init__(self) -> None:
        super().__init__((), {})
        self.asked = 0
        self.go = asyncio.Event()

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked += 1
        await self.go.wait()
        return await super().lookup(name, kind)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())


def test_one_look_up_for_all_who_ask_and_an_answer_that_is_remembered() -> None:
    async def test() -> None:
        resolver, clock = SlowResolver(), VirtualClock()
        domains = SenderDomains(resolver, clock)
        assert domains.begin("none.example") is None
        assert domains.begin("none.example") is None
        waiting = [asyncio.create_task(domains.settled("none.example")) for _ in range(3)]
        await asyncio.sleep(0)
        resolver.go.set()
        assert [await one for one in waiting] == [Existence.ABSENT] * 3
        asked = resolver.asked
        assert domains.begin("none.example") is Existence.ABSENT
        assert resolver.asked == asked

    run(test)


def test_strangers_have_a_number_of_look_ups_begun_and_no_more() -> None:
    async def test() -> None:
        resolver = SlowResolver()
        domains = SenderDomains(resolver, VirtualClock())
        for number in range(MAX_EARLY):
            assert domains.has_room
            domains.begin(f"{number}.example")
        assert not domains.has_room
        waiting = asyncio.create_task(domains.settled("wanted.example"))
        await asyncio.sleep(0)
        resolver.go.set()
        assert await waiting is Existence.ABSENT, "who waits is answered all the same"
        await asyncio.sleep(0)
        assert domains.has_room

    run(test)


def test_an_address_literal_needs_no_look_up() -> None:
    resolver_never_asked = SenderDomains(zones(), VirtualClock())
    assert resolver_never_asked.begin("[192.0.2.1]") is Existence.EXISTS
