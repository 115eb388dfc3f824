"""What is recorded of logins: failures, the clients that an account knows, the use of app passwords.

Failures go to the auth throttle, which delays further attempts. Successes make a client known to its
account; that and the last use of an app password are written to the database in the background, for a
login is not refused because it could not be recorded.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Final

from pillarbox.directory import app_passwords, known_clients
from pillarbox.directory.accounts import Account, by_login, login_key
from pillarbox.directory.app_passwords import Scope
from pillarbox.directory.credentials import NOBODY
from pillarbox.directory.known_clients import client_key, network_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.auth_throttle import AuthThrottle, is_this_machine
from pillarbox.server.password_checks import AuthenticationUnavailable
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.shared.metrics import Family
from pillarbox.world.world import World

DAY_MS: Final = 24 * 3600 * 1000
"""A known client is written to the database at most this often."""
MAX_KNOWN_PAIRS: Final = 50_000
"""Pairs of account and client that this process remembers to be in the database."""


LOGINS: Final = Family(
    name="logins",
    sentence="Attempts to log in.",
    labels=(
        # Of the services that there are
        ("protocol", (Scope.IMAP, Scope.POP3, Scope.SMTP, Scope.JMAP)),
        ("result", ("succeeded", "failed", "throttled")),
    ),
)


@dataclass(frozen=True, slots=True)
class Client:
    """Who wants to log in, and for what."""

    address: str
    """The IP address of the other end."""
    scope: Scope
    """The service that is to be used: an app password must be made for it."""

    @property
    def network(self) -> str:
        """Where it is, for taking turns: a /24 or a /48; empty for this machine."""
        key = client_key(self.address)
        return "" if is_this_machine(key) else network_key(key)


class LoginHistory:
    """The record of one process's logins; failures are shared by all workers (`world.shared`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._throttle = AuthThrottle(world.clock.monotonic, world.shared.tallies)
        self._known: dict[tuple[int, str], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def slow_down(
        self, account: Account | None, login: str, client: Client, *, password: str = ""
    ) -> bool:
        """Delay this attempt as the failures so far demand; returns whether the account knows the client.

        Raises `AuthenticationUnavailable` where the delay would be too long.
        """
        key, where = _key(account, login), client_key(client.address)
        known = await self._is_known(account.id if account else NOBODY, where)
        wait = self._throttle.admit(key, where, known=known, password=password)
        if wait is None:
            self._count(client, "throttled")
            raise AuthenticationUnavailable("too many attempts are waiting already")
        if wait:
            await self._world.clock.sleep(wait)
        return known

    def succeeded(self, account: Account, login: str, client: Client) -> None:
        """The login was right; `login` is how the client wrote it."""
        where = client_key(client.address)
        self._throttle.succeeded(_key(account, login), where)
        self._remember(account, where)
        self._count(client, "succeeded")

    async def failed(self, login: str, client: Client, *, password: str = "", why: str = "") -> None:
        """Login or password was wrong, or is no good here: `why`, for the log. `password` is empty where it was not
        shown."""
        account = await self._world.database.read(by_login, login)
        self._throttle.failed(_key(account, login), client_key(client.address), password=password)
        self._failed(client, why)

    def refused(self, account: Account, client: Client, *, why: str) -> None:
        """The password was right, and lets nobody in. A failed login, which slows down no other."""
        self._throttle.refused(account.login, client_key(client.address))
        self._failed(client, why)

    def app_password_used(self, identifier: int, client: Client) -> None:
        """Note when, where and for what it was used."""
        self.in_background(
            self._world.database.write(
                app_passwords.mark_used,
                identifier,
                address=client.address,
                scope=client.scope,
                now_ms=self._world.clock.now_ms(),
            )
        )

    async def settled(self) -> None:
        """Return once all that is to be recorded is written."""
        await asyncio.gather(*self._tasks)

    def _failed(self, client: Client, why: str) -> None:
        self._count(client, "failed")
        # The login is not logged: people type passwords there.
        known = {"why": why} if why else {}
        self._world.telemetry.event("login failed", address=client.address, scope=client.scope, **known)

    def _count(self, client: Client, result: str) -> None:
        self._world.shared.metrics.count(LOGINS, client.scope, result).value += 1

    async def _is_known(self, account: AccountId, where: str) -> bool:
        if (account, where) in self._known:
            return True
        now_ms = self._world.clock.now_ms()
        read = self._world.database.read
        return await read(known_clients.last_seen_at_ms, account, where, now_ms=now_ms) is not None

    def _remember(self, account: Account, where: str) -> None:
        now_ms = self._world.clock.now_ms()
        if now_ms - self._known.get((account.id, where), 0) < DAY_MS:
            return
        if len(self._known) >= MAX_KNOWN_PAIRS:
            self._known.clear()
        self._known[account.id, where] = now_ms
        self.in_background(
            self._world.database.write(known_clients.remember, account.id, where, now_ms=now_ms)
        )

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Write something of a login; that it could not be written refuses nobody."""
        task = asyncio.get_running_loop().create_task(self._tolerate(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tolerate(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except DatabaseUnavailable:
            self._world.telemetry.warning("login not recorded")


def _key(account: Account | None, login: str) -> str:
    """What failures are counted by: the same for each way to write a login, known or not."""
    return account.login if account else login_key(login)
