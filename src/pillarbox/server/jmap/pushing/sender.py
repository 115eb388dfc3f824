"""Who is looked after: the accounts that have subscriptions, each looked at when it has changed.

One worker of a machine does it for all accounts (`server/push/starting.py`). What it keeps of an account that has
subscriptions is its number; of one that has none, nothing. An account that changes while it waits to be looked at, or
while its subscriptions are told, is looked at once more: whatever has happened meanwhile is told together. Commits
never wait for any of this.

At the start, and where signals may have been lost, all accounts with subscriptions are looked at, some at a time: their
rows say what was told.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from pillarbox.config.schema import Config
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.webpush.request import Meaning, Outcome
from pillarbox.push import subscriptions
from pillarbox.push.subscriptions import NEW, Progress, Subscription
from pillarbox.server.jmap.pushing import reading
from pillarbox.server.jmap.pushing.attempt import Attempts, Result
from pillarbox.server.jmap.pushing.posting import Poster
from pillarbox.server.jmap.pushing.reading import Look
from pillarbox.world.clock import Timer
from pillarbox.world.database import DatabaseUnavailable, ValuesDamaged
from pillarbox.world.memory import MemoryScarce
from pillarbox.world.topic import Topic, account_changed
from pillarbox.world.world import World

MAX_AT_ONCE: Final = 48
"""Subscriptions that are told at once."""
MAX_FAILING_AT_ONCE: Final = 16
"""Beside them, of those that could not be told the last time, or took long: they keep only such others waiting."""
SLOW_S: Final = 5.0
"""Who took longer the last time is among them: some subscriptions of a few accounts, whose push service answers as late
as it may, would keep all others waiting."""
MAX_SLOW: Final = 10_000
"""Subscriptions of which that is remembered; it is forgotten of all where there are more."""
GAP_S: Final = 2.0
"""Between two pushes to a subscription; the first is sent at once, and what comes meanwhile goes into the second."""
WRITE_S: Final = 1.0
"""What was sent is written after so long, together."""
MAX_UNWRITTEN: Final = 500
"""Or once it is so much."""
AGAIN_S: Final = 10.0
"""When an account is looked at again, where that was not possible."""
FAILED_S: Final = 600.0
"""The same where we are at fault."""


class PushSender:
    """Made once per process."""

    def __init__(self, world: World, config: Config, *, gap_s: float = GAP_S) -> None:
        self._world = world
        self._gap_s = gap_s
        self._poster = Poster(world, config)
        self._attempts = Attempts(world, self._poster)
        self._task: asyncio.Task[None] | None = None
        self._subscribed: set[AccountId] = set()
        self._due: dict[AccountId, None] = {}
        """Accounts that are to be looked at, in their order."""
        self._listed_up_to: int | None = 0
        """All accounts up to this number were listed; `None`: all there are."""
        self._timers: dict[AccountId, tuple[float, Timer]] = {}
        """Accounts that are to be looked at again, and when by the monotonic clock."""
        self._busy: dict[int, bool] = {}
        """Subscriptions that are told, or were just now; whether there is more by now."""
        self._unwritten: dict[int, Progress] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._failing = 0
        """Subscriptions that are told, and could not be the last time, or took long."""
        self._slow: set[int] = set()
        """Those that took long the last time."""
        self._has_work = asyncio.Event()
        self._write_timer: Timer | None = None
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def reconfigure(self, config: Config) -> None:
        """See `Poster.reconfigure`."""
        self._poster.reconfigure(config)

    async def stop(self) -> None:
        """End. What is being sent may be sent once more at the next start."""
        if self._task is None:
            return
        ending = [self._task, *self._sending]
        for task in ending:
            task.cancel()
        await asyncio.wait(ending)
        for _, timer in self._timers.values():
            timer.cancel()
        if self._write_timer is not None:
            self._write_timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._task = None
        await self._write()

    async def _run(self) -> None:
        end = self._world.signals.listen(self._heard)  # first listen, then list
        try:
            while True:
                await self._step()
        finally:
            end()

    # --- which accounts

    def _heard(self, topics: Iterable[Topic] | None) -> None:
        if topics is None:
            self._listed_up_to = 0
            self._has_work.set()
            return
        for topic in topics:
            account = topic.account
            if account is None:
                continue
            if account in self._subscribed:
                if topic.name in _TOPICS:
                    self._look_at(account)
            elif topic.name == subscriptions.TOPIC:
                self._look_at(account)

    def _look_at(self, account: AccountId) -> None:
        self._due[account] = None
        self._has_work.set()

    def _look_later(self, account: AccountId, seconds: float) -> None:
        clock = self._world.clock
        at = clock.monotonic() + seconds
        known = self._timers.get(account)
        if known is not None:
            if known[0] <= at:
                return
            known[1].cancel()
        self._timers[account] = (at, clock.call_later(seconds, partial(self._timer_ended, account)))

    def _timer_ended(self, account: AccountId) -> None:
        del self._timers[account]
        self._look_at(account)

    async def _step(self) -> None:
        try:
            # Also while others always change, so that all have their turn
            if self._listed_up_to is not None and len(self._due) < subscriptions.LISTED_TOGETHER:
                await self._list_more(self._listed_up_to)
        except DatabaseUnavailable:
            await self._world.clock.sleep(AGAIN_S)
            return
        if not self._due:
            if self._listed_up_to is None:
                self._has_work.clear()
                await self._has_work.wait()
            return
        account = next(iter(self._due))
        del self._due[account]
        try:
            await self._look(account)
        except (DatabaseUnavailable, ValuesDamaged):
            self._look_later(account, AGAIN_S)
        except Exception as error:
            self._world.telemetry.failure("pushes failed", error, account=account)
        await asyncio.sleep(0)  # others are served between two accounts

    async def _list_more(self, after: int) -> None:
        listed = await self._world.database.read(subscriptions.accounts_after, after)
        for account in listed:
            self._look_at(account)
        if self._listed_up_to == after:  # else all are to be listed anew
            self._listed_up_to = listed[-1] if listed else None

    # --- one account

    async def _look(self, account: AccountId) -> None:
        world = self._world
        async with self._slots:
            pass  # what is read now is sent at once, not when it is old
        look = await world.database.read(reading.look, account, self._unwritten, now_ms=world.clock.now_ms())
        if look.is_subscribed:
            self._subscribed.add(account)
        else:
            self._subscribed.discard(account)
        if look.ended:
            await world.database.write(subscriptions.remove, look.ended)
        if look.retry_at_ms:
            self._look_later(account, max(0.0, (look.retry_at_ms - world.clock.now_ms()) / 1000))
        for one in look.due:
            if one.id in self._busy:
                self._busy[one.id] = True
            elif not one.failures and one.id not in self._slow:
                await self._slots.acquire()
                self._begin(one, look, self._slots.release)
            elif self._failing < MAX_FAILING_AT_ONCE:
                self._failing += 1
                self._begin(one, look, self._end_failing)
            else:
                self._look_later(account, AGAIN_S)

    def _end_failing(self) -> None:
        self._failing -= 1

    def _begin(self, one: Subscription, look: Look, ended: Callable[[], None]) -> None:
        self._busy[one.id] = False
        task = asyncio.get_running_loop().create_task(self._send(one, look, ended))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, one: Subscription, look: Look, ended: Callable[[], None]) -> None:
        clock = self._world.clock
        begun_s = clock.monotonic()
        try:
            await self._settle(one, await self._attempt(one, look))
        except (DatabaseUnavailable, ValuesDamaged, MemoryScarce):
            self._look_later(one.account, AGAIN_S)
        except Exception as error:
            self._world.telemetry.failure("push failed", error, account=one.account)
            self._look_later(one.account, FAILED_S)
        finally:
            ended()
            self._note_time(one.id, clock.monotonic() - begun_s)
            if self._gap_s:
                clock.call_later(self._gap_s, partial(self._gap_ended, one))
            else:
                self._gap_ended(one)

    def _note_time(self, number: int, seconds: float) -> None:
        self._slow.discard(number)
        if seconds > SLOW_S:
            if len(self._slow) >= MAX_SLOW:
                self._slow.clear()
            self._slow.add(number)

    async def _attempt(self, one: Subscription, look: Look) -> Result:
        return await (self._attempts.verify(one) if one.state == NEW else self._attempts.tell(one, look))

    def _gap_ended(self, one: Subscription) -> None:
        if self._busy.pop(one.id, False):
            self._look_at(one.account)

    async def _settle(self, one: Subscription, result: Result) -> None:
        if result.outcome is not None:
            self._log(one, result.outcome, ended=result.progress is None)
        if result.progress is None:
            self._unwritten.pop(one.id, None)
            await self._world.database.write(subscriptions.remove, [one.id])
            return
        if one.state == NEW:
            return
        self._unwritten[one.id] = result.progress
        self._write_soon(0.0 if len(self._unwritten) >= MAX_UNWRITTEN else WRITE_S)
        if result.progress.failures:
            wait_ms = result.progress.retry_at_ms - self._world.clock.now_ms()
            self._look_later(one.account, max(0.0, wait_ms / 1000))

    def _log(self, one: Subscription, outcome: Outcome, *, ended: bool) -> None:
        """Without the URL: whoever has it can send messages to the device."""
        if outcome.meaning is not Meaning.DELIVERED:
            self._world.telemetry.event(
                "push not taken",
                account=one.account,
                subscription=one.id,
                why=outcome.reason,
                attempts=one.failures + 1,
                ended=ended,
            )

    # --- what was sent

    def _write_soon(self, seconds: float) -> None:
        if self._write_timer is None:
            self._write_timer = self._world.clock.call_later(seconds, self._begin_writing)

    def _begin_writing(self) -> None:
        self._write_timer = None
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        """Until it is written, it stays in `_unwritten`, where it is looked up."""
        written = list(self._unwritten.values())
        if not written:
            return
        try:
            await self._world.database.write(subscriptions.note_progress, written)
        except DatabaseUnavailable:
            self._write_soon(AGAIN_S)
            return
        for one in written:
            if self._unwritten.get(one.id) is one:
                del self._unwritten[one.id]


_TOPICS: Final = frozenset((subscriptions.TOPIC, account_changed(AccountId(0)).name))
