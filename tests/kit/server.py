"""A whole server in this process, on free loopback ports, in a thread with a loop of its own.

    with serve("pop3", "imap") as server:
        server.run(server.provider.deliver(0, b"..."))
        client = poplib.POP3("127.0.0.1", server.ports["pop3"])

For tests with blocking clients. A test that runs in a loop itself uses `open_provider` and a `Listener` there.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from pillarbox.app.sessions import session_factories
from pillarbox.config.services import SERVICES
from pillarbox.server.connection import SessionFactory
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, listening_socket, shared_buffer
from tests.kit.provider import Provider, open_provider

T = TypeVar("T")


@dataclass(slots=True)
class Server:
    """A running server."""

    provider: Provider
    ports: dict[str, int]
    listeners: dict[str, Listener]
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def read(self, verb: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Read the database as the server does: a connection may not be used by two threads."""
        return self.run(self.provider.world.database.read(verb, *arguments, **named))

    def call(self, function: Callable[[], T]) -> T:
        """Call a function in the server's loop and wait for it."""

        async def work() -> T:
            return function()

        return self.run(work())


@contextlib.contextmanager
def serve(
    *services: str,
    folder: Path | None = None,
    plain_allowed: bool = True,
    limits: ListenerLimits | None = None,
    sessions: "Callable[[Provider], Mapping[str, SessionFactory[Any]]] | None" = None,
) -> Iterator[Server]:
    """Run these services until the block ends. A session that ended with an exception fails the test.

    `sessions` makes the session factories, where they are not those of the app.
    """
    started, stop = threading.Event(), asyncio.Event()
    box: list[Server | BaseException] = []

    async def main() -> None:
        try:
            provider = await open_provider(folder)
            provider.plain_allowed = plain_allowed
            made = (sessions or factories)(provider)
            listeners = {
                name: await _open(name, made[name], provider, limits or ListenerLimits()) for name in services
            }
        except BaseException as error:
            box.append(error)
            raise
        finally:
            if box:
                started.set()
        ports = {name: listener.addresses[0].port for name, listener in listeners.items()}
        box.append(Server(provider, ports, listeners, asyncio.get_running_loop()))
        started.set()
        await stop.wait()
        await asyncio.gather(*(listener.drain(2) for listener in listeners.values()))
        await provider.close()

    def thread() -> None:
        with contextlib.suppress(BaseException), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    running = threading.Thread(target=thread, name="server")
    running.start()
    started.wait(30)
    server = box[0]
    if isinstance(server, BaseException):
        running.join()
        raise server
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(stop.set)
        running.join(30)
    failures = [name for name, _ in server.provider.telemetry.failures]
    assert not failures, server.provider.telemetry.failures


def factories(provider: Provider) -> Mapping[str, SessionFactory[Any]]:
    """The session factory of each service, made as the app does it."""
    return session_factories(provider.world, provider.authenticator, provider.config)


async def _open(
    name: str, session: SessionFactory[Any], provider: Provider, limits: ListenerLimits
) -> Listener:
    service = ServiceOffer(
        name=name,
        session=session,
        busy=SERVICES[name].protocol.value,
        tls=provider.world.tls.speaking(SERVICES[name].alpn),
        implicit_tls=SERVICES[name].implicit_tls,
        limits=limits,
    )
    listener = Listener(
        service, provider, open_counts=provider.world.shared.open_counts, buffer=shared_buffer()
    )
    await listener.open([listening_socket("127.0.0.1", 0)])
    return listener
