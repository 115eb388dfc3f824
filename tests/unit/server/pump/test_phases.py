"""The table of phases: every event in every phase, by its real cause where that can happen."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Activity, ConnectionGone, Peer
from pillarbox.server.pump.alarms import Alarms
from pillarbox.server.pump.phases import EVENT_MEANINGS, TABLE, Action, Event, Phase
from pillarbox.server.pump.pump import Pump
from pillarbox.server.pump.turns import Turns
from pillarbox.world.memory import MemoryBudget


def pretended(stage: "Stage") -> Any:
    """A stage as whatever the pump takes it for. It is none of them to the letter: what the owner, the loop, the
    transport and the session call by one name takes different arguments."""
    return stage


class Clock:
    """Seconds that pass only where a handler adds them."""

    now: ClassVar[float] = 0.0


class Stage:
    """A pump with everything around it pretended; `log` has what the pump did to it."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.real_loop = asyncio.get_running_loop()
        self.turns = Turns(lambda: Clock.now)
        self.alarms = Alarms()
        self.memory = MemoryBudget()
        self.let_go = self.real_loop.create_future()
        self.secured = self.real_loop.create_future()
        self.tls: Any = None
        self.rest = b""
        self.pump: Pump[bytes] = Pump(pretended(self), pretended(self))
        self.pump._transport = pretended(self)

    # --- the owner
    buffer = memoryview(bytearray(64))
    turns: Turns
    memory: MemoryBudget
    handshake_s = 1.0
    linger_s = 5.0
    implicit_tls = False

    def admit(self, pump: Any) -> "Stage":
        return self

    def tls_context(self) -> Any:
        return "context"

    def released(self, pump: Any) -> None:
        self.log.append("released")

    def timed_out(self) -> bytes:
        """Of the owner and of the session."""
        self.log.append("timed out")
        return b"late"

    def scarce(self) -> bytes:
        return b"scarce"

    def injected(self, octets: int) -> None:
        self.log.append("injected")

    def handshake_failed(self, error: BaseException) -> None:
        self.log.append("handshake failed")

    def failed(self, *said: Any) -> bytes:
        """Of the owner with arguments, of the session without."""
        if said:
            self.log.append("reported")
        return b"failed"

    # --- the loop
    def time(self) -> float:
        return 0.0

    def create_future(self) -> Any:
        return self.real_loop.create_future()

    def create_task(self, work: Any) -> Any:
        return self.real_loop.create_task(work)

    def call_soon(self, *call: Any) -> Any:
        return self.real_loop.call_soon(*call)

    def call_at(self, when: float, passed: Any) -> Any:
        return self.real_loop.call_later(1000, passed)

    async def start_tls(self, *arguments: Any, **keywords: Any) -> Any:
        return await self.secured

    # --- the transport
    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def get_extra_info(self, name: str) -> Any:
        return self.tls if name == "ssl_object" else ("192.0.2.1", 5)

    def get_protocol(self) -> Any:
        return None

    def is_closing(self) -> bool:
        return False

    def write(self, octets: bytes) -> None:
        self.log.append(octets.decode())

    def get_write_buffer_size(self) -> int:
        return 300_000

    def write_eof(self) -> None:
        self.log.append("write_eof")

    def close(self) -> None:
        self.log.append("close")

    def abort(self) -> None:
        self.log.append("abort")

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading

    # --- the session and its machine
    accounts: tuple[AccountId, ...] = ()
    logins: tuple[Login, ...] = ()

    @property
    def machine(self) -> "Stage":
        return self

    @property
    def buffered(self) -> int:
        return len(self.rest)

    def receive(self, octets: bytes) -> list[bytes]:
        *lines, self.rest = (self.rest + octets).split(b"\n")
        self.log.append("fed")
        return lines

    def discard(self) -> int:
        dropped, self.rest = len(self.rest), b""
        return dropped

    async def opened(self) -> None:
        self.log.append("opened")

    async def handle(self, event: bytes) -> None:
        self.log.append("handling")
        if event == b"wait":
            await self.let_go
        elif event == b"drain":
            await self.pump.drain()
        elif event == b"tls":
            await self.pump.start_tls()

    def ending(self) -> bytes:
        return b"ending"

    def revoked(self) -> bytes:
        return b"revoked"

    def kicked(self) -> bytes:
        return b"kicked\r\n"

    def activity(self) -> Activity:
        return Activity(login="anna", state="echoing", client="a test")

    def closed(self) -> None:
        self.log.append("closed")

    # --- what the tests do
    def arrive(self, octets: bytes) -> None:
        self.buffer[: len(octets)] = octets
        self.pump.buffer_updated(len(octets))

    def eof(self, tls: Any = None) -> None:
        self.tls = tls
        assert self.pump.eof_received() is self.pump.phase.open

    async def turn(self) -> None:
        for _ in range(4):
            await asyncio.sleep(0)

    async def enter(self, phase: Phase) -> None:
        if phase is Phase.CONNECTING:
            return
        self.pump.connection_made(pretended(self))
        if phase in (Phase.WORKING, Phase.FINISHING, Phase.ABANDONED):
            self.arrive(b"wait\n")
        elif phase is Phase.DRAINING:
            self.pump.pause_writing()
            self.arrive(b"drain\n")
        elif phase is Phase.SECURING:
            self.arrive(b"tls\n")
        if phase is Phase.FINISHING:
            self.pump.abort()
        elif phase is Phase.CLOSING:
            self.pump.close()
        elif phase in (Phase.ABANDONED, Phase.CLOSED):
            self.pump.connection_lost(None)
        assert self.pump.phase is phase
        self.log.clear()

    async def finish(self) -> None:
        """The handler at work ends."""
        if self.pump.phase is Phase.DRAINING:
            assert self.pump._drained is not None
            self.pump._drained.set_exception(ConnectionGone())
        for awaited in (self.let_go, self.secured):
            if not awaited.done():
                awaited.set_result(self)
        await self.turn()


