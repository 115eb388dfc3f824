"""One worker: an event loop that serves every service until it is told to stop."""

import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from typing import Any

from pillarbox.app.services import SERVICES, Doors
from pillarbox.app.sessions import session_factories
from pillarbox.app.settings import Settings
from pillarbox.app.supervisor import Lifeline
from pillarbox.app.wiring import close_world, open_world
from pillarbox.server.authentication import Authenticator
from pillarbox.server.chores import Chores
from pillarbox.server.connection import Peer, SessionFactory
from pillarbox.server.listener import Limits, Listener, Service, shared_buffer
from pillarbox.world.only_one import OnlyOne
from pillarbox.world.telemetry import SystemTelemetry, Telemetry
from pillarbox.world.world import World

DRAIN_SECONDS = 5.0
"""How long sessions may finish what they are doing once the worker is told to stop."""


class Witness:
    """Tells the operator of sessions that failed by a mistake of ours."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """See `pillarbox.server.listener.Witness`."""
        self._telemetry.failure("session failed", error, service=service, peer=peer.address)


def run(settings: Settings, doors: Doors, lifeline: Lifeline | None, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM, SIGINT or the end of the supervisor; ``ready`` is called when doors are open."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, doors, lifeline, ready))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # a platform without it is served by asyncio's own loop
        return None
    return uvloop.new_event_loop


async def _serve(
    settings: Settings, doors: Doors, lifeline: Lifeline | None, ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signo in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signo, stop.set)
    if lifeline:
        loop.add_reader(lifeline.supervisor, stop.set)
    world = open_world(settings, SystemTelemetry())
    authenticator = Authenticator(
        database=world.database, clock=world.clock, entropy=world.entropy, telemetry=world.telemetry
    )
    factories = session_factories(settings, world, authenticator)
    listeners = await _listeners(factories, doors, world)
    only_one = OnlyOne(settings.data / "chores.lock")
    chores = Chores(world, only_one.mine)
    chores.start()
    # What start-up made stays for good: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    ready()
    await stop.wait()
    if lifeline:
        loop.remove_reader(lifeline.supervisor)
    await asyncio.gather(*(listener.drain(DRAIN_SECONDS) for listener in listeners))
    await chores.stop()
    await authenticator.close()
    only_one.close()
    await close_world(world)


async def _listeners(
    factories: Mapping[str, SessionFactory[Any]], doors: Doors, world: World
) -> list[Listener]:
    witness = Witness(world.telemetry)
    buffer = shared_buffer()
    listeners = []
    for name, sockets in doors.items():
        listener = Listener(_service(name, factories[name], world), witness, buffer=buffer)
        await listener.open(sockets)
        listeners.append(listener)
    return listeners


def _service(name: str, session: SessionFactory[Any], world: World) -> Service:
    kind = SERVICES[name]
    return Service(
        name=name,
        session=session,
        busy=kind.busy,
        tls=world.tls,
        implicit_tls=kind.implicit_tls,
        limits=Limits(connections=None),
    )
