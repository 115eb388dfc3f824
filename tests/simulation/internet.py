"""The simulated internet: hosts with addresses, the wires between them, and the taps on these."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Protocol

from pillarbox.world.network import Endpoint, NetworkFailure
from tests.simulation.faults import FaultInjector
from tests.simulation.loop import Life, current_life
from tests.simulation.wire import End, Pulled, Wire
from tests.simulation.wire_tap import ObservedTransaction, WireTap

ALMOST_FOREVER_S = 3600.0
"""How long an operating system tries to connect to a host that does not answer."""


class Listening(Protocol):
    """A host with an address."""

    name: str

    @property
    def life(self) -> Life | None:
        """The life that serves now; `None` for foreign servers, which have no lives."""

    def answers(self, port: int) -> bool:
        """Whether something listens at this port now."""

    def server_end(self, port: int, client: Endpoint) -> End:
        """A new server end for a client that connects."""

    def opened(self, end: End, port: int) -> None:
        """The connection is open: begin to serve."""


class Internet:
    """Carries all connections."""

    def __init__(
        self,
        faults: FaultInjector,
        observer: Callable[[ObservedTransaction], None],
        trace: Callable[[str, str], None],
    ) -> None:
        self.wires: list[tuple[Wire, Life | None, Life | None]] = []
        """With the lives of client and server."""
        self.crash_of: dict[str, Callable[[], None]] = {}
        """Crashes a provider, by name."""
        self._faults = faults
        self._observer = observer
        self._trace = trace
        self._hosts: dict[str, Listening] = {}
        self._outside = copy_context()
        self._opened = 0

    def attach(self, address: str, host: Listening) -> None:
        """Give a host its address."""
        self._hosts[address] = host

    async def connect(self, who: str, address: str, port: int, source: str) -> Pulled:
        """Open a connection on behalf of `who`. Raises `NetworkFailure`."""
        faults, life, host = self._faults.for_connection(), current_life(), self._hosts.get(address)
        await asyncio.sleep(0.02)
        if faults.silent:
            await asyncio.sleep(ALMOST_FOREVER_S)
        if host is None or faults.refused or faults.silent or not host.answers(port):
            raise NetworkFailure(f"{address} port {port}: Connection refused")
        self._opened += 1
        client = Pulled(life.context if life else self._outside.copy(), Endpoint(address, port))
        server = host.server_end(port, Endpoint(source, 30_000 + self._opened % 30_000))
        wire = Wire(faults, self._faults.chance, client, server)
        tap = WireTap(wire, (who, host.name), life, self._observed)
        wire.down.on_sent = tap.server_sent
        wire.up.on_arrived = self._arriving(host.name, tap.client_sent)
        wire.down.on_arrived = self._arriving(who, lambda _octets: None)
        self.wires = [one for one in self.wires if one[0].is_open]
        self.wires.append((wire, life, host.life))
        self._trace(who, f"connected to {host.name}:{port} ({faults})")
        self._loop.call_soon(host.opened, server, port, context=server.context)
        return client

    def _observed(self, transaction: ObservedTransaction) -> None:
        self._observer(transaction)
        if transaction.code and self._faults.occurs(self._faults.rates.targeted):
            self._disrupt(transaction)

    def _disrupt(self, transaction: ObservedTransaction) -> None:
        """A final reply was sent: cause a fault at the worst time."""
        die = self.crash_of.get(transaction.client, transaction.wire.reset)
        arrival_s = transaction.wire.faults.delay_s
        match self._faults.chance.randrange(5):
            case 0:
                transaction.wire.reset()
            case 1:
                transaction.wire.down.lose_the_rest()
            case 2:
                self._loop.call_soon(
                    self.crash_of.get(transaction.server, transaction.wire.reset), context=self._outside
                )
            case 3:
                self._loop.call_later(arrival_s, die, context=self._outside)
            case _:
                self._loop.call_later(arrival_s + 0.001, die, context=self._outside)

    def _arriving(self, who: str, listener: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """A provider may crash whenever octets arrive."""

        def received(octets: bytes) -> None:
            listener(octets)
            if self._faults.occurs(self._faults.rates.crash) and who in self.crash_of:
                self._loop.call_soon(self.crash_of[who], context=self._outside)

        return received

    def cut(self, life: Life) -> None:
        """A provider has crashed: its peers see their connections reset, or never get another octet."""
        silently = self._faults.chance.random() < 0.3
        for wire, *lives in self.wires:
            if life in lives and not silently:
                wire.reset()

    @property
    def _loop(self) -> Any:
        return asyncio.get_running_loop()

    def context(self, life: Life | None) -> Context:
        """The context in which callbacks of this life, or outside any life, run."""
        return life.context if life else self._outside.copy()


class OwnNetwork:
    """`Network` as one host sees it."""

    def __init__(self, internet: Internet, who: str, address: str) -> None:
        self._internet, self._who, self._address = internet, who, address

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Pulled:
        """See `Network`."""
        return await self._internet.connect(self._who, address, port, source or self._address)