CAUSES: dict[Event, Callable[[Stage], Any]] = {
    Event.OCTETS: lambda stage: stage.arrive(b"half a line"),
    Event.EOF: lambda stage: stage.eof(),
    Event.TLS_EOF: lambda stage: stage.eof(tls=object()),
    Event.CAUGHT_UP: lambda stage: stage.pump.resume_writing(),
    Event.LOST: lambda stage: stage.pump.connection_lost(None),
    Event.DEADLINE: lambda stage: stage.pump._deadline_passed(),
    Event.SCARCE: lambda stage: stage.pump._input_given_up(),
    Event.END: lambda stage: stage.pump.end(),
    Event.POST: lambda stage: stage.pump.post(b"wait"),
    Event.CLOSE: lambda stage: stage.pump.close(),
    Event.ABORT: lambda stage: stage.pump.abort(),
    Event.FAILURE: lambda stage: stage.pump._fail(ValueError()),
}
"""Whatever comes from outside. The pump's own steps are taken by `_on`, and by their cause in the tests below."""

LOGGED: dict[Action, list[str]] = {
    Action.OPEN: ["opened"],
    Action.FEED: ["fed"],
    Action.SHUT: ["close"],
    Action.CUT: ["abort"],
    Action.SEND_ENDING: ["ending", "write_eof"],
    Action.SEND_TIMED_OUT: ["timed out", "timed out", "late", "write_eof"],
    Action.SEND_SCARCE: ["scarce", "write_eof"],
    Action.SEND_FAILED: ["failed", "write_eof"],
    Action.RELEASE: ["closed", "released"],
}
"""What an action shows; the others show nothing."""


