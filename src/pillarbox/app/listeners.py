"""The listeners of a worker, and what the sessions of their connections are made from."""

import asyncio
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pillarbox.app.resolved import Resolved
from pillarbox.app.sessions import load, session_factories
from pillarbox.app.sockets import Sockets
from pillarbox.config.schema import Config
from pillarbox.config.services import SERVICES, WireProtocol
from pillarbox.directory.sign_in import credential_marks
from pillarbox.server.connection import Peer
from pillarbox.server.listener import Listener, ListenerLimits, ServiceOffer, shared_buffer
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.networks import Networks
from pillarbox.server.pump.turns import Turns
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.telemetry import Telemetry
from pillarbox.world.world import World

RETRY_S = 5.0
"""When to read again which accounts were withdrawn, where the database was unavailable."""
LOAD_AFTER_S = 0.5
"""When what only some services need is loaded, after connections are accepted."""
DRAIN_S = 5.0
"""How long sessions may finish what they are doing once the worker is to stop."""


class FailureReporter:
    """Reports sessions that ended with an exception to the operator's log."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def session_failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """Called by the listener once for each."""
        self._telemetry.failure("session failed", error, service=service, peer=peer.address)


class Listeners:
    """All listeners of a worker."""

    def __init__(self, world: World, authenticator: Authenticator, config: Config) -> None:
        self._world = world
        self._authenticator = authenticator
        self._config = config
        self._services: dict[str, ServiceOffer] = {}
        self._listeners: list[Listener] = []
        self.turns = Turns()
        """How all connections of this loop share it."""
        self._revoking: set[asyncio.Task[None]] = set()

    async def open(self, sockets: Sockets) -> None:
        """Accept connections on these sockets."""
        self._services = _services(self._world, self._authenticator, self._config, sockets)
        reporter, buffer = FailureReporter(self._world.telemetry), shared_buffer()
        for name, of_service in sockets.items():
            listener = Listener(
                self._services[name],
                reporter,
                open_counts=self._world.shared.open_counts,
                buffer=buffer,
                turns=self.turns,
                memory=self._world.memory,
            )
            await listener.open(of_service)
            self._listeners.append(listener)
        # Whoever does not need it has not waited for it then; who connects before loads it
        loading = threading.Thread(target=load, args=(tuple(sockets),), daemon=True)
        asyncio.get_running_loop().call_later(LOAD_AFTER_S, loading.start)

    @property
    def listening(self) -> Sequence[Listener]:
        """All that serve clients."""
        return self._listeners

    def reload(self, resolved: Resolved) -> None:
        """Serve new connections by this configuration. Raises `CertificateUnusable`; then nothing has changed."""
        self._world.tls.reload(resolved.certificates)
        self._services = _services(self._world, self._authenticator, resolved.config, self._services)
        for listener in self._listeners:
            listener.service = self._services[listener.service.name]

    def end_revoked(self) -> None:
        """End the sessions of accounts that were disabled or removed, or of passwords that are no more, soon."""
        task = asyncio.get_running_loop().create_task(self._end_revoked())
        self._revoking.add(task)
        task.add_done_callback(self._revoking.discard)

    async def _end_revoked(self) -> None:
        listeners = self._listeners
        try:
            gone = await self._world.database.read_in_thread(
                credential_marks.withdrawn, {login for each in listeners for login in each.logins()}
            )
        except DatabaseUnavailable:
            self._world.clock.call_later(RETRY_S, self.end_revoked)
            return
        for listener in listeners:
            listener.revoke(gone)

    async def drain(self) -> None:
        """Accept no more connections, and let sessions finish what they are doing."""
        await asyncio.gather(*(listener.drain(DRAIN_S) for listener in self._listeners))


def _services(
    world: World, authenticator: Authenticator, config: Config, names: Iterable[str]
) -> dict[str, ServiceOffer]:
    limits = ListenerLimits(
        connections=config.limits.connections, connections_per_address=config.limits.connections_per_address
    )
    proxied = replace(limits, proxies=Networks(config.http.trusted_proxies))
    sessions = session_factories(world, authenticator, config)
    return {
        name: ServiceOffer(
            name=name,
            session=sessions[name],
            busy=SERVICES[name].protocol.value,
            tls=world.tls.speaking(SERVICES[name].alpn),
            implicit_tls=SERVICES[name].implicit_tls,
            limits=proxied if SERVICES[name].protocol is WireProtocol.HTTP else limits,
        )
        for name in names
    }
