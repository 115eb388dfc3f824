"""What a route is given: Starlette's request, and what is ours."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request

from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.server.authentication import Authenticated
from pillarbox.server.http.exchange import Exchange
from pillarbox.server.http.origin import Origin
from pillarbox.world.memory import Reservation
from pillarbox.world.world import World

T = TypeVar("T")


class HttpRequest(Request):
    """A request that may be answered.

    `base_url` and `url` can be shown to others: their host is one of ours, whatever the client has asked.
    """

    @property
    def _exchange(self) -> Exchange:
        exchange: Exchange = self.scope["pillarbox"]
        return exchange

    @property
    def world(self) -> World:
        """Database, clock and all else that can fail."""
        return self._exchange.context.world

    @property
    def config(self) -> Config:
        """The configuration as of the last reload before this connection."""
        return self._exchange.context.config

    def shared(self, make: Callable[[World, Config], T]) -> T:
        """What this makes, the same for all requests of a process: `request.shared(NoteService)`."""
        return self._exchange.context.shared(make)

    def holding(self, octets: int) -> Reservation:
        """Memory for what the client is sent, until that is released. Where memory is scarce and the client slow, the
        connection is cut."""
        return self._exchange.holding(octets)

    async def give_way(self) -> None:
        """Let other connections be served; see `Connection.give_way`."""
        await self._exchange.give_way()

    @property
    def account(self) -> Account:
        """Who has logged in; only for routes that demand it."""
        return self.who.account

    @property
    def who(self) -> Authenticated:
        """The same, and by what they have logged in."""
        who = self._exchange.who
        assert who is not None, "the route is for everybody"
        return who

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self._exchange.origin

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client proposes to speak over a WebSocket (RFC 6455 §4.1)."""
        proposed: list[Any] = self.headers.getlist("sec-websocket-protocol")
        return tuple(name.strip() for name in ",".join(proposed).split(",") if name.strip())
