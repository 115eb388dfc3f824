"""The memory budget: how many octets one process holds for its peers, and who waits until some are given back.

Each kind of peer has shares of its own, so that strangers never use what accounts and the relay need. There are
two ways to take from a share. What is large is reserved first, and where there is no room that waits, in order, while
nothing is read from the peer: a message being received, a whole message being looked at. What is there already, in
pieces that are small by themselves, is held: input that is no whole command yet, output that the peer does not read.
Whoever waits may hold something; so what is held has shares of its own.

What lasts as long as the peer likes is taken with a function that gives it up. It is called for the oldest first:
when the share is scarce and that one is older than `HOLD_S`, so that nobody keeps a share by trickling, or at once
when twice the share is in use.

What is always true: the octets in use are the sum of the reservations that were not released; a reservation is
released once, however often that is asked; whoever waits has reserved nothing else of the same share, so nobody waits
for each other.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.config.sections.limits import Limits

_DEFAULT_OCTETS: Final = Limits().memory_octets
UNCOUNTED_OCTETS: Final = 16 * 1024
"""What one connection holds below this is not counted: the number of connections bounds it."""
HOLD_S: Final = 30.0
"""How long a reservation may be kept at a peer's pleasure while the share is scarce."""
MAX_HELD_SHARES: Final = 2
"""What is held may exceed the share so many times, until the largest is given up at once."""
WAIT_S: Final = 60.0
"""How long to wait for a reservation; RFC 5321 §4.5.3.2 has clients wait 3 minutes and more."""
GROWTH_WAIT_S: Final = 10.0
"""How long who holds some already waits for more."""
FREE_OCTETS: Final = 256 * 1024
"""What grows by no more than this in all need not find room."""
MAX_WAITING: Final = 200
"""So many may wait for one share; what they have sent already is held meanwhile."""
REVIEW_S: Final = 1.0
"""How often waiting and keeping are looked at, while somebody waits."""


class MemoryScarce(Exception):
    """There was no room in the budget for as long as we could wait: a transient failure."""


