"""A session's hold on its maildrop: taken when it first marks a message, kept alive, given back.

RFC 1939 §4 wants an exclusive lock "as necessary to prevent messages from being modified or removed". A session
that only reads needs none, and costs no write; the first DELE takes it, and from then on others that
log in hear `[IN-USE]`, in whatever process they are (see `pillarbox.store.maildrop`).
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pillarbox.mail.identifiers import AccountId
from pillarbox.server.pop3.services import Services
from pillarbox.store import maildrop
from pillarbox.store.maildrop import LEASE_MS
from pillarbox.world.clock import Timer
from pillarbox.world.database import DatabaseUnavailable

RENEWAL_S: Final = LEASE_MS / 3000
"""A third of the lease: two renewals may fail before it is lost."""


class Renewal:
    """An event of our own: it is time to hold the maildrop longer."""

    __slots__ = ()


RENEWAL: Final = Renewal()


class Lease:
    """The hold of one session on one account's maildrop."""

    __slots__ = ("_account", "_holder", "_remind", "_services", "_timer", "held")

    def __init__(self, services: Services, account: AccountId, remind: Callable[[], None]) -> None:
        """`remind` is called when it is time for `renew`."""
        self._services = services
        self._account = account
        self._remind = remind
        self._holder = b""
        self._timer: Timer | None = None
        self.held = False

    @property
    def holder(self) -> bytes:
        """What names this session in the table; made when first needed."""
        if not self._holder:
            self._holder = self._services.entropy.token_bytes(12)
        return self._holder

    async def take(self) -> None:
        """Hold the maildrop, unless we do. Raises `InUse`, `DatabaseUnavailable`."""
        if not self.held:
            await self._hold()
            self.held = True

    async def renew(self) -> None:
        """Hold it longer. One that was lost meanwhile is noticed in the end, by `maildrop.update`."""
        if not self.held:
            return
        try:
            await self._hold()
        except maildrop.InUse:
            self.held = False
        except DatabaseUnavailable:
            self._remind_later()

    def given_back(self) -> None:
        """The commit that deleted has released it."""
        self.held = False
        self._forget()

    def give_back(self) -> None:
        """Release it in the background; where that fails it runs out by itself."""
        if self.held:
            release = asyncio.get_running_loop().create_task(self._release())
            _releasing.add(release)
            release.add_done_callback(_releasing.discard)
        self.given_back()

    async def _hold(self) -> None:
        await self._services.database.write(
            maildrop.lock, self._account, self.holder, now_ms=self._services.clock.now_ms()
        )
        self._remind_later()

    async def _release(self) -> None:
        try:
            await self._services.database.write(maildrop.unlock, self._account, self.holder)
        except DatabaseUnavailable:
            self._services.telemetry.warning("maildrop lease left to run out", account=self._account)

    def _remind_later(self) -> None:
        self._forget()
        self._timer = self._services.clock.call_later(RENEWAL_S, self._remind)

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_releasing: set[asyncio.Task[None]] = set()
"""Keeps the tasks alive until they are done."""
