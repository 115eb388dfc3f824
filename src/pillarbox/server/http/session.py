"""One HTTP connection: requests one after another, each answered before the next is read.

A request without a body, or with a small one, is handled where it has arrived. A large body is handed over while it
arrives, to a handler that has a task of its own. What has no end (server-sent events, a WebSocket) is begun, and
then the connection rests: it is no work that a drain waits for.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct, structs

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.http.events import Body, Head, HttpEvent, Malformed, Reading, Skipped
from pillarbox.protocol.http.limits import METHODS
from pillarbox.protocol.http.machine import HttpMachine
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.http.responses import CONTINUE
from pillarbox.protocol.http.upgrade import WebSocketEvent, acceptance, refusal
from pillarbox.server import damage
from pillarbox.server.connection import Activity, Connection, ConnectionGone
from pillarbox.server.http import cross_site, refusals, security_fields
from pillarbox.server.http.authentication import (
    NO_SIGN_IN,
    SESSION_ENDED,
    LoginFailed,
    Remembered,
    for_pages,
)
from pillarbox.server.http.context import HttpContext
from pillarbox.server.http.cookies import Cookie, given, removed
from pillarbox.server.http.event_stream import FIELDS, EventStream
from pillarbox.server.http.exchange import Exchange
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from pillarbox.server.http.routing import Found, Router
from pillarbox.server.http.upload import Upload
from pillarbox.server.http.websocket import WebSocket
from pillarbox.world.blobs import BlobDamaged

REQUEST_S: Final = 30.0
"""How long a client may be silent before its first request, or within one. Each 4 KiB count as a sign of life."""
KEEP_ALIVE_S: Final = 75.0
"""How long it may be silent between two requests."""
STREAM_S: Final = 24 * 3600.0
"""How long a stream of events lasts at most; its client says nothing, and comes again."""
ABANDONED_S: Final = 5.0
"""How long a handler may go on that reads a body whose client is gone."""
MAX_SKIPPED_OCTETS: Final = 1024 * 1024
"""Of a body that nobody wants, this much is read, so that the client sees why; then the connection is closed."""
MAX_FAILED_LOGINS: Final = 5
"""Wrong passwords on one connection; then it is closed."""
MAX_NOTED: Final = 120
"""Characters kept of what the client has said, for `pillarbox who`."""


class UploadEnded(Struct, frozen=True, gc=False):
    """The handler of a large body has ended (posted by us)."""


class HttpSession:
    """One client's connection (a `server.connection.Session`)."""

    __slots__ = (
        "_accounts",
        "_agent",
        "_asked",
        "_connection",
        "_context",
        "_endless",
        "_exchange",
        "_failed_logins",
        "_found",
        "_remembered",
        "_route",
        "_router",
        "_task",
        "machine",
    )

    def __init__(self, context: HttpContext, router: Router, connection: Connection) -> None:
        self.machine = HttpMachine(context.limits)
        self._context, self._router = context, router
        self._connection = connection
        self._exchange: Exchange | None = None
        """The request at work, or whose body is being read."""
        self._route: Route | None = None
        self._found: Found | None = None
        self._task: asyncio.Task[None] | None = None
        self._endless: EventStream | WebSocket | None = None
        self._accounts: set[AccountId] = set()
        self._remembered: Remembered | None = None
        self._failed_logins = 0
        self._asked = self._agent = ""

    async def opened(self) -> None:
        """The client speaks first."""
        self._connection.set_deadline(REQUEST_S)

    async def handle(self, event: HttpEvent | WebSocketEvent | UploadEnded) -> None:
        """Answer a request, or take more of its body."""
        if type(event) is Head:
            await self._begin(event)
        elif type(event) is Body:
            await self._take(event)
        elif type(event) is Skipped:
            await self._skipped(event)
        elif type(event) is Malformed:
            await self._malformed(event)
        elif type(event) is UploadEnded:
            await self._upload_ended()
        elif type(event) is not Reading:
            assert isinstance(self._endless, WebSocket), "only a WebSocket has other events"
            await self._endless.handle(event)  # type: ignore[arg-type]

    # --- a request begins

    async def _begin(self, head: Head) -> None:
        connection = self._connection
        self._asked = f"{head.method} {head.path[:MAX_NOTED].decode('ascii')}"
        self._agent = head.field(b"user-agent")[:MAX_NOTED].decode("utf-8", "replace")
        try:
            exchange = self._exchange = Exchange(self._context, connection, head, self._origin(head))
        except Refused as refused:
            # Who cannot be told apart from others is not to be answered any more
            await self._malformed(Malformed(refused.problem.status, refused.problem.detail))
            return
        try:
            await self._admit(exchange)
        except ConnectionGone:
            raise
        except Exception as failure:
            problem = refusals.problem_of(await self._explained(failure))
            if problem is None:
                raise
            await self._refuse(exchange, problem)
            return
        if self._route is None:
            self._leave_body(exchange)  # answered already
        elif head.body_octets == 0:
            await self._run(exchange)
        else:
            self.machine.accept_body(self._route.max_body_octets(self._context.config))
            if head.expects_continue and not self.machine.buffered:
                connection.write(CONTINUE)
            connection.set_deadline(REQUEST_S)

    def _origin(self, head: Head) -> Any:
        return self._context.proxies.origin(head, self._connection)

    async def _admit(self, exchange: Exchange) -> None:
        """Find what answers this request, and see whether it may. Raises `Refused`."""
        head, context = exchange.head, self._context
        self._route = self._found = None
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
        self._found = found
        if route.access is Access.PAGE:
            self._route = route
            await self._visit(exchange)
        elif route.access is Access.ACCOUNT:
            await self._log_in(exchange, route)
        if head.body_octets != 0:
            _check_body(head, route, route.max_body_octets(context.config))
        self._route, self._found = route, found

    async def _visit(self, exchange: Exchange) -> None:
        """See who looks at a page, or sends a form; may be nobody who is known. Raises `Refused`."""
        token = exchange.shown(Cookie.SESSION)
        if exchange.head.method not in ("GET", "HEAD") and exchange.cookie_prefix is None:
            raise Refused(NO_SIGN_IN)
        cross_site.check_page(exchange.head, exchange.ours, has_cookie=bool(token))
        if token and not await self._by_session(exchange, token):
            assert exchange.cookie_prefix is not None, "there was a cookie"
            exchange.cookies[Cookie.SESSION] = removed(Cookie.SESSION, exchange.cookie_prefix)

    async def _log_in(self, exchange: Exchange, route: Route) -> None:
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
                field, exchange.origin, self._memory(), now_s, agent=self._agent
            )
        except Refused as refused:
            if isinstance(refused, LoginFailed):
                self._failed_logins += 1
                exchange.keep_alive = exchange.keep_alive and self._failed_logins < MAX_FAILED_LOGINS
            if cross_site.is_of_page(head) or exchange.shown(Cookie.SESSION):
                raise Refused(for_pages(refused.problem)) from None
            raise
        self._accounts.add(exchange.who.account.id)

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
        self._accounts.add(exchange.who.account.id)
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

    # --- a request is answered

    async def _run(self, exchange: Exchange) -> None:
        """Call the handler, and send what it returns."""
        route, found = self._route, self._found
        assert route is not None, "the request was admitted"
        assert found is not None, "the request was admitted"
        scope = exchange.scope(found.path, found.parameters)
        try:
            answer = await route.handler(HttpRequest(scope, exchange.receive, exchange.send))
            if isinstance(answer, EventStream | WebSocket):
                self._begin_endless(exchange, answer)
                return
            await answer(scope, exchange.receive, exchange.send)
        except Exception as failure:
            if refusals.is_disconnect(failure):
                raise ConnectionGone from failure
            explained = await self._explained(failure)
            problem = None if exchange.started else refusals.problem_of(explained)
            if isinstance(explained, BlobDamaged):
                damage.report(self._context.world, explained, account=self._login)
            if problem is None:
                raise
            exchange.refuse(problem)
        if self._task is None:
            self._after(exchange)

    async def _explained(self, failure: Exception) -> Exception:
        if refusals.problem_of(failure) is not None:
            return failure
        who = self._exchange.who if self._exchange else None
        return await damage.explained(self._context.world, failure, who.account.id if who else None)

    def _begin_endless(self, exchange: Exchange, endless: EventStream | WebSocket) -> None:
        connection, context = self._connection, self._context
        if isinstance(endless, WebSocket):
            exchange.switch(acceptance(exchange.head, endless.subprotocol))
            self._endless = endless
            self.machine.switch(endless.begin(connection, context.alarms))
        elif exchange.head.method == "HEAD":
            exchange.whole(200, FIELDS, b"")
            self._after(exchange)
            return
        else:
            chunked = exchange.begin_stream(FIELDS)
            self._endless = endless
            self.machine.hold()
            connection.set_deadline(STREAM_S)
            endless.begin(connection, context.alarms, chunked=chunked)
        self._exchange = self._route = self._found = None

    def _after(self, exchange: Exchange) -> None:
        """The response is sent: wait for the next request, or close."""
        self._exchange = self._route = self._found = None
        if not exchange.keep_alive:
            self._connection.close()
        else:
            self._connection.set_deadline(KEEP_ALIVE_S)

    # --- bodies

    async def _take(self, body: Body) -> None:
        exchange = self._exchange
        assert exchange is not None, "a body belongs to a request"
        if exchange.upload is None:
            if body.last:
                exchange.give_body(body.octets)
                await self._run(exchange)
                return
            self._begin_upload(exchange)
        upload = exchange.upload
        assert upload is not None, "a large body was begun"
        monotonic = self._context.world.clock.monotonic
        if not upload.arrived(len(body.octets), monotonic()):
            await self._malformed(Malformed(408, "The body comes too slowly."))
            return
        await upload.put(body.octets, last=body.last)
        upload.wait_from(monotonic())
        if body.last:
            await self._upload_ended(wait=True)

    def _begin_upload(self, exchange: Exchange) -> None:
        exchange.upload = Upload(self._context.world.clock.monotonic())
        task = self._task = asyncio.get_running_loop().create_task(self._run(exchange))
        task.add_done_callback(self._stop_upload)

    def _stop_upload(self, task: "asyncio.Task[None]") -> None:
        # Not before the end of the body, in most cases; then it is noticed there
        if not task.cancelled():
            task.exception()  # raised where it is waited for
        if task is self._task and self._exchange is not None and self._exchange.upload is not None:
            self._exchange.upload.stop()
            self._connection.post(UploadEnded())

    async def _upload_ended(self, *, wait: bool = False) -> None:
        """The handler of a large body is done, or (`wait`) all of the body was handed over."""
        task, exchange = self._task, self._exchange
        if task is None or exchange is None or not (wait or task.done()):
            return
        await asyncio.wait([task])
        self._task = None
        task.result()
        if self.machine.in_body:
            # It has answered before it had read all
            self._skip(exchange)
        else:
            self._after(exchange)

    async def _refuse(self, exchange: Exchange, problem: Problem) -> None:
        """Answer with an error before the body of the request was read."""
        head = exchange.head
        large = head.body_octets is not None and head.body_octets > MAX_SKIPPED_OCTETS
        if large or head.expects_continue:
            # RFC 9110 §10.1.1: the body may come all the same, or not
            exchange.keep_alive = False
        route, found = self._route, self._found
        if route is not None and found is not None and route.refused is not None and not exchange.started:
            scope = exchange.scope(found.path, found.parameters)
            page = await route.refused(HttpRequest(scope, exchange.receive, exchange.send), problem)
            exchange.whole(page.status_code, page.raw_headers, bytes(page.body))
        else:
            exchange.refuse(problem)
        self._leave_body(exchange)

    def _leave_body(self, exchange: Exchange) -> None:
        """The request is answered, and its body not wanted."""
        if exchange.head.body_octets == 0 or exchange.head.expects_continue:
            exchange.keep_alive = exchange.keep_alive and exchange.head.body_octets == 0
            self._after(exchange)
        else:
            self._skip(exchange)

    def _skip(self, exchange: Exchange) -> None:
        self.machine.skip_body(MAX_SKIPPED_OCTETS)
        self._connection.set_deadline(REQUEST_S if exchange.keep_alive else REQUEST_S / 4)

    async def _skipped(self, event: Skipped) -> None:
        exchange = self._exchange
        assert exchange is not None, "a body belongs to a request"
        if not event.whole:
            exchange.keep_alive = False
        self._after(exchange)

    async def _malformed(self, event: Malformed) -> None:
        """The connection is of no more use."""
        exchange, problem = self._exchange, Problem(event.status, event.detail)
        self.machine.end()
        if isinstance(self._endless, EventStream):
            self._connection.close()
            return
        if exchange is not None and exchange.upload is not None:
            exchange.upload.abandon()
        if exchange is None or not exchange.started:
            self._connection.write(self._context.closing(problem))
            if exchange is not None:
                exchange.started = exchange.finished = True
        self._connection.close()

    # --- how it ends

    @property
    def _login(self) -> str:
        who = self._remembered.who if self._remembered else None
        return who.account.login if who else ""

    @property
    def accounts(self) -> Collection[AccountId]:
        """Whoever has logged in on this connection."""
        return self._accounts

    @property
    def logins(self) -> Collection[Login]:
        """The last login alone, which is remembered: one before it is checked again with the next request that shows
        it, and a proxy may send requests of others over the same connection."""
        who = self._remembered.who if self._remembered else None
        return ((who.account.id, who.credential),) if who else ()

    def timed_out(self) -> bytes:
        """RFC 9110 §15.5.9, where a request was begun; nothing between two."""
        if self._endless is not None:
            return self._endless.last_octets()
        return self._closing(refusals.TIMED_OUT) if self.machine.in_request else b""

    def scarce(self) -> bytes:
        """A request was begun that takes too much memory."""
        return self.ending() if self._endless is not None else self._closing(refusals.SCARCE)

    def failed(self) -> bytes:
        """Our mistake."""
        return b"" if self._endless is not None else self._closing(refusals.INTERNAL)

    def _closing(self, problem: Problem) -> bytes:
        """An error after which the connection is closed; nothing, where a response has begun."""
        started = self._exchange is not None and self._exchange.started
        return b"" if started else self._context.closing(problem)

    def ending(self) -> bytes:
        """The server goes away. A request that was answered is all that a client of HTTP expects."""
        return self._endless.last_octets() if self._endless is not None else b""

    def revoked(self) -> bytes:
        """An account that has logged in here was disabled or removed, or a password changed or revoked."""
        return self.ending()

    def kicked(self) -> bytes:
        """An operator ends the connection."""
        return self.ending()

    def activity(self) -> Activity:
        """What the connection is doing."""
        if isinstance(self._endless, WebSocket):
            state = "websocket"
        elif self._endless is not None:
            state = "event stream"
        else:
            state = "request" if self._exchange is not None else "idle"
        return Activity(login=self._login, state=state, command=self._asked, client=self._agent)

    def closed(self) -> None:
        """Whoever still works for this connection learns that it is gone."""
        endless, self._endless = self._endless, None
        if endless is not None:
            endless.closed()
        if self._exchange is not None and self._exchange.upload is not None:
            self._exchange.upload.abandon()
        if self._task is not None:
            self._context.world.clock.call_later(ABANDONED_S, self._task.cancel)


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
