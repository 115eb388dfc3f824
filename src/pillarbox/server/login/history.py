"""What is recorded of logins: failures, the clients that an account knows, what its owner sees of them.

Failures go to the auth throttle, which delays further attempts. Successes make a client known to its account; that is
written to the database in the background, as is what the owner sees (`sign_in_log`), for a login is not refused because
it could not be recorded.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final

from pillarbox.directory.accounts import Account, by_login, login_key
from pillarbox.directory.sign_in import known_clients
from pillarbox.directory.sign_in.credentials import NOBODY
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.directory.sign_in.sign_ins import Result, Way, Why
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.client import Client
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.login.sign_in_log import OWN_PASSWORD, UNKNOWN, Means, SignInLog
from pillarbox.server.login.throttle import AuthThrottle
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
        ("protocol", tuple(Way)),
        ("result", tuple(Result)),
    ),
)


class LoginHistory:
    """The record of one process's logins; failures are shared by all workers (`world.shared`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._throttle = AuthThrottle(world.clock.monotonic, world.shared.tallies)
        self._log = SignInLog(world)
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
            self._count(client, Result.THROTTLED)
            if account is not None:
                self._note(account.id, client, UNKNOWN, Result.THROTTLED, reason=Why.TOO_MANY.value)
            raise AuthenticationUnavailable("too many attempts are waiting already")
        if wait:
            await self._world.clock.sleep(wait)
        return known

    def succeeded(self, account: Account, login: str, client: Client, means: Means = OWN_PASSWORD) -> None:
        """The login was right; `login` is how the client wrote it."""
        where = client_key(client.address)
        self._throttle.succeeded(_key(account, login), where)
        self._remember(account, where)
        self._count(client, Result.SUCCEEDED)
        self._note(account.id, client, means, Result.SUCCEEDED)

    async def failed(
        self,
        login: str,
        client: Client,
        *,
        password: str = "",
        why: str = "",
        means: Means = UNKNOWN,
        owner: AccountId | None = None,
    ) -> None:
        """Login or password was wrong, or is no good here: `why`, for the log and the owner. `password` is empty where
        it was not shown. `owner`: whose account it is, where it was shown without a login."""
        account = await self._world.database.read(by_login, login)
        self._throttle.failed(_key(account, login), client_key(client.address), password=password)
        self._failed(account, client, why, means, owner)

    def refused(self, account: Account, client: Client, *, why: str) -> None:
        """The password was right, and lets nobody in. A failed login, which slows down no other."""
        self._throttle.refused(account.login, client_key(client.address))
        self._failed(account, client, why, OWN_PASSWORD)

    def told(self, account: Account, client: Client) -> None:
        """A client that has logged in says only now what it is."""
        self._log.told(account.id, client.way, client.address, client.agent)

    async def settled(self) -> None:
        """Return once all that is to be recorded is written."""
        await asyncio.gather(self._log.settled(), *self._tasks)

    def _failed(
        self,
        account: Account | None,
        client: Client,
        why: str,
        means: Means,
        owner: AccountId | None = None,
    ) -> None:
        self._count(client, Result.FAILED)
        if account is not None:
            reason = why or (Why.WRONG_PASSWORD if account.enabled else Why.DISABLED).value
            self._note(account.id, client, means, Result.FAILED, reason=reason)
        elif owner is not None:
            self._note(owner, client, means, Result.FAILED, reason=why)
        # The login is not logged: people type passwords there.
        known = {"why": why} if why else {}
        self._world.telemetry.event("login failed", address=client.address, scope=client.way, **known)

    def _count(self, client: Client, result: Result) -> None:
        self._world.shared.metrics.count(LOGINS, client.way, str(result)).value += 1

    def _note(
        self, account: AccountId, client: Client, means: Means, result: Result, *, reason: str = ""
    ) -> None:
        self._log.note(account, client.way, client.address, means, result, reason=reason, agent=client.agent)

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