@pytest.mark.parametrize(("event", "phase"), list(itertools.product(Event, Phase)))
def test_every_event_in_every_phase(event: Event, phase: Phase) -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(phase)
        pump, step = stage.pump, TABLE[event, phase]
        if event is Event.ADMIT and phase is Phase.CONNECTING:
            pump.connection_made(pretended(stage))
            # Nothing came with it: the work is done at once.
            assert pump.phase is Phase.IDLE
        elif event is Event.BEGIN and phase is Phase.IDLE:
            stage.arrive(b"wait\n")
            assert pump.phase is step.then
            assert stage.log == ["fed", "handling"]
            return
        elif event in CAUSES:
            CAUSES[event](stage)
            assert pump.phase is step.then
        else:
            pump._on(event)
            assert pump.phase is step.then
        shown = LOGGED.get(step.action, [])
        if phase is Phase.CONNECTING and step.action is Action.RELEASE:
            shown = []  # no session was made
        if event is Event.FAILURE:
            shown = ["reported", *shown]
        assert stage.log == shown
        held = step.action in (Action.HOLD, Action.HOLD_DECIPHERED)
        assert pump._held.octets == len(b"half a line") * held

    asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase.at_work])
def test_the_end_of_a_handler(phase: Phase) -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(phase)
        await stage.finish()
        # A handler that is woken from `drain` by a lost connection closes it.
        then = Phase.CLOSING if phase is Phase.DRAINING else TABLE[Event.DONE, phase].then
        assert stage.pump.phase is then
        assert ("closed" in stage.log) is (then is Phase.CLOSED)

    asyncio.run(asyncio.wait_for(scene(), 10))


@pytest.mark.parametrize("phase", [Phase.WORKING, Phase.DRAINING])
@pytest.mark.parametrize(
    ("requested", "said"),
    [("end", ["ending", "write_eof"]), ("revoke", ["revoked", "write_eof"]), ("eof", ["close"])],
)
def test_requests_during_a_handler_are_carried_out_after_it(
    phase: Phase, requested: str, said: list[str]
) -> None:
    async def scene() -> None:
        stage = Stage()
        stage.call_later = stage.real_loop.call_later  # type: ignore[attr-defined]  # in no other scene
        await stage.enter(phase)
        stage.eof() if requested == "eof" else getattr(stage.pump, requested)()
        assert stage.pump.phase is phase
        assert stage.log == []
        stage.pump.resume_writing()
        await stage.finish()
        assert stage.log == said
        assert stage.pump.phase is Phase.CLOSING

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_waiting_and_being_woken() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.DRAINING)
        assert not stage.pump.working
        stage.pump.resume_writing()
        woken = stage.pump.phase
        await stage.turn()
        assert (woken, stage.pump.phase) == (Phase.WORKING, Phase.IDLE)

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_output_that_is_not_read_is_counted_until_it_is() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.DRAINING)
        assert stage.memory.strangers.buffers.used_octets == 300_000
        stage.pump.resume_writing()
        assert stage.memory.used_octets == 0

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_the_connection_whose_output_is_given_up_is_cut() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.DRAINING)
        stage.memory.resize(0)
        stage.memory.strangers.buffers.hold(1, lambda: None)
        assert stage.log == ["abort"]
        assert stage.memory.used_octets == 1

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_input_is_counted_until_it_is_a_whole_event() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.IDLE)
        stage.arrive(b"half")
        assert stage.memory.used_octets == 0  # so little is not
        stage.rest = b"x" * 20_000
        stage.arrive(b"half")
        assert stage.memory.strangers.buffers.used_octets == 20_004
        stage.arrive(b"\n")
        assert stage.memory.used_octets == 0

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_who_sends_no_whole_command_is_told_when_memory_is_scarce() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.IDLE)
        stage.rest = b"x" * 20_000
        stage.arrive(b"half")
        stage.log.clear()
        stage.memory.resize(0)
        stage.memory.strangers.buffers.hold(1, lambda: None)
        assert stage.log == ["scarce", "write_eof"]
        assert stage.memory.used_octets == 1

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_lost_connection_holds_nothing() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.DRAINING)
        stage.pump.connection_lost(None)
        assert stage.memory.used_octets == 0
        await stage.finish()

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_octets_that_tls_has_not_seen_are_an_injection() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.SECURING)
        stage.get_protocol = lambda: stage.pump  # type: ignore[method-assign]  # this scene has its own
        stage.arrive(b"evil")
        assert stage.log == ["injected", "abort"]
        assert stage.pump.phase is Phase.FINISHING
        assert stage.pump._held.octets == 0

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_handshake_that_fails_ends_the_connection() -> None:
    async def scene() -> None:
        stage = Stage()
        await stage.enter(Phase.SECURING)
        stage.secured.set_exception(ConnectionResetError())
        await stage.turn()
        assert stage.log == ["handshake failed", "closed", "released"]
        assert stage.pump.phase is Phase.CLOSED

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_every_event_and_action_is_used_and_explained() -> None:
    assert set(EVENT_MEANINGS) == set(Event)
    assert {step.action for step in TABLE.values()} == set(Action)
    assert {step.then for step in TABLE.values()} == set(Phase)
    assert len(TABLE) == len(Event) * len(Phase)


