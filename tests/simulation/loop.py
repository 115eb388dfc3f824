"""Virtual time, and lives that can end at any time.

`VirtualLoop` is an event loop without files or threads. When nothing is left to do now, its clock jumps to the next
timer: five days of retries pass in milliseconds, and the same way in every run.

A `Life` is one run of a provider, from its start to its crash. All that a life begins (tasks, timers, callbacks)
inherits it through the context; `end` drops it at once, as a power cut would: no `finally` runs, nothing is cancelled
in order, no callback is called.
"""

import asyncio
import inspect
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
H = TypeVar("H", bound=asyncio.Handle)
Ts = TypeVarTuple("Ts")


class Deadlock(AssertionError):
    """Every task waits, and no timer is set."""


class Life:
    """One run of a provider."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.tasks: list[asyncio.Task[Any]] = []
        """All tasks it ever began, kept so that dropped ones are not garbage-collected (and so resumed) later."""
        self._context = copy_context()
        self._context.run(_LIFE.set, self)

    @property
    def context(self) -> Context:
        """The context in which this life's callbacks run."""
        return self._context.copy()

    def begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as part of this life."""
        return self._context.copy().run(asyncio.get_running_loop().create_task, work)


_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


def current_life() -> Life | None:
    """The life whose code is running."""
    return _LIFE.get()


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module."""

    # Attributes of `BaseEventLoop` that its stub doesn't have
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._selector = _Jump(self)
        self._clock_resolution = 1e-6
        self.complaints: list[str] = []
        """Unhandled exceptions in tasks and callbacks."""
        self.tasks: list[asyncio.Task[Any]] = []
        self.set_exception_handler(lambda _loop, context: self.complaints.append(repr(context)))

    def time(self) -> float:
        """Seconds since the beginning."""
        return self._now

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As in every loop; callbacks of ended lives are not called."""
        handle = super().call_soon(callback, *args, context=context)
        return _unless_dead(handle)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in every loop; callbacks of ended lives are not called."""
        return _unless_dead(super().call_at(when, callback, *args, context=context))

    def create_task(self, coro: Any, **options: Any) -> Any:
        """As in every loop; remembered by the life that began it."""
        task = super().create_task(coro, **options)
        life = current_life()
        (life.tasks if life else self.tasks).append(task)
        return task

    async def start_tls(  # type: ignore[override]  # the pump's call, on a transport of ours
        self, transport: Any, protocol: Any, _context: object, **_options: Any
    ) -> Any:
        """Simulated by the transport (see `wire`)."""
        return await transport.answer_tls(protocol)

    def end(self, life: Life) -> None:
        """The life is over: nothing it has begun will run again."""
        life.alive = False
        for handle in (*self._ready, *self._scheduled):
            if _life_of(handle) is life:
                handle.cancel()

    def _process_events(self, _events: object) -> None:
        pass


class _Jump:
    """The selector: instead of waiting, it advances the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        if timeout is None:
            raise Deadlock("no timer is set and nothing is ready")
        self._loop._now += timeout
        return []


def _life_of(handle: asyncio.Handle) -> Life | None:
    context: Context = handle._context  # type: ignore[attr-defined]  # its stub has `get_context`, of Python 3.12
    return context.get(_LIFE)


def _unless_dead(handle: H) -> H:
    life = _life_of(handle)
    if life is not None and not life.alive:
        handle.cancel()
    return handle


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a loop of its own."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def discard(tasks: list[asyncio.Task[Any]]) -> None:
    """Close unfinished tasks after the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about coroutines that were never started
        _close(tasks)


def _close(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        if not task.done():
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # left pending on purpose
            coroutine: Any = task.get_coro()
            try:
                if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                    # Python 3.12's `close` leaves its arguments, and one may be a coroutine that nobody awaits.
                    coroutine.throw(GeneratorExit)
                coroutine.close()
            except BaseException:
                pass  # whatever a dropped task raises when it is closed
        task._log_traceback = False  # a power cut is an exception that nobody handles
    tasks.clear()


class SimulatedClock:
    """`Clock` on the loop's time, with a wall clock that can be set wrong."""

    def __init__(self, loop: asyncio.AbstractEventLoop, starts_at_ms: int) -> None:
        self._loop = loop
        self._offset_ms = starts_at_ms

    def now_ms(self) -> int:
        """See `Clock`."""
        return self._offset_ms + round(self._loop.time() * 1000)

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """See `Clock`."""
        return self._loop.call_later(seconds, callback)

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """See `Clock`."""
        return asyncio.timeout(seconds)

    def jump(self, seconds: float) -> None:
        """Set the wall clock; monotonic time goes on unchanged."""
        self._offset_ms += round(seconds * 1000)
