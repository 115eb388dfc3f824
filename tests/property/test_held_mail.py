"""Mail that is held: whatever its sender, an operator and the clock do, in any order, each message arrives once or was
ended, and everybody was told so."""

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.admin import queue
from pillarbox.delivery import tracking
from pillarbox.queue.inspection import Selection
from pillarbox.queue.invariants import INVARIANTS
from tests.kit.smtp.submitting import Submitter, envelope, run_with_submitter

MOST = 6
"""Messages of one example."""

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 4)),
        st.tuples(st.just("undo"), st.integers(1, MOST)),
        st.tuples(st.just("now"), st.integers(1, MOST)),
        st.tuples(st.just("sooner"), st.integers(1, MOST)),
        st.tuples(st.just("later"), st.integers(1, MOST)),
        st.tuples(st.just("drop"), st.integers(1, MOST)),
        st.tuples(st.just("operator"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 3)),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=25,
)


@dataclass
class Message:
    """What the model knows of one."""

    due_ms: int
    state: str = "pending"


class Run:
    """A run of the steps beside the model."""

    def __init__(self, anna: Submitter) -> None:
        self.anna = anna
        self.messages: dict[int, Message] = {}

    @property
    def now_ms(self) -> int:
        return self.anna.provider.clock.now_ms()

    def pending(self, number: int) -> bool:
        return number in self.messages and self.messages[number].state == "pending"

    async def send(self, seconds: int) -> None:
        if len(self.messages) < MOST:
            given = envelope("bert@one.example", parameters={"HOLDFOR": str(seconds)})
            self.messages[await self.anna.sent(given=given)] = Message(self.now_ms + seconds * 1000)

    async def undo(self, number: int) -> None:
        if number in self.messages:
            may = self.messages[number].state in ("pending", "canceled")
            assert await self.anna.cancel(number) == may
            if may:
                self.messages[number].state = "canceled"

    async def now(self, number: int) -> None:
        if number in self.messages:
            write = self.anna.provider.database.write
            done = await write(tracking.send_now, self.anna.account, number, now_ms=self.now_ms)
            assert done == self.pending(number)
            if done:
                self.messages[number].due_ms = min(self.messages[number].due_ms, self.now_ms)

    async def sooner(self, number: int) -> None:
        await self.reschedule(number, 0)

    async def later(self, number: int) -> None:
        await self.reschedule(number, 2)

    async def reschedule(self, number: int, seconds: int) -> None:
        if number in self.messages:
            until_ms = self.now_ms + seconds * 1000
            write = self.anna.provider.database.write
            done = await write(tracking.reschedule, self.anna.account, number, until_ms=until_ms)
            assert done == self.pending(number)
            if done:
                self.messages[number].due_ms = until_ms
                assert self.anna.get(number).send_at_ms == until_ms

    async def drop(self, number: int) -> None:
        if number in self.messages:
            write = self.anna.provider.database.write
            dropped = await write(queue.drop, Selection(messages=(number,)), None, now_ms=self.now_ms)
            assert dropped == self.pending(number)
            if dropped:
                self.messages[number].state = "dropped"

    async def operator(self, _: int) -> None:
        for verb in (queue.hold, queue.release, queue.retry):
            assert await self.anna.provider.database.write(verb, Selection(), now_ms=self.now_ms) == 0

    async def wait(self, seconds: int) -> None:
        await self.anna.provider.clock.advance(seconds)

    async def look(self, times: int) -> None:
        await asyncio.gather(*(self.anna.let_go() for _ in range(times)))
        for message in self.messages.values():
            if message.state == "pending" and message.due_ms <= self.now_ms:
                message.state = "left"

    def check(self) -> None:
        states = [message.state for message in self.messages.values()]
        assert len(self.anna.provider.inbox("bert")) == states.count("left")
        for number, message in self.messages.items():
            undo = {"left": "final", "dropped": "final"}.get(message.state, message.state)
            delivered = {"left": "yes", "pending": "queued"}.get(message.state, "no")
            sent = self.anna.get(number)
            assert (sent.undo, sent.recipients[0].delivered) == (undo, delivered)
        read = self.anna.provider.database.read_now
        assert read(lambda tx: [each.name for each in INVARIANTS if list(each.find(tx))]) == []


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_each_message_arrives_once_or_was_ended(steps: list[tuple[str, int]]) -> None:
    async def test(anna: Submitter) -> None:
        run = Run(anna)
        for name, number in steps:
            await getattr(run, name)(number)
            run.check()
        await run.wait(5)
        await run.look(2)
        run.check()
        assert all(message.state != "pending" for message in run.messages.values())

    run_with_submitter(test)
