"""Notes who has signed in, and writes it in the background, many at once: no login waits for it or fails because of it.

What this process has not seen lately is written `SOON_S` later; what comes again and again, as a program that looks for
mail every minute does, `LATER_S` later. So an account costs a write every few seconds at most, however many attempts
there are, and what is held has bounds: beyond them, attempts are not noted.
"""

import asyncio
from itertools import islice
from typing import Final

from msgspec import Struct

from pillarbox.delivery import new_devices
from pillarbox.delivery.new_devices import Noticed
from pillarbox.directory.sign_in import devices
from pillarbox.directory.sign_in.allowed_networks import plain_address
from pillarbox.directory.sign_in.devices import Known
from pillarbox.directory.sign_in.sign_ins import Attempt, Noted, Result, Way, plain
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.clock import Timer
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

SOON_S: Final = 2.0
LATER_S: Final = 300.0
MAX_ACCOUNTS: Final = 10_000
"""Accounts of which something is held."""
MAX_SUCCEEDED: Final = 100
"""Different ones that are held of an account."""
MAX_FAILED: Final = 20
"""Likewise; guesses come from many addresses."""
MAX_SEEN: Final = 50_000
"""Attempts that this process knows to be written already."""
TOGETHER: Final = 25
"""Different ones that are written in one transaction, a millisecond or so; others are served in between."""


class Means(Struct, frozen=True, gc=False):
    """By what somebody has signed in."""

    method: str = "password"
    """`password`, `app password`, `password+totp`, `password+recovery`, `password+passkey`, `passkey`; empty where it
    is not known."""
    name: str = ""
    """Of the app password or the passkey."""
    app_password: int | None = None
    """Its number."""
    browser: str = ""
    """The digest of the token in the cookie by which this browser is known again."""


OWN_PASSWORD: Final = Means()
UNKNOWN: Final = Means("")

_SUCCEEDED: Final = str(Result.SUCCEEDED)
_Key = tuple[str, str, str, str, str, str, int | None, str]
"""Way, address, result and reason, and what `Means` has, as values that are hashed at each login: members of
enumerations are slow."""


class _Pending(Struct, gc=False):
    """Equal attempts."""

    count: int
    first_at_ms: int
    last_at_ms: int
    agent: str


class _Held:
    """What is to be written at one time."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.accounts: dict[AccountId, dict[_Key, _Pending]] = {}
        self.timer: Timer | None = None

    def take(self) -> list[tuple[AccountId, list[tuple[_Key, _Pending]]]]:
        """What is to be written next, by account: few attempts, in the order in which they came."""
        taken, left = list[tuple[AccountId, list[tuple[_Key, _Pending]]]](), TOGETHER
        while left > 0 and self.accounts:
            account, attempts = next(iter(self.accounts.items()))
            several = list(islice(attempts.items(), left))
            for key, _ in several:
                del attempts[key]
            if not attempts:
                del self.accounts[account]
            taken.append((account, several))
            left -= len(several)
        return taken


class SignInLog:
    """That of one process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._soon, self._later = _Held(SOON_S), _Held(LATER_S)
        self._seen: set[int] = set()
        self._missed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def note(
        self,
        account: AccountId,
        way: str,
        address: str,
        means: Means,
        result: Result,
        *,
        reason: str = "",
        agent: str = "",
    ) -> None:
        """Note an attempt to sign in to an account that exists. `way`: the value of a `Way`."""
        now_ms = self._world.clock.now_ms()
        key = (way, address, str(result), reason, means.method, means.name, means.app_password, means.browser)
        mark = hash((account, key))
        held = self._later if mark in self._seen else self._soon
        # What is held is looked for there first, so that it is counted once
        of_account = held.accounts.get(account)
        if of_account is None and len(held.accounts) < MAX_ACCOUNTS:
            of_account = held.accounts[account] = {}
        pending = of_account.get(key) if of_account is not None else None
        if pending is not None:
            pending.count += 1
            pending.last_at_ms = now_ms
            pending.agent = agent or pending.agent
            return
        if of_account is None or not _has_room(of_account, succeeded=result is Result.SUCCEEDED):
            self._missed += 1
            return
        of_account[key] = _Pending(1, now_ms, now_ms, agent)
        if held.timer is None:
            held.timer = self._world.clock.call_later(held.delay_s, lambda: self._begin(held))

    def told(self, account: AccountId, way: str, address: str, agent: str) -> None:
        """A client that has just signed in says what it is (IMAP's ID comes after the login)."""
        for held in (self._soon, self._later):
            for (its_way, its_address, result, *_), pending in held.accounts.get(account, {}).items():
                if its_way == way and its_address == address and result == _SUCCEEDED:
                    pending.agent = agent

    async def settled(self) -> None:
        """Write at once what is held, and return once all is written."""
        self._begin(self._soon)
        self._begin(self._later)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _begin(self, held: _Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
            held.timer = None
        if held.accounts:
            task = asyncio.get_running_loop().create_task(self._write(held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _write(self, held: _Held) -> None:
        while taken := held.take():
            results = await asyncio.gather(
                *(self._write_account(account, attempts) for account, attempts in taken)
            )
            if not all(results):
                self._world.telemetry.warning("login not recorded")
        missed, self._missed = self._missed, 0
        if missed:
            self._world.telemetry.warning("too many different logins: not all recorded", attempts=missed)

    async def _write_account(self, account: AccountId, attempts: list[tuple[_Key, _Pending]]) -> bool:
        if len(self._seen) + len(attempts) > MAX_SEEN:
            self._seen.clear()
        self._seen.update(hash((account, key)) for key, _ in attempts)
        noticed = [_noticed(key, pending) for key, pending in attempts]
        try:
            told = await self._world.database.write(
                new_devices.record,
                account,
                noticed,
                token=nonce(self._world.entropy),
                now_ms=self._world.clock.now_ms(),
            )
        except DatabaseUnavailable:
            return False
        except Exception as error:  # ours, and nobody waits for this
            self._world.telemetry.failure("login not recorded", error)
            return True
        if told:
            self._world.telemetry.event("told of new devices", account=account, devices=told)
        return True


def _has_room(attempts: dict[_Key, _Pending], *, succeeded: bool) -> bool:
    of_kind = sum((key[2] == _SUCCEEDED) is succeeded for key in attempts)
    return of_kind < (MAX_SUCCEEDED if succeeded else MAX_FAILED)


def _noticed(key: _Key, pending: _Pending) -> Noticed:
    written, address, result, reason, method, name, app_password, browser = key
    way, shown = Way(written), plain_address(address)
    attempt = Attempt(way, shown, method, name, Result(result), plain(reason))
    noted = Noted(attempt, pending.count, pending.first_at_ms, pending.last_at_ms, plain(pending.agent))
    known = _known(way, shown, app_password, browser) if result == _SUCCEEDED else None
    return Noticed(noted, known)


def _known(way: Way, address: str, app_password: int | None, browser: str) -> Known | None:
    """The device that has signed in. A browser is known by its cookie alone."""
    if app_password is not None:
        return devices.of_app_password(app_password)
    if browser:
        return devices.browser(browser)
    return None if way is Way.WEB else devices.program(way, address)
