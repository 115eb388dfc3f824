"""What lies between: who listens where, the wires that stand, and the ears on them."""

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Protocol

from pillarbox.world.network import Endpoint, NetworkFailure
from tests.simulation.loop import Life, living
from tests.simulation.overheard import Ear, Said
from tests.simulation.weather import Weather
from tests.simulation.wire import End, Pulled, Wire

ALMOST_FOREVER_S = 3600.0
"""How long an operating system tries to connect to a host that is silent."""


class Listening(Protocol):
    """Whoever has an address."""

    name: str

    @property
    def life(self) -> Life | None:
        """The life that serves now; `None` for strangers, who have no lives."""

    def answers(self, port: int) -> bool:
        """Whether anybody listens at this port now."""

    def door(self, port: int, client: Endpoint) -> End:
        """A new server's end for somebody who connects."""

    def opened(self, end: End, port: int) -> None:
        """The connection stands: begin to serve."""


class Internet:
    """Carries everybody's connections."""

    def __init__(
        self, weather: Weather, told: Callable[[Said], None], trace: Callable[[str, str], None]
    ) -> None:
        self.wires: list[tuple[Wire, Life | None, Life | None]] = []
        """With the lives of client and server."""
        self.mortals: dict[str, Callable[[], None]] = {}
        """By name, what kills those who can die."""
        self._weather = weather
        self._told = told
        self._trace = trace
        self._hosts: dict[str, Listening] = {}
        self._outside = copy_context()
        self._opened = 0

    def settle(self, address: str, host: Listening) -> None:
        """Give a host its address."""
        self._hosts[address] = host

    async def connect(self, who: str, address: str, port: int, source: str) -> Pulled:
        """Open a connection on behalf of `who`. Raises `NetworkFailure`."""
        fate, life, host = self._weather.fate(), living(), self._hosts.get(address)
        await asyncio.sleep(0.02)
        if fate.silent:
            await asyncio.sleep(ALMOST_FOREVER_S)
        if host is None or fate.refused or fate.silent or not host.answers(port):
            raise NetworkFailure(f"{address} port {port}: Connection refused")
        self._opened += 1
        client = Pulled(life.context if life else self._outside.copy(), Endpoint(address, port))
        server = host.door(port, Endpoint(source, 30_000 + self._opened % 30_000))
        wire = Wire(fate, self._weather.chance, client, server)
        ear = Ear(wire, (who, host.name), life, self._overheard)
        wire.down.spoken = ear.server_said
        wire.up.heard = self._arriving(host.name, ear.client_said)
        wire.down.heard = self._arriving(who, lambda _octets: None)
        self.wires = [one for one in self.wires if one[0].is_open]
        self.wires.append((wire, life, host.life))
        self._trace(who, f"connected to {host.name}:{port} ({fate})")
        self._loop.call_soon(host.opened, server, port, context=server.context)
        return client

    def _overheard(self, said: Said) -> None:
        self._told(said)
        if said.code and self._weather.strikes(self._weather.climate.malice):
            self._strike(said)

    def _strike(self, said: Said) -> None:
        """A server has answered for a message; now see to it that this ends badly."""
        die = self.mortals.get(said.client, said.wire.reset)
        arrival_s = said.wire.fate.delay_s
        match self._weather.chance.randrange(5):
            case 0:
                said.wire.reset()
            case 1:
                said.wire.down.lose_the_rest()
            case 2:
                self._loop.call_soon(self.mortals.get(said.server, said.wire.reset), context=self._outside)
            case 3:
                self._loop.call_later(arrival_s, die, context=self._outside)
            case _:
                self._loop.call_later(arrival_s + 0.001, die, context=self._outside)

    def _arriving(self, who: str, listener: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """Whenever octets come to somebody, that may be the moment at which it dies."""

        def heard(octets: bytes) -> None:
            listener(octets)
            if self._weather.strikes(self._weather.climate.crash) and who in self.mortals:
                self._loop.call_soon(self.mortals[who], context=self._outside)

        return heard

    def cut(self, life: Life) -> None:
        """A provider has died: its peers find their connections reset, or hear nothing ever again."""
        silently = self._weather.chance.random() < 0.3
        for wire, *lives in self.wires:
            if life in lives and not silently:
                wire.reset()

    @property
    def _loop(self) -> Any:
        return asyncio.get_running_loop()

    def context(self, life: Life | None) -> Context:
        """Where the callbacks of this life, or of nobody's, run."""
        return life.context if life else self._outside.copy()


class OwnNetwork:
    """The door `Network` of one host."""

    def __init__(self, internet: Internet, who: str, address: str) -> None:
        self._internet, self._who, self._address = internet, who, address

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Pulled:
        """See `Network`."""
        return await self._internet.connect(self._who, address, port, source or self._address)
