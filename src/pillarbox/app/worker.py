"""One worker: an event loop that serves every service until it is told to stop."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from typing import Any

from pillarbox.app import ending
from pillarbox.app.allocator import map_large_pieces
from pillarbox.app.relaying import make_means, make_relay
from pillarbox.app.services import SERVICES, Doors
from pillarbox.app.sessions import session_factories
from pillarbox.app.settings import Settings
from pillarbox.app.supervisor import Lifeline
from pillarbox.app.wiring import close_world, open_world
from pillarbox.config.schema import ConfigWrong
from pillarbox.directory import accounts
from pillarbox.directory.withdrawal import WITHDRAWN
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.authentication import Authenticator
from pillarbox.server.chores import Chores
from pillarbox.server.connection import Peer, SessionFactory
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, shared_buffer
from pillarbox.server.relay.relay import Relay
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.process_lock import ProcessLock
from pillarbox.world.shared import Shared
from pillarbox.world.telemetry import SystemTelemetry, Telemetry
from pillarbox.world.tls.server import CertificateUnusable
from pillarbox.world.world import World

SWITCH_S = 0.001
"""How long a thread that runs Python may keep the loop waiting; the interpreter's default is five times that."""
LOOK_AGAIN_S = 5.0
"""After which time it is looked again who may still be here, where that could not be told."""
DRAIN_S = 5.0
"""How long sessions may finish what they are doing once the worker is told to stop."""


class FailureReporter:
    """Tells the operator of sessions that failed by a mistake of ours."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """See `pillarbox.server.listener.FailureReporter`."""
        self._telemetry.failure("session failed", error, service=service, peer=peer.address)


def run(
    settings: Settings,
    doors: Doors,
    shared: Shared,
    lifeline: Lifeline | None,
    ready: Callable[[], None],
    reread: Callable[[], Settings] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or the end of the supervisor; `ready` is called when doors are open.

    SIGHUP reads the certificates again, and with `reread` the settings: connections made from then on are
    served by the new ones, the others keep what they have. Where something is wrong with the new ones, nothing
    changes and the log says why.
    """
    map_large_pieces()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, doors, shared, lifeline, ready, reread))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # a platform without it is served by asyncio's own loop
        return None
    return uvloop.new_event_loop


async def _serve(
    settings: Settings,
    doors: Doors,
    shared: Shared,
    lifeline: Lifeline | None,
    ready: Callable[[], None],
    reread: Callable[[], Settings] | None,
) -> None:
    stop, hang_up = _signals()
    loop = asyncio.get_running_loop()
    if lifeline:
        loop.add_reader(lifeline.supervisor, stop.set)
    shared.open_counts.begin()
    world = open_world(settings, SystemTelemetry(), shared)
    relay = make_relay(settings, world)
    worker = _Worker(world, relay)
    await worker.open(settings, doors)
    chores_lock = ProcessLock(settings.data / "chores.lock")
    chores = Chores(world, chores_lock.try_acquire)
    chores.start()
    relay.start()
    world.signals.subscribe(WITHDRAWN, worker.end_revoked)
    # A thread that summarizes or searches must not keep the loop from its connections for long.
    sys.setswitchinterval(SWITCH_S)
    # What start-up made stays for good: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    reloading = asyncio.create_task(worker.reload_at(hang_up, reread or (lambda: settings)))
    ready()
    await stop.wait()
    reloading.cancel()
    if lifeline:
        loop.remove_reader(lifeline.supervisor)
    await worker.drain()
    await relay.stop(DRAIN_S)
    await chores.stop()
    chores_lock.close()
    await close_world(world)
    ending.hold()  # the loop takes its handlers with it, and whoever started us may have something to remove


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """What is set by the signals to stop, and by the one to reload."""
    loop = asyncio.get_running_loop()
    stop, hang_up = asyncio.Event(), asyncio.Event()
    for signo in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signo, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hang_up.set)
    # Whoever started us left them blocked until there are handlers.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    ending.let_through()
    return stop, hang_up


class _Worker:
    """The open doors, and what sessions behind them are made from."""

    def __init__(self, world: World, relay: Relay) -> None:
        self._world = world
        self._relay = relay
        self._authenticator = Authenticator(world)
        self._listeners: list[Listener] = []

    async def open(self, settings: Settings, doors: Doors) -> None:
        """Accept connections."""
        reporter = FailureReporter(self._world.telemetry)
        buffer = shared_buffer()
        services = self._services(settings)
        for name, sockets in doors.items():
            listener = Listener(
                services[name], reporter, open_counts=self._world.shared.open_counts, buffer=buffer
            )
            await listener.open(sockets)
            self._listeners.append(listener)

    async def reload_at(self, hang_up: asyncio.Event, reread: Callable[[], Settings]) -> None:
        """Reload whenever told to, for ever."""
        while True:
            await hang_up.wait()
            hang_up.clear()
            try:
                self._reload(reread())
            except (ConfigWrong, CertificateUnusable, OSError) as failure:
                self._world.telemetry.warning("not reloaded", reason=str(failure))
            else:
                self._world.telemetry.event("reloaded")

    def _reload(self, settings: Settings) -> None:
        self._world.tls.reload(settings.certificates)
        services = self._services(settings)
        for listener in self._listeners:
            listener.service = services[listener.service.name]
        self._relay.means = make_means(settings, self._world)

    def end_revoked(self) -> None:
        """End the sessions of accounts that were disabled or removed."""
        here = set[AccountId]().union(*(listener.accounts() for listener in self._listeners))
        try:
            revoked = self._world.database.read_now(accounts.revoked, here)
        except DatabaseUnavailable:
            self._world.clock.call_later(LOOK_AGAIN_S, self.end_revoked)
            return
        for listener in self._listeners:
            listener.revoke(revoked)

    async def drain(self) -> None:
        """Accept no more, and let sessions finish what they are doing."""
        await asyncio.gather(*(listener.drain(DRAIN_S) for listener in self._listeners))
        await self._authenticator.close()

    def _services(self, settings: Settings) -> dict[str, ServiceOffer]:
        factories = session_factories(settings, self._world, self._authenticator)
        limits = ListenerLimits(
            connections=settings.connections, per_address=settings.connections_per_address
        )
        return {name: _service(name, session, self._world, limits) for name, session in factories.items()}


def _service(name: str, session: SessionFactory[Any], world: World, limits: ListenerLimits) -> ServiceOffer:
    kind = SERVICES[name]
    return ServiceOffer(
        name=name,
        session=session,
        busy=kind.busy,
        tls=world.tls,
        implicit_tls=kind.implicit_tls,
        limits=limits,
    )
