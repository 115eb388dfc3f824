"""Watching accounts: whoever is connected hears at once which types have changed (RFC 8620 §7).

A commit announces the account; then its states are read, once for all who watch it, and compared with those that each
was told. What is announced while they are read, or told, is looked at once more.
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
TOLD_AT_ONCE: Final = 16
"""Clients that are told before others are served: some tenths of a millisecond."""

Tell = Callable[[Mapping[str, str], str], None]
"""Is told the types that have changed with their states, and where everything is (`push.push_state`)."""


class Watches:
    """All watches of a process. They cost no task while nothing changes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._watched: dict[AccountId, _Watched] = {}

    def watch(self, account: AccountId, types: frozenset[str] | None, told: str, tell: Tell) -> "Watch":
        """Begin one. `types`: those that are wanted; None for all. `told`: where the client is, as `push.push_state`
        says; empty where it does not say: then it is told of what changes from now on."""
        watched = self._watched.get(account)
        if watched is None:
            watched = self._watched[account] = _Watched(self._world, account, self._watched)
        return watched.add(Watch(watched, types, told, tell))


class Watch:
    """One client's watch."""

    __slots__ = ("_tell", "_told", "_types", "_watched")

    def __init__(self, watched: "_Watched", types: frozenset[str] | None, told: str, tell: Tell) -> None:
        self._watched = watched
        self._types = types
        self._told = told
        self._tell = tell

    @property
    def is_settled(self) -> bool:
        """Whether all is told of which it is known that it has changed."""
        return self._watched.running is None

    def end(self) -> None:
        """Nothing is told any more."""
        self._watched.remove(self)

    def learn(self, states: Mapping[str, str], now: str) -> bool:
        """Tell the client what has changed, if anything has that it wants to know."""
        told, self._told = self._told, now
        changed = push.changed_since(told, states, self._types) if told and told != now else {}
        if changed:
            self._tell(changed, now)
        return bool(changed)


class _Watched:
    """An account that is watched, from the first watch until the last has ended."""

    __slots__ = ("_account", "_again", "_all", "_identities", "_unsubscribe", "_watches", "_world", "running")

    def __init__(self, world: World, account: AccountId, every: "dict[AccountId, _Watched]") -> None:
        self._world = world
        self._account = account
        self._all = every
        self._watches: dict[Watch, None] = {}
        self._again = False
        self._identities: identities.State | None = None
        self.running: asyncio.Task[None] | None = None
        # First subscribe, then read: nothing that changes in between is missed
        self._unsubscribe = world.signals.subscribe(account_changed(account), self._look)

    def add(self, watch: Watch) -> Watch:
        self._watches[watch] = None
        self._look()
        return watch

    def remove(self, watch: Watch) -> None:
        if watch not in self._watches:
            return
        del self._watches[watch]
        if self._watches:
            return
        del self._all[self._account]
        self._unsubscribe()
        if self.running is not None:
            self.running.cancel()

    def _look(self) -> None:
        self._again = True
        if self.running is None:
            self.running = asyncio.get_running_loop().create_task(self._read())
            self.running.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self.running = None

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
            await self._tell_all(states)

    async def _tell_all(self, states: Mapping[str, str]) -> None:
        now, told = push.push_state(states), 0
        for watch in list(self._watches):
            if watch in self._watches and watch.learn(states, now):
                told += 1
                if told % TOLD_AT_ONCE == 0:
                    await asyncio.sleep(0)
