"""Password checks: in few threads, and not twice within minutes for the same password and hash.

A mail program logs in all day with the same password, and Argon2 takes some 20 ms of a core each time.
So a successful check is cached for `CACHED_S`: not the password and not the account, but the keyed digest of
(stored hash, password), under a key that exists only in this process. What is cached ("this password fits
that hash") can never become false; when a password is changed, the stored hash is another one. See
`docs/decisions/0003-remembering-password-checks.md`. Failures are not cached, and an unknown login is checked
against a hash that no password fits, so both cost a whole Argon2. Hashes of other servers cost what they cost; while
there are some, unknown logins are checked against one of them, or Argon2, as known ones are
(`directory.sign_in.credentials.stand_in`).

Checks run in two lanes, each with threads and a queue of its own. Clients that are known to the account never wait
for others, so guessing from elsewhere does not keep owners out. All others share a lane whose threads the system runs
when nobody else needs the processor; there networks take turns, so one that guesses much does not keep another one
waiting. Equal checks that come at once are made once.

The memory of a lane is bounded as well. Argon2 with 19 MiB fills no lane, but a hash of another server may take
`foreign_hash.MAX_CHECK_KIB`: then fewer are checked at once than there are threads.
"""

import asyncio
import hashlib
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar

from pillarbox.directory.sign_in import foreign_hash
from pillarbox.directory.sign_in.password_hash import (
    ARGON2_SALT_OCTETS,
    MEMORY_KIB,
    PasswordHash,
    argon2_hash,
    argon2_matches,
    hash_password,
)
from pillarbox.world.clock import Clock
from pillarbox.world.entropy import Entropy

T = TypeVar("T")

CACHED_S = 600.0
"""How long a successful check is cached; use does not prolong it."""
MAX_CACHED = 20_000
"""Successful checks cached at most, some 150 octets each; the oldest goes first."""
MAX_WAITING = 4096
"""Checks of known clients that may wait for a thread; beyond that the client must try again later."""
MAX_STRANGERS_WAITING = 1024
"""Checks of all other clients that may wait: some ten seconds. One network may have an eighth of them."""
MAX_THREADS = 4
"""Argon2 checks at once in each lane, each with 19 MiB; never more than the machine has cores."""
LANE_KIB: Final = foreign_hash.MAX_CHECK_KIB
"""The memory of all checks that run in a lane: enough for each check alone, and for `MAX_THREADS` of our own."""
_NETWORKS_SHARE = 8

STRANGERS_NICE: Final = 5
"""Of the threads that check strangers' passwords (nice(2)): a third of an equal share, so that on a busy machine they
come last, but come."""


class AuthenticationUnavailable(Exception):
    """Too many attempts are waiting. A temporary failure in every protocol."""


class _Kind(Enum):
    """What a password is checked against."""

    OWN = "own"
    FOREIGN = "foreign"
    PRETENDED = "pretended"
    """A foreign hash of somebody else: nothing is right."""
    NOTHING = "nothing"
    """A hash of our own that no password fits."""