class Reservation:
    """Octets of a share, until they are released."""

    __slots__ = ("_give_up", "_has_waited", "_kept_octets", "_share", "octets", "since_s")

    def __init__(
        self, share: "MemoryShare", octets: int, give_up: Callable[[], None] | None, since_s: float
    ) -> None:
        self._share: MemoryShare | None = share
        self._give_up = give_up
        self._kept_octets = 0
        self._has_waited = False
        self.octets = octets
        self.since_s = since_s
        """When it was granted."""

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(self, *_failure: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the octets back; harmless when repeated."""
        share, self._share = self._share, None
        if share is not None:
            share._released(self)  # noqa: SLF001 # its other half

    def resize(self, octets: int) -> None:
        """Hold so many octets instead."""
        share, before, self.octets = self._share, self.octets, octets
        if share is not None:
            share._resized(octets - before)  # noqa: SLF001 # its other half

    async def grow(self, octets: int) -> None:
        """Hold so many octets more, if there is room for them. Raises `MemoryScarce`.

        Only of what need not be given up (`keep`). Who has grown before does not wait, for others may wait for what it
        holds; and nobody waits twice.
        """
        share, grown = self._share, self.octets - self._kept_octets
        if share is None or grown + octets <= FREE_OCTETS:
            self.resize(self.octets + octets)
            return
        more = share.try_reserve(octets, beside=self.octets)
        if more is None:
            if grown > FREE_OCTETS or self._has_waited:
                raise MemoryScarce("no memory for more")
            self._has_waited = True
            more = await share.reserve(octets, within_s=GROWTH_WAIT_S, beside=self.octets)
        self.octets += more.octets
        more._share = None  # noqa: SLF001 # counted as this one's from now on

    def keep(self) -> None:
        """From now on it depends on us alone how long it lasts: it need not be given up."""
        self._give_up, self._kept_octets = None, self.octets
        if self._share is not None:
            self._share._kept(self)  # noqa: SLF001 # its other half

    def give_up(self) -> None:
        """Have its owner give it up: others have waited long enough."""
        give_up, self._give_up = self._give_up, None
        if give_up is not None:
            give_up()
        self.release()


@dataclass(slots=True, eq=False)
class _Waiting:
    octets: int
    beside: int
    give_up: Callable[[], None] | None
    until_s: float
    granted: "asyncio.Future[Reservation]"


class MemoryShare:
    """One share of the budget."""

    __slots__ = ("_monotonic", "_review", "_revocable", "_waiting", "limit_octets", "used_octets")

    def __init__(self, limit_octets: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limit_octets = limit_octets
        self.used_octets = 0
        self._monotonic = monotonic
        self._waiting: deque[_Waiting] = deque()
        self._revocable: dict[Reservation, None] = {}
        """Those that can be given up, the oldest first."""
        self._review: asyncio.TimerHandle | None = None

    @property
    def scarce(self) -> bool:
        """Whether somebody waits or too much is held: no more should be read than must be."""
        return bool(self._waiting) or self.used_octets > self.limit_octets

    def try_reserve(
        self, octets: int, give_up: Callable[[], None] | None = None, *, beside: int = 0
    ) -> Reservation | None:
        """Octets, if they are there and nobody waits for them. `beside`: so many are held by who asks."""
        return None if self._waiting or not self._fits(octets, beside) else self._granted(octets, give_up)

    async def reserve(
        self,
        octets: int,
        give_up: Callable[[], None] | None = None,
        *,
        within_s: float = WAIT_S,
        beside: int = 0,
    ) -> Reservation:
        """Octets, as soon as there are so many. Raises `MemoryScarce`.

        `give_up`: releases what the octets are for; without it the reservation is kept as long as its owner likes.
        `beside`: so many are held by who asks.
        """
        reserved = self.try_reserve(octets, give_up, beside=beside)
        if reserved is not None:
            return reserved
        if len(self._waiting) >= MAX_WAITING:
            raise MemoryScarce("too many wait already")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(octets, beside, give_up, self._monotonic() + within_s, loop.create_future())
        self._waiting.append(waiting)
        self._review_later(loop)
        try:
            return await waiting.granted
        except asyncio.CancelledError:
            self._forget(waiting)
            raise

    def hold(self, octets: int, give_up: Callable[[], None]) -> Reservation:
        """Octets that are there already, whether or not there is room for them."""
        reserved = self._granted(octets, give_up)
        self._check()
        return reserved

    def review(self) -> None:
        """Have what is kept too long given up, and tell those that have waited too long."""
        now_s = self._monotonic()
        for reserved in list(self._revocable):
            if not self.scarce or now_s - reserved.since_s < HOLD_S:
                break
            reserved.give_up()
        for waiting in [one for one in self._waiting if one.until_s <= now_s]:
            self._waiting.remove(waiting)
            if not waiting.granted.done():
                waiting.granted.set_exception(MemoryScarce("no memory for more"))
        self._serve()

    def resize(self, limit_octets: int) -> None:
        """Another limit, for reservations from now on."""
        self.limit_octets = limit_octets
        self._serve()

    def _fits(self, octets: int, beside: int) -> bool:
        # What is larger than the share is served alone, or it would never be
        return self.used_octets + octets <= self.limit_octets or self.used_octets <= beside

    def _granted(self, octets: int, give_up: Callable[[], None] | None) -> Reservation:
        reserved = Reservation(self, octets, give_up, self._monotonic() if give_up else 0.0)
        if give_up:
            self._revocable[reserved] = None
        self.used_octets += octets
        return reserved

    def _resized(self, octets: int) -> None:
        self.used_octets += octets
        if octets > 0:
            self._check()
        elif self._waiting:
            self._serve()

    def _check(self) -> None:
        """After more is held than was asked for."""
        if self.used_octets <= self.limit_octets:
            return
        self._review_later(asyncio.get_running_loop())
        # The one that was made last stays, or something larger than the share could never be held. Of the others the
        # largest goes, the oldest of these: who holds little has not made it scarce
        while self.used_octets > MAX_HELD_SHARES * self.limit_octets and len(self._revocable) > 1:
            *others, _ = self._revocable
            max(others, key=lambda reserved: reserved.octets).give_up()

    def _kept(self, reserved: Reservation) -> None:
        self._revocable.pop(reserved, None)

    def _released(self, reserved: Reservation) -> None:
        self._revocable.pop(reserved, None)
        self.used_octets -= reserved.octets
        if self._waiting:
            self._serve()

    def _serve(self) -> None:
        """Grant what fits, in the order in which it was asked for."""
        while self._waiting and self._fits(self._waiting[0].octets, self._waiting[0].beside):
            first = self._waiting.popleft()
            if not first.granted.done():
                first.granted.set_result(self._granted(first.octets, first.give_up))

    def _forget(self, waiting: _Waiting) -> None:
        """Its owner was cancelled, perhaps just after it was granted."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._serve()
        elif waiting.granted.done() and not waiting.granted.cancelled() and not waiting.granted.exception():
            waiting.granted.result().release()

    def _review_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._review is None:
            self._review = loop.call_later(REVIEW_S, self._review_now, loop)

    def _review_now(self, loop: asyncio.AbstractEventLoop) -> None:
        self._review = None
        self.review()
        if self.scarce:
            self._review_later(loop)


@dataclass(frozen=True, slots=True)
class PeerShares:
    """What one kind of peer may cost."""

    buffers: MemoryShare
    """Held: input that is no whole command, output that is not read. As long as the peer likes."""
    received: MemoryShare
    """Reserved: messages received in part. As long as the peer likes."""
    whole: MemoryShare
    """Reserved: whole messages while they are looked at. As long as that takes us."""

    @property
    def scarce(self) -> bool:
        """Whether no more should be read from these peers than must be."""
        return self.received.scarce or self.buffers.scarce


class MemoryBudget:
    """The budget of one process, in shares."""

    __slots__ = ("accounts", "relay", "strangers")

    def __init__(
        self, octets: int = _DEFAULT_OCTETS, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        def share() -> MemoryShare:
            return MemoryShare(0, monotonic)

        self.strangers = PeerShares(share(), share(), share())
        """Of clients that have not logged in."""
        self.accounts = PeerShares(share(), share(), share())
        """Of clients that have, and of our own programs (LMTP)."""
        self.relay = share()
        """Of messages on their way to other servers."""
        self.resize(octets)

    def resize(self, octets: int) -> None:
        """Another budget; what is reserved stays so."""
        part = octets // 16
        self.strangers.buffers.resize(2 * part)
        self.strangers.received.resize(2 * part)
        self.strangers.whole.resize(2 * part)
        self.accounts.buffers.resize(3 * part)
        self.accounts.received.resize(2 * part)
        self.accounts.whole.resize(3 * part)
        self.relay.resize(2 * part)

    def of(self, *, stranger: bool) -> PeerShares:
        """The shares of a client."""
        return self.strangers if stranger else self.accounts

    @property
    def used_octets(self) -> int:
        """All that is reserved."""
        return sum(share.used_octets for share in self._shares())

    @property
    def limit_octets(self) -> int:
        """The budget."""
        return sum(share.limit_octets for share in self._shares())

    def _shares(self) -> Iterator[MemoryShare]:
        yield self.relay
        for peer in (self.strangers, self.accounts):
            yield from (peer.buffers, peer.received, peer.whole)
