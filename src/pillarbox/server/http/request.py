"""What a route is given: Starlette's request, and what is ours."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request

from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.server.http import cookies
from pillarbox.server.http.cookies import Cookie
from pillarbox.server.http.exchange import Exchange
from pillarbox.server.http.origin import Origin
from pillarbox.server.login.outcome import Authenticated
from pillarbox.server.sign_in.changing import Changing
from pillarbox.server.sign_in.resetting import Resetting
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.server.sign_in.steps import Browser
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
    def browser_session(self) -> BrowserSession | None:
        """The browser session whose cookie it shows."""
        who = self._exchange.who
        return who.session if who else None

    @property
    def sessions(self) -> Sessions:
        """All of them."""
        return self._exchange.context.sessions

    @property
    def sign_in(self) -> SignIn:
        """Where people sign in."""
        return self._exchange.context.sign_in

    @property
    def changing(self) -> Changing:
        """Where people change their own password."""
        return self._exchange.context.changing

    @property
    def resetting(self) -> Resetting:
        """Where people set a password without the old one."""
        return self._exchange.context.resetting

    @property
    def may_sign_in(self) -> bool:
        """Whether nobody else can listen."""
        return self._exchange.cookie_prefix is not None

    @property
    def browser(self) -> Browser:
        """What is known of the browser."""
        agent = self._exchange.head.field(b"user-agent").decode("utf-8", "replace")
        return Browser(self.origin.address, agent, self.token(Cookie.DEVICE))

    @property
    def page_origin(self) -> str:
        """Scheme, host and port of the pages here, as a browser writes them: ours, whatever the client has asked."""
        return self._exchange.ours

    def token(self, cookie: Cookie) -> str:
        """The token that a cookie shows; empty where there is none."""
        return self._exchange.shown(cookie)

    def give(self, cookie: Cookie, token: str, lasts_s: int) -> None:
        """Have the response set a cookie, which the browser keeps for so many seconds; only where one may sign in."""
        prefix = self._exchange.cookie_prefix
        assert prefix is not None, "nobody can sign in here"
        self._exchange.cookies[cookie] = cookies.given(cookie, prefix, token, lasts_s)

    def take_back(self, cookie: Cookie) -> None:
        """Have the response remove a cookie."""
        if self._exchange.cookie_prefix is not None:
            self._exchange.cookies[cookie] = cookies.removed(cookie, self._exchange.cookie_prefix)

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return self._exchange.origin

    @property
    def subprotocols(self) -> tuple[str, ...]:
        """What the client proposes to speak over a WebSocket (RFC 6455 §4.1)."""
        proposed: list[Any] = self.headers.getlist("sec-websocket-protocol")
        return tuple(name.strip() for name in ",".join(proposed).split(",") if name.strip())
