"""The lock of a session on its maildrop: taken when it first marks a message, renewed, released.

RFC 1939 §4 wants an exclusive lock "as necessary to prevent messages from being modified or removed". A session
that only reads needs none, and costs no write; the first DELE takes it, and from then on other logins are
refused with `[IN-USE]`, in whatever process they are (see `pillarbox.store.maildrop`).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pillarbox.mail.identifiers import AccountId
from pillarbox.store import maildrop
from pillarbox.store.maildrop import LEASE_MS
from pillarbox.world.clock import Timer
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

RENEWAL_S: Final = LEASE_MS / 3000
"""A third of the lease: two renewals may fail before it is lost."""


class Renewal:
    """An event of our own: it is time to renew the lease."""

    __slots__ = ()


RENEWAL: Final = Renewal()


class Lease:
    """The lease of one session on one account's maildrop."""

    __slots__ = ("_account", "_holder", "_remind", "_timer", "_world", "held")

    def __init__(self, world: World, account: AccountId, remind: Callable[[], None]) -> None:
        """`remind` is called when it is time for `renew`."""
        self._world = world
        self._account = account
        self._remind = remind
        self._holder = b""
        self._timer: Timer | None = None
        self.held = False

    @property
    def holder(self) -> bytes:
        """The name of this session in the table of leases; made when first needed."""
        if not self._holder:
            self._holder = self._world.entropy.token_bytes(12)
        return self._holder

    async def take(self) -> None:
        """Lock the maildrop, unless it is. Raises `InUse`, `DatabaseUnavailable`."""
        if not self.held:
            await self._hold()
            self.held = True

    async def renew(self) -> None:
        """Extend the lease. If it was lost meanwhile, `maildrop.update` will refuse to delete."""
        if not self.held:
            return
        try:
            await self._hold()
        except maildrop.InUse:
            self.held = False
        except DatabaseUnavailable:
            self._remind_later()

    def committed(self) -> None:
        """The commit that deleted the messages has released the lease too."""
        self.held = False
        self._forget()

    def release(self) -> None:
        """Release the lease in the background; where that fails it expires by itself."""
        if self.held:
            release = asyncio.get_running_loop().create_task(self._release())
            _releasing.add(release)
            release.add_done_callback(_releasing.discard)
        self.committed()

    async def _hold(self) -> None:
        await self._world.database.write(
            maildrop.lock, self._account, self.holder, now_ms=self._world.clock.now_ms()
        )
        self._remind_later()

    async def _release(self) -> None:
        try:
            await self._world.database.write(maildrop.unlock, self._account, self.holder)
        except DatabaseUnavailable:
            self._world.telemetry.warning("maildrop lease not released", account=self._account)

    def _remind_later(self) -> None:
        self._forget()
        self._timer = self._world.clock.call_later(RENEWAL_S, self._remind)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_releasing: set[asyncio.Task[None]] = set()
"""Keeps the tasks alive until they are done."""
