"""HTTP as every other door: logins, proxies, streams and WebSockets, revocation, drain, deadlines, certificates."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from pillarbox.directory import accounts
from pillarbox.directory.sign_in import app_passwords, credential_marks
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.http import authentication, event_stream
from pillarbox.server.http.event_stream import EventStream, event
from pillarbox.server.http.outlet import MAX_UNREAD_OCTETS, Outlet
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Answer, Route
from pillarbox.server.http.websocket import FRAGMENT_OCTETS, WebSocket
from pillarbox.server.login.history import LOGINS
from tests.kit.http.server import HttpClient, authorization, open_http
from tests.kit.pump import until
from tests.kit.second_factor import add_factor
from tests.kit.server import Server
from tests.unit.protocol.http.test_websocket import frame

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
MAX_MESSAGE_OCTETS = 100_000


async def mine(request: HttpRequest) -> Response:
    return JSONResponse(
        {"login": request.account.login, "client": request.origin.address, "url": str(request.url)}
    )


async def slow(request: HttpRequest) -> Response:
    await asyncio.sleep(0.3)
    return PlainTextResponse("done")


async def upload(request: HttpRequest) -> Response:
    return PlainTextResponse(str(len(await request.body())))


class Subscribers:
    """What has subscribed, and is gone."""

    def __init__(self) -> None:
        self.streams: list[EventStream] = []
        self.sockets: list[WebSocket] = []
        self.gone = 0

    def stream(self, stream: EventStream) -> Callable[[], None]:
        self.streams.append(stream)
        stream.send(event("hello\nworld", name="state", identifier="1"))
        return self._leave

    def socket(self, opened: WebSocket) -> Callable[[], None]:
        self.sockets.append(opened)
        return self._leave

    def _leave(self) -> None:
        self.gone += 1


LONG = ("\N{SNOWMAN}" * 50_000).encode()
"""More than one fragment has, with a character in two of them."""


async def _echo(opened: WebSocket, content: str | bytes) -> None:
    await opened.give_way()
    if content == "slow":
        await asyncio.sleep(0.3)
    if isinstance(content, bytes):
        opened.send(content)
    elif content == "long":
        await opened.answer([LONG[:10], LONG[10:]])
    else:
        await opened.answer([content.encode()])


def routes(subscribers: Subscribers) -> tuple[Route, ...]:
    async def events(request: HttpRequest) -> Answer:
        return EventStream(subscribers.stream)

    async def websocket(request: HttpRequest) -> Answer:
        chosen = "jmap" if "jmap" in request.subprotocols else ""
        return WebSocket(
            _echo, max_message_octets=MAX_MESSAGE_OCTETS, subprotocol=chosen, opened=subscribers.socket
        )

    return (
        Route(path="/mine", methods=("GET",), handler=mine),
        Route(
            path="/slow",
            methods=("GET", "POST"),
            handler=slow,
            access=Access.ANYONE,
            max_body_octets=lambda _: 10,
        ),
        Route(path="/upload", methods=("POST",), handler=upload, max_body_octets=lambda _: 1_000_000),
        Route(path="/events", methods=("GET",), handler=events),
        Route(path="/ws", methods=("GET",), handler=websocket, websocket=True),
    )


@pytest.fixture
def subscribers() -> Subscribers:
    return Subscribers()


@pytest.fixture
def server(subscribers: Subscribers) -> Any:
    with open_http(*routes(subscribers)) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Any:
    with HttpClient(server) as opened:
        yield opened


def logins(server: Server, result: str) -> float:
    return server.provider.world.shared.metrics.value(LOGINS, "jmap", result)


def disable(server: Server, person: int = 0) -> None:
    """Disable an account, and end its sessions."""
    world, account = server.provider.world, server.provider.accounts[person]
    server.run(world.database.write(accounts.set_enabled, account, enabled=False))
    end_withdrawn(server)


def end_withdrawn(server: Server) -> None:
    """End the sessions whose logins are no longer good, as the app does it."""
    for listener in server.listeners.values():
        gone = server.run(server.provider.world.database.read(credential_marks.withdrawn, listener.logins()))
        server.call(lambda listener=listener, gone=gone: listener.revoke(gone))  # type: ignore[misc]


def app_password(server: Server, scope: Scope) -> str:
    """A new one of the first person."""
    return server.run(server.provider.app_password(0, scope))


# --- logins


@pytest.mark.rfc("7617 §2", "MUST")
def test_a_login_is_asked_for(client: HttpClient) -> None:
    got = client.ask("GET /mine")
    challenges = [value for name, value in got.fields if name == "www-authenticate"]
    assert got.status == 401
    assert challenges == ['Basic realm="Pillarbox", charset="UTF-8"', 'Bearer realm="Pillarbox"']
    assert (
        json.loads(client.ask("GET /mine", {"Authorization": authorization()}).body)["login"]
        == "u0@one.example"
    )


@pytest.mark.parametrize("field", ["Basic", "Basic !", "Bearer ä", "Digest x", "Basic YQ=="])
def test_what_is_no_login_is_no_attempt(server: Server, client: HttpClient, field: str) -> None:
    assert client.ask("GET /mine", {"Authorization": field}).status == 401
    assert logins(server, "failed") == 0


@pytest.mark.rfc("6750 §3.1", "SHOULD")
def test_an_app_password_is_a_token(server: Server, client: HttpClient) -> None:
    got = client.ask("GET /mine", {"Authorization": "Bearer " + app_password(server, Scope.JMAP)})
    assert json.loads(got.body)["login"] == "u0@one.example"
    for wrong, status, error in (
        (app_password(server, Scope.IMAP), 403, "insufficient_scope"),
        ("abcd", 401, "invalid_token"),
    ):
        got = client.ask("GET /mine", {"Authorization": f"Bearer {wrong}"})
        challenge = f'Bearer realm="Pillarbox", error="{error}"'
        assert (got.status, got["www-authenticate"]) == (status, challenge)
    assert logins(server, "failed") == 2


def test_wrong_passwords_are_counted_and_end_the_connection(server: Server, client: HttpClient) -> None:
    for number in range(5):
        got = client.ask("GET /mine", {"Authorization": authorization(0, f"wrong {number % 2}")})
        assert got.problem["detail"] == "Authentication failed."
    assert got["connection"] == "close"
    assert client.rest() == b""
    assert logins(server, "failed") == 5


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_app_passwords_for_other_services_are_counted_likewise(
    server: Server, client: HttpClient, scheme: str
) -> None:
    password = app_password(server, Scope.IMAP)
    field = authorization(0, password) if scheme == "Basic" else f"Bearer {password}"
    page = {"Authorization": field, "Sec-Fetch-Mode": "cors"}
    got = client.ask("GET /mine", page)
    assert got.problem["detail"] == "Authentication failed: this app password is not for JMAP."
    asked = [value for name, value in got.fields if name == "www-authenticate"]
    assert [value.partition(" ")[0] for value in asked] == ["Bearer"], "a page is not asked for a password"
    for _ in range(4):
        got = client.ask("GET /mine", {"Authorization": field})
    assert got["connection"] == "close"
    assert client.rest() == b""
    assert logins(server, "failed") == 5


def test_a_connection_logs_in_once(server: Server, client: HttpClient) -> None:
    for _ in range(3):
        assert client.ask("GET /mine", {"Authorization": authorization()}).status == 200
    assert logins(server, "succeeded") == 1
    assert client.ask("GET /mine", {"Authorization": authorization(1)}).status == 200
    assert client.ask("GET /mine", {"Authorization": authorization(0, "wrong")}).status == 401
    assert (logins(server, "succeeded"), logins(server, "failed")) == (2, 1)
    (login,) = server.call(server.listeners["http"].logins)
    assert login[0] == server.provider.accounts[1]


def test_a_login_is_remembered_for_a_minute() -> None:
    remembered = authentication.Remembered()
    account: Any = object()
    remembered.keep(account, b"digest", 100.0)
    assert remembered.of(b"digest", 100.0 + authentication.REMEMBERED_S - 1) is account
    assert remembered.of(b"another", 101.0) is None
    assert remembered.of(b"digest", 100.0 + authentication.REMEMBERED_S) is None


def test_no_password_is_taken_without_tls(subscribers: Subscribers) -> None:
    with open_http(*routes(subscribers), plain_allowed=False) as server:
        with HttpClient(server) as client:
            got = client.ask("GET /mine", {"Authorization": authorization()})
            assert got.status == 403
            assert client.ask("GET /mine").status == 403
            assert logins(server, "succeeded") == 0
        with HttpClient(server, tls=True) as client:
            assert client.ask("GET /mine", {"Authorization": authorization()}).status == 200


@pytest.mark.parametrize("field", ["", authorization(0, "wrong")])
def test_no_browser_opens_its_own_dialog_over_a_page(client: HttpClient, field: str) -> None:
    got = client.ask("GET /mine", {"Sec-Fetch-Mode": "cors", "Authorization": field})
    assert (got.status, got["www-authenticate"]) == (401, 'Bearer realm="Pillarbox"')


# --- proxies


def test_nobody_is_believed_who_is_not_trusted(client: HttpClient) -> None:
    fields = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "nonsense", "X-Forwarded-Host": "two.example"}
    told = json.loads(client.ask("GET /mine", {"Authorization": authorization(), **fields}).body)
    assert (told["client"], told["url"]) == ("127.0.0.1", "http://mail.one.example/mine")


@pytest.mark.rfc("7239 §5", "MUST")
def test_a_trusted_proxy_tells_who_asks(subscribers: Subscribers) -> None:
    proxied = {
        "X-Forwarded-For": "6.6.6.6, 192.0.2.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "two.example",
    }
    with (
        open_http(*routes(subscribers), plain_allowed=False, trusted_proxies=("127.0.0.0/8",)) as server,
        HttpClient(server) as client,
    ):
        told = json.loads(client.ask("GET /mine", {"Authorization": authorization(), **proxied}).body)
        assert (told["client"], told["url"]) == ("192.0.2.1", "https://two.example/mine")
        plain = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"}
        assert client.ask("GET /mine", {"Authorization": authorization(), **plain}).status == 403
        # guesses are slowed by the client's address
        wrong = {**proxied, "Authorization": authorization(0, "wrong")}
        assert client.ask("GET /mine", wrong).status == 401
        events = [fields for name, fields in server.provider.telemetry.events if name == "login failed"]
        assert events[-1]["address"] == "192.0.2.1"
        got = client.ask("GET /mine", {"X-Forwarded-For": "somebody"})
        assert got.status == 400
        assert client.rest() == b""


# --- what has no end


def test_events(server: Server, client: HttpClient, subscribers: Subscribers) -> None:
    got = client.ask("HEAD /events", {"Authorization": authorization()})
    assert got["content-type"] == "text/event-stream"
    assert not subscribers.streams
    client.send(f"GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: {authorization()}\r\n\r\n".encode())
    started = client.response(head=True)
    assert (started["transfer-encoding"], started["cache-control"]) == ("chunked", "no-store")
    assert client.chunk() == event_stream.COMMENT, "whoever passes the head on with the body does it at once"
    assert client.chunk() == b"id: 1\nevent: state\ndata: hello\ndata: world\n\n"
    (connection,) = server.listeners["http"].connections
    assert not connection.working
    assert (connection.activity.login, connection.activity.state) == ("u0@one.example", "event stream")
    (stream,) = subscribers.streams
    server.call(lambda: stream.send(b"data: more\n\n"))
    assert client.chunk() == b"data: more\n\n"
    server.call(stream._ping)
    assert client.chunk() == event_stream.COMMENT
    server.call(stream.end)
    assert client.chunk() == b""
    assert client.rest() == b""
    server.run(until(lambda: subscribers.gone == 1))


def test_events_in_http_1_0(server: Server, client: HttpClient, subscribers: Subscribers) -> None:
    client.send(f"GET /events HTTP/1.0\r\nAuthorization: {authorization()}\r\n\r\n".encode())
    assert "transfer-encoding" not in client.response(head=True)
    assert client.reader.read(len(event_stream.COMMENT)) == event_stream.COMMENT
    assert client.reader.readline() == b"id: 1\n"
    server.call(subscribers.streams[0].end)
    assert client.rest().endswith(b"\n\n")


def test_a_client_that_leaves_unsubscribes(
    server: Server, client: HttpClient, subscribers: Subscribers
) -> None:
    begin_events(client)
    client.reader.close()
    client.socket.shutdown(socket.SHUT_RDWR)
    server.run(until(lambda: subscribers.gone == 1))
    server.call(lambda: subscribers.streams[0].send(b"nobody reads this"))


def begin_events(client: HttpClient, credentials: str = "") -> None:
    shown = credentials or authorization()
    client.send(f"GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: {shown}\r\n\r\n".encode())
    client.response(head=True)
    client.chunk()
    client.chunk()


@pytest.mark.parametrize("number", [1, 1000])
def test_requests_behind_a_stream_are_not_read(
    server: Server, client: HttpClient, subscribers: Subscribers, number: int
) -> None:
    begin_events(client)
    client.send(b"GET /mine HTTP/1.1\r\nHost: a\r\n\r\n" * number * 3)
    if number == 1:
        server.call(lambda: subscribers.streams[0].send(b"data: x\n\n"))
        assert client.chunk() == b"data: x\n\n"
    else:
        assert client.rest() == b""  # more than can wait


def open_websocket(client: HttpClient, **fields: str) -> None:
    got = client.ask("GET /ws", {"Authorization": authorization(), **UPGRADE, **fields})
    assert got.status == 101
    assert got["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def read_frame(client: HttpClient) -> tuple[int, bytes]:
    first, octets = read_whole_frame(client)
    return first & 0x0F, octets


def read_whole_frame(client: HttpClient) -> tuple[int, bytes]:
    """Its first octet, which says whether it is the last of a message, as well."""
    first, length = client.reader.read(2)
    if length == 126:
        (length,) = struct.unpack("!H", client.reader.read(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", client.reader.read(8))
    return first, client.reader.read(length)


@pytest.mark.rfc("6455 §5.5", "MUST")
def test_a_websocket(server: Server, client: HttpClient, subscribers: Subscribers) -> None:
    got = client.ask(
        "GET /ws", {"Authorization": authorization(), **UPGRADE, "Sec-WebSocket-Protocol": "other, jmap"}
    )
    assert got["sec-websocket-protocol"] == "jmap"
    client.send(frame(1, b"one") + frame(9, b"?") + frame(2, bytes(70_000)))
    # the protocol answers when it reads, the route when the messages before are answered
    assert {read_frame(client), read_frame(client)} == {(10, b"?"), (1, b"one")}
    assert read_frame(client) == (2, bytes(70_000))
    (connection,) = server.listeners["http"].connections
    assert not connection.working
    assert connection.activity.state == "websocket"
    (opened,) = subscribers.sockets
    server.call(lambda: opened.send("told"))
    assert read_frame(client) == (1, b"told")
    server.call(opened._ping)
    assert read_frame(client) == (9, b"")
    client.send(frame(10, b"") + frame(8, struct.pack("!H", 1000)))
    assert read_frame(client) == (8, struct.pack("!H", 1000))
    assert client.rest() == b""
    server.run(until(lambda: subscribers.gone == 1))


def test_a_long_answer_comes_in_fragments_and_nothing_stands_between_them(
    server: Server, client: HttpClient, subscribers: Subscribers
) -> None:
    open_websocket(client)
    client.send(frame(1, b"one"))
    assert read_frame(client) == (1, b"one")
    (opened,) = subscribers.sockets

    async def telling() -> None:
        while opened._held is None:
            await asyncio.sleep(0)
        opened.send("told")

    told = asyncio.run_coroutine_threadsafe(telling(), server.loop)
    client.send(frame(1, b"long"))
    got = [read_whole_frame(client) for _ in range(5)]
    told.result()
    assert [(first, len(octets)) for first, octets in got] == [
        (0x01, 10),
        (0x00, FRAGMENT_OCTETS),
        (0x00, FRAGMENT_OCTETS),
        (0x80, len(LONG) - 10 - 2 * FRAGMENT_OCTETS),
        (0x81, 4),
    ]
    assert b"".join(octets for _, octets in got) == LONG + b"told"


def test_who_is_told_too_much_while_an_answer_is_not_read_is_cut_off(
    server: Server, client: HttpClient, subscribers: Subscribers
) -> None:
    open_websocket(client)
    client.send(frame(1, b"one"))
    assert read_frame(client) == (1, b"one")
    (opened,) = subscribers.sockets
    server.call(lambda: setattr(opened, "_held", []))
    for _ in range(2):
        server.call(lambda: opened.send("x" * (MAX_UNREAD_OCTETS // 2 + 1)))
    assert client.rest() == b""


def test_frames_may_come_with_the_request(client: HttpClient) -> None:
    head = "".join(
        f"{name}: {value}\r\n" for name, value in {**UPGRADE, "Authorization": authorization()}.items()
    )
    client.send(f"GET /ws HTTP/1.1\r\nHost: mail.one.example\r\n{head}\r\n".encode() + frame(1, b"early"))
    assert client.response().status == 101
    assert read_frame(client) == (1, b"early")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"Upgrade": ""}, 426),
        ({"Sec-WebSocket-Version": "8"}, 426),
        ({"Sec-WebSocket-Key": "x"}, 400),
        ({"Authorization": ""}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://mail.one.example"}, 101),
    ],
)
def test_what_opens_no_websocket(client: HttpClient, fields: dict[str, str], status: int) -> None:
    got = client.ask("GET /ws", {"Authorization": authorization(), **UPGRADE, **fields})
    assert got.status == status
    if status == 426:
        assert got["connection"] == "upgrade"
        assert got["upgrade"] == "websocket"


def test_a_message_that_is_too_large_closes(client: HttpClient) -> None:
    open_websocket(client)
    client.send(frame(1, bytes(MAX_MESSAGE_OCTETS + 1)))
    opcode, content = read_frame(client)
    assert (opcode, content[:2]) == (8, struct.pack("!H", 1009))
    client.rest()


# --- how connections end


@pytest.mark.parametrize("what", ["idle", "events", "websocket"])
def test_whose_account_is_disabled_is_ended(
    server: Server, client: HttpClient, subscribers: Subscribers, what: str
) -> None:
    if what == "idle":
        assert client.ask("GET /mine", {"Authorization": authorization()}).status == 200
    elif what == "events":
        begin_events(client)
    else:
        open_websocket(client)
    disable(server, 1)
    if what == "events":
        server.call(lambda: subscribers.streams[0].send(b"data: still\n\n"))
        assert client.chunk() == b"data: still\n\n"
    disable(server)
    assert client.rest() == {"idle": b"", "events": b"0\r\n\r\n", "websocket": b"\x88\x02\x03\xe9"}[what]
    with HttpClient(server) as again:
        assert again.ask("GET /mine", {"Authorization": authorization()}).status == 401


@pytest.mark.parametrize("what", ["idle", "events", "websocket"])
def test_whose_app_password_is_revoked_is_ended(server: Server, client: HttpClient, what: str) -> None:
    database, account = server.provider.world.database, server.provider.accounts[0]
    credentials = f"Bearer {app_password(server, Scope.JMAP)}"
    if what == "idle":
        assert client.ask("GET /mine", {"Authorization": credentials}).status == 200
    elif what == "events":
        begin_events(client, credentials)
    else:
        open_websocket(client, Authorization=credentials)
    with HttpClient(server) as other:
        assert other.ask("GET /mine", {"Authorization": authorization()}).status == 200
        end_withdrawn(server)
        (shown,) = server.run(database.read(app_passwords.listing, account))
        server.run(database.write(app_passwords.revoke, account, shown.id))
        end_withdrawn(server)
        assert client.rest() == {"idle": b"", "events": b"0\r\n\r\n", "websocket": b"\x88\x02\x03\xe9"}[what]
        assert other.ask("GET /mine", {"Authorization": authorization()}).status == 200


@pytest.mark.parametrize("what", ["idle", "events", "websocket"])
def test_who_gets_a_second_factor_is_ended(server: Server, client: HttpClient, what: str) -> None:
    """What its own password has opened, and not what an app password has."""
    credentials = f"Bearer {app_password(server, Scope.JMAP)}"
    if what == "idle":
        assert client.ask("GET /mine", {"Authorization": authorization()}).status == 200
    elif what == "events":
        begin_events(client)
    else:
        open_websocket(client)
    with HttpClient(server) as other:
        assert other.ask("GET /mine", {"Authorization": credentials}).status == 200
        end_withdrawn(server)
        add_factor(server)
        end_withdrawn(server)
        assert client.rest() == {"idle": b"", "events": b"0\r\n\r\n", "websocket": b"\x88\x02\x03\xe9"}[what]
        assert other.ask("GET /mine", {"Authorization": credentials}).status == 200
        assert other.ask("GET /mine", {"Authorization": authorization()}).status == 401


def test_who_comes_after_somebody_else_by_the_same_connection_keeps_it(
    server: Server, client: HttpClient
) -> None:
    for person in (0, 1):
        assert client.ask("GET /mine", {"Authorization": authorization(person)}).status == 200
    disable(server)
    assert client.ask("GET /mine", {"Authorization": authorization(1)}).status == 200
    assert client.ask("GET /mine", {"Authorization": authorization()}).status == 401


def test_a_drain_waits_for_work_and_ends_what_has_no_end(
    server: Server, client: HttpClient, subscribers: Subscribers
) -> None:
    listener = server.listeners["http"]
    with HttpClient(server) as idle, HttpClient(server) as events, HttpClient(server) as websocket:
        idle.ask("GET /mine")
        begin_events(events)
        open_websocket(websocket)
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        server.run(until(lambda: any(connection.working for connection in listener.connections)))
        server.run(listener.drain(5))
        done = client.response()
        assert (done.body, done["connection"]) == (b"done", "close")
        assert client.rest() == b""
        assert idle.rest() == b""
        assert events.rest() == b"0\r\n\r\n"
        assert websocket.rest() == b"\x88\x02\x03\xe9"  # 1001
    assert subscribers.gone == 2


def test_a_message_being_answered_is_work(server: Server, client: HttpClient) -> None:
    listener = server.listeners["http"]
    open_websocket(client)
    client.send(frame(1, b"slow"))
    server.run(until(lambda: any(connection.working for connection in listener.connections)))
    server.run(listener.drain(5))
    assert read_frame(client) == (1, b"slow")
    assert read_frame(client)[0] == 8


@pytest.mark.rfc("9110 §15.5.9", "MAY")
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", b""),
        (b"GET /mine HT", b"HTTP/1.1 408 Request Timeout"),
        (b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx", b"HTTP/1.1 408 Request Timeout"),
    ],
)
def test_who_is_too_slow_is_told(server: Server, client: HttpClient, sent: bytes, told: bytes) -> None:
    client.send(sent)
    (connection,) = until_connected(server)
    server.run(until(lambda: not sent or connection._session.machine.in_request))
    server.call(connection._deadline_passed)
    assert client.rest().partition(b"\r\n")[0] == told


def test_a_large_body_that_trickles_is_refused(server: Server, client: HttpClient) -> None:
    fields = f"Host: a\r\nAuthorization: {authorization()}\r\nContent-Length: 100000"
    client.send(f"POST /upload HTTP/1.1\r\n{fields}\r\n\r\nx".encode())
    (connection,) = until_connected(server)

    def upload() -> Any:
        exchange = connection._session._exchange
        return exchange.upload if exchange else None

    server.run(until(lambda: upload() is not None))
    server.call(lambda: setattr(upload(), "_waited_s", 1000.0))
    client.send(b"y")
    assert client.response().problem["detail"] == "The body comes too slowly."
    assert client.rest() == b""


def until_connected(server: Server) -> Any:
    listener = server.listeners["http"]
    server.run(until(lambda: bool(listener.connections)))
    return listener.connections


def test_the_next_handshake_has_the_new_certificate(server: Server) -> None:
    tls = server.provider.world.tls
    before = tls.speaking("http/1.1").context()
    with HttpClient(server, tls=True) as client:
        server.call(tls.reload)
        assert tls.speaking("http/1.1").context() is not before
        assert client.ask("GET /mine").status == 401
    with HttpClient(server, tls=True, alpn=("http/1.1",)) as client:
        assert client.tls.selected_alpn_protocol() == "http/1.1"


# --- who does not read


class Unread:
    """A connection whose peer does not read."""

    def __init__(self) -> None:
        self.octets = 0
        self.aborted = False
        self.read = asyncio.Event()

    def write(self, octets: bytes) -> None:
        self.octets += len(octets)

    async def drain(self) -> None:
        await self.read.wait()

    def abort(self) -> None:
        self.aborted = True


def test_a_client_that_does_not_read_is_cut_off() -> None:
    async def main() -> bool:
        unread = Unread()
        connection: Any = unread
        outlet = Outlet(connection)
        piece = bytes(1000)
        while unread.octets < MAX_UNREAD_OCTETS:
            outlet.write(piece)
            await asyncio.sleep(0)
        assert not unread.aborted
        unread.read.set()
        await asyncio.sleep(0.01)
        unread.read.clear()
        for _ in range(MAX_UNREAD_OCTETS // 1000 - 20):
            outlet.write(piece)
            await asyncio.sleep(0)
        assert not unread.aborted
        for _ in range(40):
            outlet.write(piece)
            await asyncio.sleep(0)
        outlet.close()
        return unread.aborted

    assert asyncio.run(main())
