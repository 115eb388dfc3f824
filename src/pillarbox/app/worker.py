"""One worker: an event loop that serves all services until it is stopped."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable

from pillarbox.app import termination
from pillarbox.app.allocator import give_back_after_growth, map_large_blocks
from pillarbox.app.control import listen_for_control
from pillarbox.app.descriptors import tell_when_used_up
from pillarbox.app.listeners import DRAIN_S, FailureReporter, Listeners
from pillarbox.app.metrics import publish_readings
from pillarbox.app.name_servers import examine_name_servers
from pillarbox.app.relaying import make_relay
from pillarbox.app.resolved import Resolved
from pillarbox.app.sockets import Sockets
from pillarbox.app.supervisor import SupervisorLink
from pillarbox.app.world import close_world, open_telemetry, open_world
from pillarbox.config.schema import Config, ConfigWrong
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.queue.schedule import any_leased, end_leases
from pillarbox.server.chores import BackgroundWork
from pillarbox.server.control.answers import ControlService
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.pulse import Pulse
from pillarbox.world.database.sqlite import keep_no_statistics
from pillarbox.world.process_lock import ProcessLock
from pillarbox.world.shared import Shared
from pillarbox.world.telemetry import Telemetry
from pillarbox.world.tls.server import CertificateUnusable
from pillarbox.world.world import World

SWITCH_S = 0.001
"""The longest that a thread running Python may keep the loop waiting; the interpreter's default is five times that."""

CONTROL_DRAIN_S = 0.5
"""How long an answer to a command may take once the worker has stopped."""

Reread = Callable[[], Resolved]
"""Reads the configuration again. Raises `ConfigWrong`, `CertificateUnusable` or OSError."""


def run(
    resolved: Resolved,
    sockets: Sockets,
    shared: Shared,
    link: SupervisorLink | None,
    ready: Callable[[], None],
    *,
    reread: Reread | None = None,
    control: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or the end of the supervisor; `ready` is called once connections are accepted.

    SIGHUP reads the certificates again, and with `reread` the configuration: it holds for new connections, while
    the others keep what they have. Where something is wrong, nothing changes and the log says why. Commands are
    answered on `control`.
    """
    map_large_blocks()
    keep_no_statistics()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(resolved, sockets, shared, link, ready, reread or (lambda: resolved), control))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for this platform: asyncio's own loop does
        return None
    return uvloop.new_event_loop


async def _serve(
    resolved: Resolved,
    sockets: Sockets,
    shared: Shared,
    link: SupervisorLink | None,
    ready: Callable[[], None],
    reread: Reread,
    control: socket.socket | None,
) -> None:
    stop, hang_up = _signal_events()
    loop = asyncio.get_running_loop()
    if link:
        loop.add_reader(link.supervisor_ended, stop.set)
    shared.open_counts.begin()
    telemetry = open_telemetry(resolved.config.log, shared.recent)
    world = open_world(resolved, telemetry, shared)
    authenticator = Authenticator(world)
    relay = make_relay(world, resolved)
    listeners = Listeners(world, authenticator, resolved.config)
    maintenance_lock = ProcessLock(resolved.config.data_directory.maintenance_lock)
    chores = BackgroundWork(world, resolved.config, maintenance_lock.try_acquire)

    def apply(changed: Resolved) -> None:
        telemetry.reconfigure(changed.config.log)
        listeners.reload(changed)
        relay.reconfigure(changed.config, changed.routes)
        chores.reconfigure(changed.config)
        world.memory.resize(changed.config.limits.memory_octets)

    await listeners.open(sockets)
    publish_readings(shared.metrics, world.memory, listeners.listening)
    pulse = Pulse(
        world.clock, shared.metrics, lambda: shared.workers.beat(shared.worker, world.database.calls)
    )
    controlled = None
    if control:
        service = ControlService(world, pulse, lambda: listeners.listening)
        reporter = FailureReporter(telemetry)
        controlled = await listen_for_control(control, service, world, reporter, listeners.turns)
    chores.start()
    relay_lock = await _end_leases_of_the_dead(world, resolved.config)
    relay.start()
    world.signals.subscribe(WITHDRAWN, listeners.end_revoked)
    _tune_interpreter()
    reloading = asyncio.create_task(_reload_at(hang_up, reread, apply, world.telemetry))
    beating = asyncio.create_task(pulse.run())
    watching = [
        asyncio.create_task(give_back_after_growth(world.clock)),
        asyncio.create_task(tell_when_used_up(world.clock, world.telemetry)),
        asyncio.create_task(
            examine_name_servers(world.resolver, world.clock, telemetry, tells=shared.worker == 0)
        ),
    ]
    ready()
    await stop.wait()
    for task in (reloading, *watching):
        task.cancel()
    if link:
        loop.remove_reader(link.supervisor_ended)
    await listeners.drain()
    await authenticator.close()
    await relay.stop(DRAIN_S)
    relay_lock.close()
    await chores.stop()
    maintenance_lock.close()
    if controlled:
        await controlled.drain(CONTROL_DRAIN_S)
    await close_world(world)
    beating.cancel()
    termination.block()  # the loop removes its handlers at its end, and our caller may have something to clean up


async def _end_leases_of_the_dead(world: World, config: Config) -> ProcessLock:
    """End the leases that workers have left behind, so that mail does not wait for them.

    Of all workers, if no other is alive; else of the one that this worker replaces. Returns the lock that says that
    this one is alive.
    """
    lock = ProcessLock(config.data_directory.relay_lock)
    mark = 0 if lock.try_acquire() else world.shared.mark
    now_ms = world.clock.now_ms()
    if await world.database.read_in_thread(any_leased, now_ms=now_ms, mark=mark):
        ended = await world.database.write_in_thread(end_leases, now_ms=now_ms, mark=mark)
        world.telemetry.event("leases ended", recipients=ended)
    lock.share()
    return lock


def _signal_events() -> tuple[asyncio.Event, asyncio.Event]:
    """The events that are set by the signals to stop, and by the one to reload."""
    loop = asyncio.get_running_loop()
    stop, hang_up = asyncio.Event(), asyncio.Event()
    for signo in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signo, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)
    # Our caller left them blocked until there are handlers.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    termination.unblock()
    return stop, hang_up


def _tune_interpreter() -> None:
    # A thread that summarizes or searches must not keep the loop from its connections for long.
    sys.setswitchinterval(SWITCH_S)
    # What start-up made stays for good: the collector need not traverse it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def _reload_at(
    hang_up: asyncio.Event, reread: Reread, apply: Callable[[Resolved], None], telemetry: Telemetry
) -> None:
    """Reload the configuration on each SIGHUP, for ever."""
    while True:
        await hang_up.wait()
        hang_up.clear()
        try:
            apply(reread())
        except (ConfigWrong, CertificateUnusable, OSError) as failure:
            telemetry.warning("not reloaded", reason=str(failure))
        else:
            telemetry.event("reloaded")
