"""Tells in the log whether DANE can rely on the name servers; a worker whose name servers deceive believes them no
more.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.world.clock import Clock
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.validation import Examined, Validation
from pillarbox.world.telemetry import Telemetry

AGAIN_S: Final = 24 * 3600.0
"""Name servers change."""
UNKNOWN_S: Final = 300.0
"""The same, while one of them has not answered."""


async def examine_name_servers(
    resolver: Resolver, clock: Clock, telemetry: Telemetry, *, tells: bool
) -> None:
    """Examine them now and again. What is new goes to the log, if this worker `tells` for all."""
    told: dict[str, Validation] = {}
    while True:
        found = await resolver.examine()
        if not found:
            return
        if tells:
            _tell(telemetry, found, told)
        unknown = any(one.validation is Validation.UNKNOWN for one in found)
        await clock.sleep(UNKNOWN_S if unknown else AGAIN_S)


def _tell(telemetry: Telemetry, found: Sequence[Examined], told: dict[str, Validation]) -> None:
    is_off = not any(one.validation is Validation.VALIDATES for one in found)
    for one in found:
        address, validation = one.server.address, one.validation
        if told.get(address) is validation:
            continue
        told[address] = validation
        if validation in (Validation.VALIDATES, Validation.UNKNOWN):
            telemetry.event("name server examined", server=address, found=f"it {validation}")
        else:
            name = "DANE is off" if is_off else "name server not believed"
            telemetry.warning(name, server=address, why=f"it {validation}")
