"""Watching an account: whoever is connected hears at once which types have changed (RFC 8620 §7).

A commit announces the account; then its states are read and compared with those that were told. What is announced while
they are read is looked at once more.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from pillarbox.directory import identities
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.jmap import push
from pillarbox.server.jmap import pushed_states
from pillarbox.store.account_counters import NoSuchAccount
from pillarbox.world.database import DatabaseUnavailable, ValuesDamaged
from pillarbox.world.topic import account_changed
from pillarbox.world.world import World

RETRY_S: Final = 10.0
"""When to look again, where the database was unavailable."""

Tell = Callable[[Mapping[str, str], str], None]
"""Is told the types that have changed with their states, and where everything is (`push.push_state`)."""


class Watch:
    """One client's watch. Costs no task while nothing changes."""

    __slots__ = (
        "_account",
        "_again",
        "_identities",
        "_running",
        "_tell",
        "_told",
        "_types",
        "_unsubscribe",
        "_world",
    )

    def __init__(
        self, world: World, account: AccountId, types: frozenset[str] | None, told: str, tell: Tell
    ) -> None:
        """`types`: those that are wanted; None for all. `told`: where the client is, as `push.push_state` says; empty
        where it does not say: then it is told of what changes from now on."""
        self._world = world
        self._account = account
        self._types = types
        self._told = told
        self._tell = tell
        self._again = False
        self._identities: identities.State | None = None
        self._running: asyncio.Task[None] | None = None
        # First subscribe, then read: nothing that changes in between is missed
        self._unsubscribe = world.signals.subscribe(account_changed(account), self._look)
        self._look()

    def end(self) -> None:
        """Nothing is told any more."""
        self._unsubscribe()
        if self._running is not None:
            self._running.cancel()

    def _look(self) -> None:
        self._again = True
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._read())
            self._running.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def _read(self) -> None:
        while self._again:
            self._again = False
            try:
                states, self._identities = await self._world.database.read(
                    pushed_states.read, self._account, self._identities
                )
            except NoSuchAccount:
                return
            except (DatabaseUnavailable, ValuesDamaged):
                await self._world.clock.sleep(RETRY_S)
                self._again = True
                continue
            told, now = self._told, push.push_state(states)
            self._told = now
            changed = push.changed_since(told, states, self._types) if told else {}
            if changed:
                self._tell(changed, now)
