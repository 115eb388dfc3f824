"""The log tells what DANE can rely on."""

import asyncio
from collections.abc import Sequence

from pillarbox.app.name_servers import AGAIN_S, UNKNOWN_S, examine_name_servers
from pillarbox.world.clock import VirtualClock
from pillarbox.world.resolver.servers import NameServer
from pillarbox.world.resolver.validation import Examined, Validation
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.telemetry import MemoryTelemetry

FIRST, SECOND = "127.0.0.1", "192.0.2.53"


class Examining(ZoneResolver):
    """Finds what it is told to find, one after another."""

    def __init__(self, *found: dict[str, Validation]) -> None:
        super().__init__([], {})
        self.found = list(found)

    async def examine(self) -> Sequence[Examined]:
        found = self.found.pop(0) if self.found else {}
        return [Examined(NameServer(address), validation) for address, validation in found.items()]


def told(resolver: Examining, *pauses_s: float, tells: bool = True) -> list[tuple[str, str]]:
    async def scenario() -> list[tuple[str, str]]:
        clock, telemetry = VirtualClock(), MemoryTelemetry()
        examining = asyncio.ensure_future(examine_name_servers(resolver, clock, telemetry, tells=tells))
        for pause_s in (0, *pauses_s):
            await clock.advance(pause_s)
        examining.cancel()
        return [(name, str(fields["server"])) for name, fields in telemetry.events]

    return asyncio.run(scenario())


def test_where_nothing_is_authenticated_dane_is_off() -> None:
    for validation in (Validation.DECEPTIVE, Validation.NOT_VALIDATING, Validation.UNTRUSTED):
        assert told(Examining({FIRST: validation})) == [("DANE is off", FIRST)]


def test_one_that_validates_is_enough() -> None:
    found = {FIRST: Validation.VALIDATES, SECOND: Validation.DECEPTIVE}
    assert told(Examining(found)) == [("name server examined", FIRST), ("name server not believed", SECOND)]


def test_they_are_examined_again_and_what_is_new_is_told() -> None:
    resolver = Examining(
        {FIRST: Validation.UNKNOWN}, {FIRST: Validation.VALIDATES}, {FIRST: Validation.VALIDATES}, {}
    )
    assert told(resolver, UNKNOWN_S, AGAIN_S, AGAIN_S) == [("name server examined", FIRST)] * 2
    assert not resolver.found


def test_one_worker_tells_for_all() -> None:
    resolver = Examining({FIRST: Validation.DECEPTIVE}, {})
    assert told(resolver, AGAIN_S, tells=False) == []
    assert not resolver.found