class PasswordChecks:
    """The checks of one process."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        *,
        threads: int | None = None,
        max_waiting: int = MAX_WAITING,
        max_strangers_waiting: int = MAX_STRANGERS_WAITING,
        max_cached: int = MAX_CACHED,
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._key = entropy.token_bytes(32)
        self._dummy_salt = entropy.token_bytes(16)
        self._dummy_hash: str | None = None
        threads = threads or min(MAX_THREADS, os.cpu_count() or 1)
        self._known = _Lane("password", threads, max_waiting)
        self._strangers = _Lane("password of stranger", threads, max_strangers_waiting, initializer=_give_way)
        self._max_cached = max_cached
        self._cached: OrderedDict[bytes, float] = OrderedDict()
        self._shared: dict[tuple[bytes, bool], asyncio.Future[bool]] = {}

    async def holds(self, argon2: str | None, prepared: str, *, urgent: bool, network: str = "") -> bool:
        """Whether this prepared password fits that hash; `None` stands for a hash that no password fits.

        `urgent`: the account knows the client. `network`: where the client is; empty for this machine.
        Raises `AuthenticationUnavailable` where too many wait.
        """
        kind = _Kind.NOTHING if argon2 is None else _Kind.OWN
        return await self._checked(kind, argon2 or "", prepared, urgent=urgent, network=network)

    async def holds_foreign(
        self, hashed: str, prepared: str, *, urgent: bool, network: str = "", pretended: bool = False
    ) -> bool:
        """The same for a hash of another server. `pretended`: it is not that of the login, and nothing is right; that
        costs as much. Raises `AuthenticationUnavailable`."""
        kind = _Kind.PRETENDED if pretended else _Kind.FOREIGN
        return await self._checked(kind, hashed, prepared, urgent=urgent, network=network)

    async def hash(self, prepared: str, scram_salt: bytes) -> PasswordHash:
        """Hash a password that was right, or is chosen now. Raises `NameRefused`, `AuthenticationUnavailable`."""
        argon2_salt = self._entropy.token_bytes(ARGON2_SALT_OCTETS)
        make = partial(hash_password, argon2_salt=argon2_salt, scram_salt=scram_salt)
        return await self._known.run("", MEMORY_KIB, make, prepared)

    async def _checked(
        self, kind: "_Kind", hashed: str, prepared: str, *, urgent: bool, network: str
    ) -> bool:
        presented = f"{kind.value}\0{hashed}\0{prepared}".encode()
        check = hashlib.blake2b(presented, digest_size=32, key=self._key).digest()
        if self._cached.get(check, -1.0) > self._clock.monotonic():
            return True
        key = check, urgent
        shared = self._shared.get(key)
        if shared is None:
            lane = self._known if urgent else self._strangers
            where, memory_kib = "" if urgent else network, _memory_kib(kind, hashed)
            checking = lane.run(where, memory_kib, self._run, kind, hashed, prepared)
            shared = self._shared[key] = asyncio.ensure_future(checking)
            shared.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(shared)

    def close(self) -> None:
        """Let the threads end."""
        self._known.close()
        self._strangers.close()

    def _answered(self, key: tuple[bytes, bool], done: asyncio.Future[bool]) -> None:
        del self._shared[key]
        if done.cancelled() or done.exception() or not done.result():
            return
        check, _ = key
        self._cached[check] = self._clock.monotonic() + CACHED_S
        self._cached.move_to_end(check)
        if len(self._cached) > self._max_cached:
            self._cached.popitem(last=False)

    def _run(self, kind: "_Kind", hashed: str, prepared: str) -> bool:
        """In a thread."""
        match kind:
            case _Kind.OWN:
                return argon2_matches(hashed, prepared)
            case _Kind.FOREIGN:
                return foreign_hash.verify(hashed, prepared)
            case _Kind.PRETENDED:
                foreign_hash.verify(hashed, prepared)
                return False
            case _Kind.NOTHING:
                if self._dummy_hash is None:
                    self._dummy_hash = argon2_hash("", self._dummy_salt)
                argon2_matches(self._dummy_hash, prepared)
                return False


def _memory_kib(kind: _Kind, hashed: str) -> int:
    return foreign_hash.memory_kib(hashed) if kind in (_Kind.FOREIGN, _Kind.PRETENDED) else MEMORY_KIB


class _Waiter:
    """A check that waits."""

    __slots__ = ("admitted", "memory_kib")

    def __init__(self, memory_kib: int) -> None:
        self.memory_kib = memory_kib
        self.admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Lane:
    """Threads and memory, and those who wait for them: by network, and networks in turn.

    Whose turn it is has the next memory: who needs much of it is not passed by those who need little.
    """

    def __init__(
        self, name: str, threads: int, max_waiting: int, *, initializer: Callable[[], None] | None = None
    ) -> None:
        self._name = name
        self._threads = threads
        self._max_waiting = max_waiting
        self._initializer = initializer
        self._pool: ThreadPoolExecutor | None = None
        self._running = 0
        self._taken_kib = 0
        self._waiting: OrderedDict[str, deque[_Waiter]] = OrderedDict()
        self._waiters = 0

    async def run(self, network: str, memory_kib: int, check: Callable[..., T], *arguments: Any) -> T:
        """Make this check in a thread. Raises `AuthenticationUnavailable`."""
        await self._take_thread(network, memory_kib)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._started(), check, *arguments)
        finally:
            self._running -= 1
            self._taken_kib -= memory_kib
            self._admit_next()

    def close(self) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    async def _take_thread(self, network: str, memory_kib: int) -> None:
        if not self._waiters and self._has_room(memory_kib):
            self._begin(memory_kib)
            return
        before = len(self._waiting.get(network, ()))
        if self._waiters >= self._max_waiting or (network and before >= self._max_waiting // _NETWORKS_SHARE):
            raise AuthenticationUnavailable("too many passwords wait to be checked")
        waiter = _Waiter(memory_kib)
        self._waiting.setdefault(network, deque()).append(waiter)
        self._waiters += 1
        await waiter.admitted

    def _has_room(self, memory_kib: int) -> bool:
        """Whether a check of so much memory may begin; alone, it always may."""
        fits = not self._running or self._taken_kib + memory_kib <= LANE_KIB
        return self._running < self._threads and fits

    def _begin(self, memory_kib: int) -> None:
        self._running += 1
        self._taken_kib += memory_kib

    def _admit_next(self) -> None:
        while self._waiting:
            network, waiting = next(iter(self._waiting.items()))
            waiter = waiting[0]
            if not waiter.admitted.done():  # else cancelled
                if not self._has_room(waiter.memory_kib):
                    return
                self._begin(waiter.memory_kib)
                waiter.admitted.set_result(None)
            waiting.popleft()
            self._waiters -= 1
            del self._waiting[network]
            if waiting:
                self._waiting[network] = waiting  # behind the other networks

    def _started(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, self._name, self._initializer)
        return self._pool


def _give_way() -> None:
    """Let this thread run less when others need the processor. Where that concerns the whole process, do nothing."""
    if sys.platform == "linux":
        os.nice(STRANGERS_NICE)
