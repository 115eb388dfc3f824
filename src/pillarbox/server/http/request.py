"""What a route is given: Starlette's request, and what is ours."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.server.http.origin import Origin
from pillarbox.world.world import World

if TYPE_CHECKING:
    from pillarbox.server.http.exchange import Exchange
    from pillarbox.server.http.service import HttpService


class HttpRequest(Request):
    """A request that may be answered.

    `base_url` and `url` can be shown to others: their host is one of ours, whatever the client has asked.
    """

    @property
    def _exchange(self) -> "Exchange":
        exchange: Exchange = self.scope["pillarbox"]
        return exchange

    @property
    def service(self) -> "HttpService":
        """What all requests of a process share."""
        return self._exchange.service

    @property
    def world(self) -> World:
        """Database, clock and all else that can fail."""
        return self._exchange.service.world

    @property
    def config(self) -> Config:
        """The configuration as of the last reload before this connection."""
        return self._exchange.service.config

    @property
    def account(self) -> Account:
        """Who has logged in; only for routes that demand it."""
        account = self._exchange.account
        assert account is not None, "the route is for everybody"
        return account

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self._exchange.origin

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client proposes to speak over a WebSocket (RFC 6455 §4.1)."""
        proposed: list[Any] = self.headers.getlist("sec-websocket-protocol")
        return tuple(name.strip() for name in ",".join(proposed).split(",") if name.strip())
