"""Argon2 checks: in few threads, and not twice within minutes for the same password and hash.

A mail program logs in all day with the same password, and Argon2 takes some 20 ms of a core each time.
So a successful check is cached for `CACHED_S`: not the password and not the account, but the keyed digest of
(stored hash, password), under a key that exists only in this process. What is cached ("this password fits
that hash") can never become false; when a password is changed, the stored hash is another one. See
`docs/decisions/0003-remembering-password-checks.md`. Failures are not cached, and an unknown login is checked
against a hash that no password fits, so both cost a whole Argon2.

Checks wait in two queues: clients that are known to the account first, so that guessing from elsewhere does
not delay owners. Equal checks that come at once are made once.
"""

import asyncio
import hashlib
import os
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor

from pillarbox.directory.password_hash import argon2_hash, argon2_matches
from pillarbox.world.clock import Clock
from pillarbox.world.entropy import Entropy

CACHED_S = 600.0
"""How long a successful check is cached; use does not prolong it."""
MAX_CACHED = 20_000
"""Successful checks cached at most, some 150 octets each; the oldest goes first."""
MAX_WAITING = 4096
"""Checks that may wait for a thread in each of the two queues; beyond that the client must try again later.
Each queue has its own limit, so that guesses from unknown clients never get an owner refused."""
MAX_THREADS = 4
"""Argon2 checks at once, each with 19 MiB; never more than the machine has cores."""


class AuthenticationUnavailable(Exception):
    """Too many attempts are waiting. A temporary failure in every protocol."""


class PasswordChecks:
    """The checks of one process."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        *,
        threads: int | None = None,
        max_waiting: int = MAX_WAITING,
        max_cached: int = MAX_CACHED,
    ) -> None:
        self._clock = clock
        self._key = entropy.token_bytes(32)
        self._dummy_salt = entropy.token_bytes(16)
        self._dummy_hash: str | None = None
        self._threads = threads or min(MAX_THREADS, os.cpu_count() or 1)
        self._max_waiting = max_waiting
        self._max_cached = max_cached
        self._pool: ThreadPoolExecutor | None = None
        self._running = 0
        self._known_waiting: deque[asyncio.Future[None]] = deque()
        self._others_waiting: deque[asyncio.Future[None]] = deque()
        self._cached: OrderedDict[bytes, float] = OrderedDict()
        self._shared: dict[bytes, asyncio.Future[bool]] = {}

    async def holds(self, argon2: str | None, prepared: str, *, urgent: bool) -> bool:
        """Whether this prepared password fits that hash; `None` stands for a hash that no password fits.

        Raises `AuthenticationUnavailable` where too many wait.
        """
        check = hashlib.blake2b(f"{argon2}\0{prepared}".encode(), digest_size=32, key=self._key).digest()
        if self._cached.get(check, -1.0) > self._clock.monotonic():
            return True
        shared = self._shared.get(check)
        if shared is None:
            shared = self._shared[check] = asyncio.ensure_future(self._check(argon2, prepared, urgent=urgent))
            shared.add_done_callback(lambda done: self._answered(check, done))
        return await asyncio.shield(shared)

    def close(self) -> None:
        """Let the threads end."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _answered(self, check: bytes, done: asyncio.Future[bool]) -> None:
        del self._shared[check]
        if done.cancelled() or done.exception() or not done.result():
            return
        self._cached[check] = self._clock.monotonic() + CACHED_S
        self._cached.move_to_end(check)
        if len(self._cached) > self._max_cached:
            self._cached.popitem(last=False)

    async def _check(self, argon2: str | None, prepared: str, *, urgent: bool) -> bool:
        await self._take_thread(urgent=urgent)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads_started(), self._run, argon2, prepared)
        finally:
            self._running -= 1
            self._admit_next()

    def _run(self, argon2: str | None, prepared: str) -> bool:
        """In a thread."""
        if argon2 is None:
            if self._dummy_hash is None:
                self._dummy_hash = argon2_hash("", self._dummy_salt)
            argon2_matches(self._dummy_hash, prepared)
            return False
        return argon2_matches(argon2, prepared)

    async def _take_thread(self, *, urgent: bool) -> None:
        if self._running >= self._threads:
            queue = self._known_waiting if urgent else self._others_waiting
            if len(queue) >= self._max_waiting:
                raise AuthenticationUnavailable("too many passwords wait to be checked")
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.append(waiter)
            await waiter
        else:
            self._running += 1

    def _admit_next(self) -> None:
        for queue in (self._known_waiting, self._others_waiting):
            while queue:
                waiter = queue.popleft()
                if not waiter.done():
                    self._running += 1
                    waiter.set_result(None)
                    return

    def _threads_started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "password")
        return self._pool
