"""Admission: who may ask, and for what. A refusal comes before the body of the request is read."""

from collections.abc import Collection
from typing import Final

from msgspec import structs

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.limits import METHODS
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.http.upgrade import refusal
from pillarbox.server.http import cross_site, security_fields
from pillarbox.server.http.authentication import (
    NO_SIGN_IN,
    SESSION_ENDED,
    LoginFailed,
    Remembered,
    for_pages,
)
from pillarbox.server.http.context import HttpContext
from pillarbox.server.http.cookies import Cookie, given, removed
from pillarbox.server.http.exchange import Exchange
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.route import Access, Route
from pillarbox.server.http.routing import Found, Router

MAX_FAILED_LOGINS: Final = 5
"""Wrong passwords on one connection; then it is closed."""


class Admission:
    """The requests of one connection, and whoever they are of."""

    __slots__ = (
        "_context",
        "_failed_logins",
        "_remembered",
        "_router",
        "accounts",
        "found",
        "route",
    )

    def __init__(self, context: HttpContext, router: Router) -> None:
        self._context, self._router = context, router
        self._remembered: Remembered | None = None
        self._failed_logins = 0
        self.route: Route | None = None
        """What answers the request at work; what tells a page's visitor of a refusal as well."""
        self.found: Found | None = None
        """Where it was found."""
        self.accounts: set[AccountId] = set()
        """Whoever has logged in on this connection."""

    @property
    def login(self) -> str:
        """Of the account that is remembered; empty where there is none."""
        who = self._remembered.who if self._remembered else None
        return who.account.login if who else ""

    @property
    def logins(self) -> Collection[Login]:
        """The last login alone, which is remembered: one before it is checked again with the next request that shows
        it, and a proxy may send requests of others over the same connection."""
        who = self._remembered.who if self._remembered else None
        return ((who.account.id, who.credential),) if who else ()

    async def admit(self, exchange: Exchange, agent: str) -> None:
        """Find what answers this request, and see whether it may. Raises `Refused`."""
        head, context = exchange.head, self._context
        self.route = self.found = None
        origin = exchange.origin
        exchange.scheme, exchange.authority = await context.checked(
            "https" if origin.secure else "http", origin.authority
        )
        if head.path == b"*":
            self._options(exchange, tuple(sorted(METHODS)))
            return
        found = self._router.find(head)
        exchange.cross_origin = found.resource.is_cross_origin
        route = found.resource.route(head.method)
        if route is None:
            if head.method == "OPTIONS":
                self._options(exchange, found.resource.methods)
                return
            allow = ", ".join(found.resource.methods).encode()
            raise Refused(Problem(405, "The resource has no such method.", fields=((b"allow", allow),)))
        if route.websocket:
            _check_websocket(head)
        self.found = found
        if route.access is Access.PAGE:
            self.route = route
            await self._visit(exchange)
        elif route.access is Access.ACCOUNT:
            await self._log_in(exchange, route, agent)
        if head.body_octets != 0:
            _check_body(head, route, route.max_body_octets(context.config))
        self.route, self.found = route, found

    async def _visit(self, exchange: Exchange) -> None:
        """See who looks at a page, or sends a form; may be nobody who is known. Raises `Refused`."""
        token = exchange.shown(Cookie.SESSION)
        if exchange.head.method not in ("GET", "HEAD") and exchange.cookie_prefix is None:
            raise Refused(NO_SIGN_IN)
        cross_site.check_page(exchange.head, exchange.ours, has_cookie=bool(token))
        if token and not await self._by_session(exchange, token):
            assert exchange.cookie_prefix is not None, "there was a cookie"
            exchange.cookies[Cookie.SESSION] = removed(Cookie.SESSION, exchange.cookie_prefix)

    async def _log_in(self, exchange: Exchange, route: Route, agent: str) -> None:
        """See who asks. Raises `Refused`."""
        context, head = self._context, exchange.head
        field = head.field(b"authorization")
        if not field and (token := exchange.shown(Cookie.SESSION)):
            exchange.cross_origin = False  # no other origin reads what the cookie opens
            cross_site.check(head, exchange.ours, websocket=route.websocket)
            if not await self._by_session(exchange, token):
                assert exchange.cookie_prefix is not None, "there was a cookie"
                forget = (b"set-cookie", removed(Cookie.SESSION, exchange.cookie_prefix))
                raise Refused(structs.replace(SESSION_ENDED, fields=(*SESSION_ENDED.fields, forget)))
            return
        if route.websocket:
            _check_websocket_origin(head, exchange)
        now_s = context.world.clock.monotonic()
        try:
            exchange.who = await context.logins.check(
                field, exchange.origin, self._memory(), now_s, agent=agent
            )
        except Refused as refused:
            if isinstance(refused, LoginFailed):
                self._failed_logins += 1
                exchange.keep_alive = exchange.keep_alive and self._failed_logins < MAX_FAILED_LOGINS
            if cross_site.is_of_page(head) or exchange.shown(Cookie.SESSION):
                raise Refused(for_pages(refused.problem)) from None
            raise
        self.accounts.add(exchange.who.account.id)

    async def _by_session(self, exchange: Exchange, token: str) -> bool:
        """Let the session that this is the token of speak for the request; returns whether there is one."""
        context = self._context
        now_s = context.world.clock.monotonic()
        found = await context.logins.check_session(token, exchange.origin, self._memory(), now_s)
        if found is None:
            return False
        exchange.who, lasts_s = found
        if lasts_s and exchange.cookie_prefix is not None:
            given_anew = given(Cookie.SESSION, exchange.cookie_prefix, token, lasts_s)
            exchange.cookies[Cookie.SESSION] = given_anew
        self.accounts.add(exchange.who.account.id)
        return True

    def _memory(self) -> Remembered:
        remembered = self._remembered = self._remembered or Remembered()
        return remembered

    def _options(self, exchange: Exchange, methods: tuple[str, ...]) -> None:
        allow = ", ".join(methods).encode()
        fields = [(b"allow", allow)]
        if exchange.cross_origin:
            fields += [(b"access-control-allow-methods", allow), *security_fields.PREFLIGHT]
        exchange.whole(204, fields, b"")


def _check_websocket(head: Head) -> None:
    problem = refusal(head)
    if problem is not None:
        raise Refused(problem)


def _check_websocket_origin(head: Head, exchange: Exchange) -> None:
    # A browser shows the passwords that it keeps for us to any page that opens a WebSocket, and asks nobody (RFC 6455
    # §10.2)
    asking = head.field(b"origin").decode("ascii", "replace").lower()
    if asking and asking.partition("://")[2] != exchange.authority:
        raise Refused(Problem(403, "WebSockets are for pages of this server."))


def _check_body(head: Head, route: Route, max_octets: int) -> None:
    if head.body_octets is not None and head.body_octets > max_octets:
        raise Refused(route.too_large or Problem(413, f"The body is larger than {max_octets} octets."))
    if head.field(b"content-encoding").lower() not in (b"", b"identity"):
        fields = ((b"accept-encoding", b"identity"),)
        raise Refused(Problem(415, "The body must not be compressed.", fields=fields))
    media_type = head.field(b"content-type").partition(b";")[0].strip().lower().decode("ascii", "replace")
    if route.media_types and media_type not in route.media_types:
        accept = ", ".join(route.media_types).encode()
        raise Refused(
            route.wrong_type
            or Problem(
                415, f"The body must be {' or '.join(route.media_types)}.", fields=((b"accept", accept),)
            )
        )
