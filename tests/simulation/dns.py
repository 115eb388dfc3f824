"""Unreliable DNS: it does not answer, answers late, or denies names that exist."""

import asyncio
from typing import Any

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome, Record
from pillarbox.world.resolver import Resolver
from tests.simulation.faults import FaultInjector

SHORT_TTL_S = 60


class SimulatedDns(Resolver):
    """All names of the simulated world, as a recursive server answers for them."""

    def __init__(self, faults: FaultInjector) -> None:
        self._faults = faults
        self._records: dict[tuple[str, Kind], tuple[Record, ...]] = {}
        self._known: set[str] = set()

    def put(self, name: str, kind: Kind, *records: Record) -> None:
        """Publish records."""
        self._records[name, kind] = records
        self._known.add(name)

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`. A denial counts: the message fails, and is not retried."""
        faults = self._faults
        await asyncio.sleep(0.01)
        if faults.occurs(faults.rates.dns):
            trouble = faults.chance.random()
            if trouble < 0.05:
                return NxDomain(SHORT_TTL_S)
            if trouble < 0.5:
                await asyncio.sleep(8.0)
            return Failure("SERVFAIL")
        records = self._records.get((name, kind))
        if records:
            return Answer(records, faults.chance.choice((0, SHORT_TTL_S, 86_400)))
        return NoData(SHORT_TTL_S) if name in self._known else NxDomain(SHORT_TTL_S)
