"""Lookups that take a bounded time, however many there are and whatever the name servers do."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from pillarbox.dns import Failure, Kind, Outcome
from pillarbox.world.clock import Clock
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.validation import Examined

LOOKUP_S: Final = 6.0
"""For one lookup: long enough to ask a second name server where the first is silent."""
MAX_AT_ONCE: Final = 100


class BoundedResolver(Resolver):
    """A resolver in front of another. Where nothing was ever answered, what waits for its turn is not asked."""

    def __init__(self, behind: Resolver, clock: Clock, *, within_s: float = LOOKUP_S) -> None:
        self._behind = behind
        self._clock = clock
        self._within_s = within_s
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._answered = False
        self._silent: Failure | None = None

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        """See `Resolver`; a `Failure` where there is no answer in time."""
        return await self._bounded(self._behind.lookup(name, kind))

    def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
        """See `Resolver`."""
        return self._behind.known(name, kind)

    async def examine(self) -> Sequence[Examined]:
        """See `Resolver`."""
        return await self._behind.examine()

    async def host_addresses(self, name: str) -> Outcome[str]:
        """See `Resolver`."""
        return await self._bounded(self._behind.host_addresses(name))

    async def close(self) -> None:
        """See `Resolver`."""
        await self._behind.close()

    async def _bounded(self, asked: Coroutine[Any, Any, Outcome[Any]]) -> Outcome[Any]:
        async with self._turns:
            if self._silent and not self._answered:
                asked.close()
                return self._silent
            try:
                async with self._clock.timeout(self._within_s):
                    outcome: Outcome[Any] = await asked
            except TimeoutError:
                self._silent = Failure(f"no answer within {self._within_s:.0f} seconds")
                return self._silent
            self._answered = True
            return outcome
