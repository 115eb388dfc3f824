"""Small messages, of which the next are read with one that a client asks for, where it goes through them in order.

One query for several messages costs little more than one for one, and the client waits for each. Twice as many are
read each time, as long as all are asked for while they are new, so that little is read in vain.

What was read ahead is dropped when the account changes, here or in another process, and is not used when it is older
than `KEPT_S`; so a message that was expunged meanwhile is refused as if nothing were read ahead.
"""

from collections.abc import Callable
from typing import Final

from pillarbox.mail.identifiers import AccountId, Uid
from pillarbox.server.pop3.maildrop import Maildrop
from pillarbox.store import maildrop as store
from pillarbox.store.maildrop import StoredMessage
from pillarbox.world.memory import Reservation
from pillarbox.world.topic import account_changed
from pillarbox.world.world import World

AHEAD_OCTETS: Final = 64 * 1024
"""Octets of the messages that are read ahead, at most: some hundred microseconds of the loop."""
MAX_AHEAD: Final = 64
"""Messages that are read ahead, at most."""
KEPT_S: Final = 1.0
"""Signals of other processes may be late."""


class ReadAhead:
    """The small messages of one session's maildrop."""

    __slots__ = (
        "_account",
        "_held",
        "_kept",
        "_kept_until_s",
        "_maildrop",
        "_most",
        "_next",
        "_unsubscribe",
        "_world",
    )

    def __init__(self, world: World, account: AccountId, maildrop: Maildrop) -> None:
        self._world = world
        self._account = account
        self._maildrop = maildrop
        self._next = 0
        """The number that a client asks for next where it goes through them in order; 0 at first."""
        self._most = 1
        """How many are read ahead now."""
        self._kept: dict[Uid, StoredMessage] = {}
        self._kept_until_s = 0.0
        self._held: Reservation | None = None
        """For `_kept`."""
        self._unsubscribe: Callable[[], None] | None = None

    async def message(self, number: int) -> StoredMessage:
        """A small message. Raises `NoSuchNumber`, and what `store.maildrop.messages` raises."""
        uid = self._maildrop.uid(number)
        in_order, self._next = number == self._next, number + 1
        kept = self._kept.pop(uid, None)
        if kept is not None and self._world.clock.monotonic() < self._kept_until_s:
            if not self._kept:
                self._most = min(2 * self._most, MAX_AHEAD)
                self._drop()
            return kept
        if kept is not None or self._kept:
            self._most = 1
        self._drop()
        last = self._begin(number) if in_order else uid
        ahead = self._kept  # before it is read: a change meanwhile drops it
        found = await self._world.database.read(
            store.messages, self._world.blobs, self._account, self._maildrop.mailbox, uid, last
        )
        asked = found.pop(uid)
        ahead.update(found)
        return asked

    def _begin(self, number: int) -> Uid:
        """The last message to be read with this one."""
        buffers = self._world.memory.accounts.buffers
        # What others hold because they must comes first
        room = AHEAD_OCTETS if buffers.used_octets < buffers.limit_octets // 2 else 0
        last, octets = self._maildrop.last_within(number, self._most, room)
        if octets:
            self._held = buffers.hold(octets, self._drop)
            self._kept_until_s = self._world.clock.monotonic() + KEPT_S
            if self._unsubscribe is None:
                topic = account_changed(self._account)
                self._unsubscribe = self._world.signals.subscribe(topic, self._drop)
        return last

    def end(self) -> None:
        """The session is over."""
        self._drop()
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _drop(self) -> None:
        self._kept = {}
        if self._held is not None:
            self._held.release()
            self._held = None
