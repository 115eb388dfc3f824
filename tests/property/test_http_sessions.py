"""Whatever is sent to HTTP, in whatever pieces: no session fails by a mistake of ours, and every connection ends."""

import contextlib
import random
import socket
from collections.abc import Callable

import pytest
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.server.http.event_stream import EventStream
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Answer, Route
from pillarbox.server.http.websocket import WebSocket
from tests.fuzz.harness import mutate
from tests.kit.http.server import authorization, open_http, request
from tests.kit.server import Server
from tests.unit.protocol.http.test_websocket import frame

ROUNDS = 400
WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Authorization": authorization(),
}


async def whole(request: HttpRequest) -> Response:
    return PlainTextResponse(await request.body())


async def hasty(request: HttpRequest) -> Response:
    if request.query_params.get("read"):
        async for _ in request.stream():
            break
    return StreamingResponse(iter([b"a", b"", b"b"]))


async def events(request: HttpRequest) -> Answer:
    def opened(stream: EventStream) -> Callable[[], None]:
        stream.send(b"data: x\n\n")
        return lambda: None

    return EventStream(opened)


async def echo(opened: WebSocket, content: str | bytes) -> None:
    if isinstance(content, str):
        await opened.answer([content.encode()])
    else:
        opened.send(content)


async def websocket(request: HttpRequest) -> Answer:
    return WebSocket(echo, max_message_octets=1000)


ROUTES = (
    Route(
        path="/",
        methods=("GET", "POST", "PUT"),
        handler=whole,
        access=Access.ANYONE,
        max_body_octets=lambda _: 300_000,
    ),
    Route(
        path="/hasty",
        methods=("POST",),
        handler=hasty,
        access=Access.ANYONE,
        max_body_octets=lambda _: 300_000,
    ),
    Route(path="/events", methods=("GET",), handler=events, cross_origin=True),
    Route(path="/ws", methods=("GET",), handler=websocket, websocket=True),
)
LIMITS = HttpLimits(whole_octets=1000)
LARGE = bytes(5000)
SEEDS = (
    request("GET /") * 3,
    request("POST /", {}, b"small") + request("HEAD /") + request("OPTIONS *"),
    request("PUT /", {"Expect": "100-continue", "Content-Length": "5"}) + b"hello" + request("GET /"),
    request("PUT /", {}, LARGE) + request("GET /"),
    request("POST /hasty?read=1", {}, LARGE) + request("GET /"),
    request("POST /hasty", {"Transfer-Encoding": "chunked"}) + b"5\r\nhello\r\n0\r\n\r\n" + request("GET /"),
    request("POST /", {"Transfer-Encoding": "chunked"}) + b"1388\r\n" + LARGE + b"\r\n3\r\nabc\r\n0\r\n\r\n",
    request("POST /nowhere", {}, LARGE) + request("DELETE /", {}, b"x") + request("GET /"),
    request("GET /events", {"Authorization": authorization()}) + request("GET /"),
    request("GET /ws", WEBSOCKET) + frame(1, b"hello") + frame(9, b"x") + frame(8, b"\x03\xe8"),
    request("GET /ws", {**WEBSOCKET, "Authorization": ""}) + frame(1, b"hello"),
)


def exchange(server: Server, octets: bytes, chance: random.Random) -> None:
    """Send in pieces, and read to the end."""
    with socket.create_connection(("127.0.0.1", server.ports["http"]), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # the server may have closed before it was sent all
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            at = 0
            while at < len(octets):
                to = at + chance.choice((1, 100, 5000, 100_000))
                connection.sendall(octets[at:to])
                at = to
            with contextlib.suppress(OSError):  # not connected any more
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


@pytest.mark.parametrize("seed", range(2))
def test_no_input_breaks_a_session(seed: int) -> None:
    chance = random.Random(seed)
    with open_http(*ROUTES, limits=LIMITS) as server:
        for octets in SEEDS:
            exchange(server, octets, chance)
        for _ in range(ROUNDS):
            exchange(server, mutate(chance, chance.choice(SEEDS), SEEDS), chance)
        assert not server.provider.telemetry.failures
