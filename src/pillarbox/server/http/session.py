"""One HTTP connection: requests one after another, each answered before the next is read.

A request without a body, or with a small one, is handled where it has arrived. A large body is handed over while it
arrives, to a handler that has a task of its own. What has no end (server-sent events, a WebSocket) is begun, and
then the connection rests: it is no work that a drain waits for. Who may ask is decided in `admission`.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.http.events import Body, Head, HttpEvent, Malformed, Reading, Skipped
from pillarbox.protocol.http.machine import HttpMachine
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.http.responses import CONTINUE
from pillarbox.protocol.http.upgrade import WebSocketEvent, acceptance
from pillarbox.server import damage
from pillarbox.server.connection import Activity, Connection, ConnectionGone
from pillarbox.server.http import refusals
from pillarbox.server.http.admission import Admission
from pillarbox.server.http.context import HttpContext
from pillarbox.server.http.event_stream import FIELDS, EventStream
from pillarbox.server.http.exchange import Exchange
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.routing import Router
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
MAX_NOTED: Final = 120
"""Characters kept of what the client has said, for `pillarbox who`."""


class UploadEnded(Struct, frozen=True, gc=False):
    """The handler of a large body has ended (posted by us)."""


class HttpSession:
    """One client's connection (a `server.connection.Session`)."""

    __slots__ = (
        "_admission",
        "_agent",
        "_asked",
        "_connection",
        "_context",
        "_endless",
        "_exchange",
        "_task",
        "machine",
    )

    def __init__(self, context: HttpContext, router: Router, connection: Connection) -> None:
        self.machine = HttpMachine(context.limits)
        self._context, self._connection = context, connection
        self._admission = Admission(context, router)
        self._exchange: Exchange | None = None
        """The request at work, or whose body is being read."""
        self._task: asyncio.Task[None] | None = None
        self._endless: EventStream | WebSocket | None = None
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
        connection, admission = self._connection, self._admission
        self._asked = f"{head.method} {head.path[:MAX_NOTED].decode('ascii')}"
        self._agent = head.field(b"user-agent")[:MAX_NOTED].decode("utf-8", "replace")
        try:
            exchange = self._exchange = Exchange(self._context, connection, head, self._origin(head))
        except Refused as refused:
            # Who cannot be told apart from others is not to be answered any more
            await self._malformed(Malformed(refused.problem.status, refused.problem.detail))
            return
        try:
            await admission.admit(exchange, self._agent)
        except ConnectionGone:
            raise
        except Exception as failure:
            problem = refusals.problem_of(await self._explained(failure))
            if problem is None:
                raise
            await self._refuse(exchange, problem)
            return
        if admission.route is None:
            self._leave_body(exchange)  # answered already
        elif head.body_octets == 0:
            await self._run(exchange)
        else:
            self.machine.accept_body(admission.route.max_body_octets(self._context.config))
            if head.expects_continue and not self.machine.buffered:
                connection.write(CONTINUE)
            connection.set_deadline(REQUEST_S)

    def _origin(self, head: Head) -> Any:
        return self._context.proxies.origin(head, self._connection)

    # --- a request is answered

    async def _run(self, exchange: Exchange) -> None:
        """Call the handler, and send what it returns."""
        route, found = self._admission.route, self._admission.found
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
                damage.report(self._context.world, explained, account=self._admission.login)
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
        self._exchange = None

    def _after(self, exchange: Exchange) -> None:
        """The response is sent: wait for the next request, or close."""
        self._exchange = None
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
        route, found = self._admission.route, self._admission.found
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
    def accounts(self) -> Collection[AccountId]:
        """Whoever has logged in on this connection."""
        return self._admission.accounts

    @property
    def logins(self) -> Collection[Login]:
        """The last login alone (see `Admission`)."""
        return self._admission.logins

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
        return Activity(login=self._admission.login, state=state, command=self._asked, client=self._agent)

    def closed(self) -> None:
        """Whoever still works for this connection learns that it is gone."""
        endless, self._endless = self._endless, None
        if endless is not None:
            endless.closed()
        if self._exchange is not None and self._exchange.upload is not None:
            self._exchange.upload.abandon()
        if self._task is not None:
            self._context.world.clock.call_later(ABANDONED_S, self._task.cancel)