def test_only_the_last_phase_is_never_left_and_what_is_closing_never_opens_again() -> None:
    for (_, phase), step in TABLE.items():
        if phase is Phase.CLOSED:
            assert step.then is Phase.CLOSED
        if not phase.open:
            assert not step.then.open


@pytest.mark.parametrize("chunk", [b"take\n" * 10, b"take\ntake\n" + b"wait\n"])
def test_others_are_served_after_the_share(chunk: bytes) -> None:
    async def scene() -> None:
        stage, served = Stage(), []

        async def handle(event: bytes) -> None:
            stage.log.append("handling")
            Clock.now += 0.002

        stage.handle = handle  # type: ignore[method-assign]  # this scene has its own
        stage.pump.connection_made(pretended(stage))
        stage.log.clear()
        stage.arrive(chunk)
        assert stage.log.count("handling") == 3, "5 ms are used up by the third event of 2 ms"
        stage.real_loop.call_soon(lambda: served.append(stage.log.count("handling")))
        await stage.turn()
        assert stage.log.count("handling") == chunk.count(b"\n")
        if chunk.count(b"\n") > 3:
            assert served[0] <= 6

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_the_time_share_counts_across_events_returned_in_parts() -> None:
    async def scene() -> None:
        stage = Stage()

        def one_by_one(octets: bytes) -> list[bytes]:
            stage.rest += octets
            line, end, rest = stage.rest.partition(b"\n")
            stage.rest = rest if end else stage.rest
            return [line] if end else []

        async def handle(event: bytes) -> None:
            stage.log.append("handling")
            Clock.now += 0.002

        stage.receive, stage.handle = one_by_one, handle  # type: ignore[method-assign]  # this scene has its own
        stage.pump.connection_made(pretended(stage))
        stage.log.clear()
        stage.arrive(b"x\n" * 10)
        assert stage.log.count("handling") == 3
        for _ in range(4):
            await stage.turn()
        assert stage.log.count("handling") == 10
        assert stage.pump.phase is Phase.IDLE

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_the_last_event_causes_no_further_iteration() -> None:
    async def scene() -> None:
        stage = Stage()

        async def handle(event: bytes) -> None:
            Clock.now += 1.0

        stage.handle = handle  # type: ignore[method-assign]  # this scene has its own
        stage.pump.connection_made(pretended(stage))
        stage.arrive(b"x\n")
        assert stage.pump.phase is Phase.IDLE

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_peer_named_beforehand_is_kept() -> None:
    async def scene() -> None:
        stage = Stage()
        stage.pump = Pump(pretended(stage), pretended(stage), Peer("203.0.113.9", 99))
        stage.pump.connection_made(pretended(stage))
        assert stage.pump.peer == Peer("203.0.113.9", 99)

    asyncio.run(asyncio.wait_for(scene(), 10))
