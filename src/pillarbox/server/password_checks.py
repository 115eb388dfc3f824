"""Argon2 in few threads, and never twice for the same question within minutes.

A mail program logs in all day with the same password, and Argon2 takes some 20 ms of a core each time.
So a check that came out right is remembered for `REMEMBERED_S`: not the password and not the account,
but the keyed digest of (stored hash, password), under a key that lives and dies with the process. What is
remembered ("this password opens that hash") can never become false; when a password is changed, the
stored hash is another and nothing is remembered of it. `docs/decisions/0003-remembering-password-checks.md`
says more. Wrong answers are not remembered, and an unknown login is checked against a hash that nothing
opens, so both cost a whole Argon2.

Checks wait in two lines: clients that are known to the account first, so that guessing from elsewhere does
not keep owners waiting. Equal questions that come at once share one check.
"""

import asyncio
import hashlib
import os
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor

from pillarbox.directory.password_hash import argon2_hash, argon2_matches
from pillarbox.world.clock import Clock
from pillarbox.world.entropy import Entropy

REMEMBERED_S = 600.0
"""How long a right answer is remembered; it is not prolonged by use."""
MAX_REMEMBERED = 20_000
"""Right answers remembered at most, some 150 octets each; the oldest goes first."""
MAX_WAITING = 4096
"""Checks that may wait for a thread in each of the two lines; beyond that the client is told to come back later.
Each has its own limit, so that strangers' guesses, however many, never turn an owner away."""
MAX_THREADS = 4
"""Argon2 at once, each with 19 MiB; never more than the machine has cores."""


class AuthenticationUnavailable(Exception):
    """Too many attempts are waiting: try later. Transient in every protocol."""


class PasswordChecks:
    """The checks of one process."""

    def __init__(self, clock: Clock, entropy: Entropy, *, threads: int | None = None) -> None:
        self._clock = clock
        self._key = entropy.token_bytes(32)
        self._unopenable_salt = entropy.token_bytes(16)
        self._unopenable: str | None = None
        self._threads = threads or min(MAX_THREADS, os.cpu_count() or 1)
        self._pool: ThreadPoolExecutor | None = None
        self._running = 0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._shared: dict[bytes, asyncio.Future[bool]] = {}

    async def holds(self, argon2: str | None, prepared: str, *, urgent: bool) -> bool:
        """Whether this prepared password opens that hash; `None` is a hash that nothing opens.

        Raises `AuthenticationUnavailable` where too many wait.
        """
        question = hashlib.blake2b(f"{argon2}\0{prepared}".encode(), digest_size=32, key=self._key).digest()
        if self._right.get(question, -1.0) > self._clock.monotonic():
            return True
        shared = self._shared.get(question)
        if shared is None:
            shared = self._shared[question] = asyncio.ensure_future(
                self._check(argon2, prepared, urgent=urgent)
            )
            shared.add_done_callback(lambda done: self._answered(question, done))
        return await asyncio.shield(shared)

    def close(self) -> None:
        """Let the threads end."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _answered(self, question: bytes, done: asyncio.Future[bool]) -> None:
        del self._shared[question]
        if done.cancelled() or done.exception() or not done.result():
            return
        self._right[question] = self._clock.monotonic() + REMEMBERED_S
        self._right.move_to_end(question)
        if len(self._right) > MAX_REMEMBERED:
            self._right.popitem(last=False)

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
            if self._unopenable is None:
                self._unopenable = argon2_hash("", self._unopenable_salt)
            argon2_matches(self._unopenable, prepared)
            return False
        return argon2_matches(argon2, prepared)

    async def _take_thread(self, *, urgent: bool) -> None:
        if self._running >= self._threads:
            line = self._urgent if urgent else self._waiting
            if len(line) >= MAX_WAITING:
                raise AuthenticationUnavailable("too many passwords wait to be checked")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            line.append(turn)
            await turn
        else:
            self._running += 1

    def _admit_next(self) -> None:
        for line in (self._urgent, self._waiting):
            while line:
                turn = line.popleft()
                if not turn.done():
                    self._running += 1
                    turn.set_result(None)
                    return

    def _threads_started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "password")
        return self._pool
