"""DNS that lies: it does not answer, answers late, or denies names that exist."""

import asyncio
from typing import Any

from pillarbox.world.resolver import Answer, Failure, Kind, NoData, NxDomain, Outcome, Resolver
from pillarbox.world.resolver.records import Record
from tests.simulation.weather import Weather

SHORT_TTL_S = 60


class Names(Resolver):
    """The one zone of the simulated world, as its recursive servers tell it."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._records: dict[tuple[str, Kind], tuple[Record, ...]] = {}
        self._known: set[str] = set()

    def put(self, name: str, kind: Kind, *records: Record) -> None:
        """Publish records."""
        self._records[name, kind] = records
        self._known.add(name)

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`. A denial is believed: whoever gets it has to tell the sender, not to try again."""
        weather = self._weather
        await asyncio.sleep(0.01)
        if weather.strikes(weather.climate.names):
            trouble = weather.chance.random()
            if trouble < 0.05:
                return NxDomain(SHORT_TTL_S)
            if trouble < 0.5:
                await asyncio.sleep(8.0)
            return Failure("SERVFAIL")
        records = self._records.get((name, kind))
        if records:
            return Answer(records, weather.chance.choice((0, SHORT_TTL_S, 86_400)))
        return NoData(SHORT_TTL_S) if name in self._known else NxDomain(SHORT_TTL_S)
