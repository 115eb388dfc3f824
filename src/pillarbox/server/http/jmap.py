"""JMAP over HTTP: the session, requests, events and the WebSocket (RFC 8620 §2, §3.1, §7.3; RFC 8887)."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Final, cast
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from pillarbox.config.schema import Config
from pillarbox.mail import object_id
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.jmap import problems, push, websocket
from pillarbox.protocol.jmap.addresses import SESSION_PATH
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.server.http.event_stream import MIN_PING_S, EventStream, event
from pillarbox.server.http.refusals import Refused, of_jmap
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.websocket import WebSocket
from pillarbox.server.jmap.context import GiveWay
from pillarbox.server.jmap.service import Answer, JmapService
from pillarbox.server.jmap.watching import Watch, Watches
from pillarbox.world.world import World

MAX_PING_S: Final = 3600
_KEEP_ALIVE_S: Final = 300.0
AT_ONCE_OCTETS: Final = 256 * 1024
"""Of a response that are written together."""


def max_request_octets(_: Config) -> int:
    """Of a request; the service refuses what is beyond in its own words (RFC 8620 §3.6.1)."""
    return DEFAULT_LIMITS.max_size_request + 1


TOO_LARGE: Final = of_jmap(problems.request_too_large(DEFAULT_LIMITS.max_size_request))
NO_JSON: Final = of_jmap(problems.not_json("The content type must be application/json."))


def _base_url(request: HttpRequest) -> str:
    return str(request.base_url).rstrip("/")


async def well_known(_: HttpRequest) -> Response:
    """`/.well-known/jmap` (RFC 8620 §2.2)."""
    return RedirectResponse(SESSION_PATH, 307)


async def session(request: HttpRequest) -> Response:
    """The session (RFC 8620 §2)."""
    service = request.shared(JmapService)
    read_only = request.who.is_read_only
    found = await service.session(request.account, _base_url(request), read_only=read_only)
    return Response(
        found.octets, media_type="application/json", headers={"Cache-Control": "no-cache, no-store"}
    )


async def api(request: HttpRequest) -> Response:
    """A request (RFC 8620 §3.1)."""
    service, octets = request.shared(JmapService), await request.body()
    answer = await service.call(
        request.account,
        octets,
        _base_url(request),
        credential=request.who.credential,
        read_only=request.who.is_read_only,
        client_address=request.origin.address,
        give_way=request.give_way,
    )
    size = answer.size
    if size <= AT_ONCE_OCTETS:
        return Response(answer.octets, answer.status, media_type=answer.media_type)
    fields = {"Content-Length": str(size)}
    return LongAnswer(request, answer, fields)


class LongAnswer(StreamingResponse):
    """An answer that is sent as fast as its client reads, and held until then."""

    def __init__(self, request: HttpRequest, answer: Answer, fields: Mapping[str, str]) -> None:
        super().__init__(parts(answer, request.give_way), answer.status, fields, answer.media_type)
        self._hold = partial(request.holding, answer.size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        with self._hold():
            await super().__call__(scope, receive, send)


async def parts(answer: Answer, give_way: GiveWay) -> AsyncIterator[bytes]:
    """An answer as it is written: what is written together is copied, and encrypted, before others are served."""
    for piece in answer.pieces:
        for at in range(0, len(piece), AT_ONCE_OCTETS):
            yield piece[at : at + AT_ONCE_OCTETS]
            await give_way()


# --- events


def _watches(world: World, _: Config) -> Watches:
    return Watches(world)


async def event_source(request: HttpRequest) -> EventStream:
    """Events (RFC 8620 §7.3)."""
    asked = _arguments(request)
    types = push.types_of(asked["types"].split(","))
    ping_s = asked["ping"]
    if asked["closeafter"] not in ("state", "no") or not (ping_s.isascii() and ping_s.isdigit()):
        raise Refused(
            Problem(400, "The address needs 'types', 'closeafter' (state or no) and 'ping' (seconds).")
        )
    interval_s = min(max(int(ping_s[:9]), int(MIN_PING_S)), MAX_PING_S) if int(ping_s[:9]) else 0
    closes = asked["closeafter"] == "state"
    watches, account = request.shared(_watches), request.account.id
    told = request.headers.get("last-event-id", "")

    def opened(stream: EventStream) -> Callable[[], None]:
        def tell(changed: Mapping[str, str], push_state: str) -> None:
            told = push.json(push.state_change(object_id.of_account(account), changed))
            stream.send(event(told, name="state", identifier=push_state))
            if closes:
                stream.end()

        return watches.watch(account, types, told, tell).end

    if not interval_s:
        return EventStream(opened, ping_s=_KEEP_ALIVE_S)
    ping = event(push.json({"interval": interval_s}), name="ping")
    return EventStream(opened, ping=ping, ping_s=interval_s)


def _arguments(request: HttpRequest) -> dict[str, str]:
    found = parse_qs(request.url.query, keep_blank_values=True)  # as many as a target has room for
    asked = {name: found.get(name, [""])[-1] for name in ("types", "closeafter", "ping")}
    if not asked["types"]:
        raise Refused(Problem(400, "The address needs 'types'."))
    return asked


# --- WebSocket


async def socket(request: HttpRequest) -> WebSocket:
    """Requests and notifications over a WebSocket (RFC 8887)."""
    if websocket.SUBPROTOCOL not in request.subprotocols:
        raise Refused(Problem(400, "The subprotocol is 'jmap'."))
    return JmapSocket(request).websocket


class JmapSocket:
    """One WebSocket."""

    def __init__(self, request: HttpRequest) -> None:
        self._service = request.shared(JmapService)
        self._account = request.account
        self._credential, self._read_only = request.who.credential, request.who.is_read_only
        self._watches = request.shared(_watches)
        self._base_url = _base_url(request)
        self._client_address = request.origin.address
        self._memory = request.world.memory.accounts.buffers
        self._watch: Watch | None = None
        self.websocket = WebSocket(
            self._received,
            max_message_octets=max_request_octets(request.config),
            subprotocol=websocket.SUBPROTOCOL,
            opened=self._opened,
        )

    def _opened(self, _: WebSocket) -> Callable[[], None]:
        return self._watch_nothing

    def _watch_nothing(self) -> None:
        if self._watch is not None:
            self._watch.end()
            self._watch = None

    async def _received(self, websocket_: WebSocket, content: str | bytes) -> None:
        if not isinstance(content, str):
            websocket_.end(_UNSUPPORTED)
            return
        octets = content.encode()
        match await self._read(octets, websocket_.give_way):
            case websocket.SocketRequest(request_id):
                answer = await self._service.call(
                    self._account,
                    octets,
                    self._base_url,
                    credential=self._credential,
                    read_only=self._read_only,
                    client_address=self._client_address,
                    give_way=websocket_.give_way,
                )
                kind = "Response" if answer.status == 200 else "RequestError"
                first, *others = answer.pieces
                with self._memory.hold(answer.size if others else 0, websocket_.abort):
                    await websocket_.answer([websocket.with_type(first, kind, request_id), *others])
            case websocket.PushEnable(types, push_state):
                self._watch_nothing()
                wanted = None if types is None else push.types_of(types)
                self._watch = self._watches.watch(self._account.id, wanted, push_state, self._tell)
            case websocket.PushDisable():
                self._watch_nothing()
            case problems.Problem() as problem:
                await websocket_.answer(
                    [websocket.with_type(problem.octets(), "RequestError", None, always=True)]
                )

    async def _read(self, octets: bytes, give_way: GiveWay) -> websocket.SocketMessage | problems.Problem:
        steps = websocket.reading(octets, self._service.limits)
        while True:
            try:
                next(steps)
            except StopIteration as read:
                return cast("websocket.SocketMessage | problems.Problem", read.value)
            await give_way()

    def _tell(self, changed: Mapping[str, str], push_state: str) -> None:
        told = push.state_change(object_id.of_account(self._account.id), changed, push_state)
        self.websocket.send(push.json(told))


_UNSUPPORTED: Final = 1003
"""RFC 6455 §7.4.1: a message of octets."""
