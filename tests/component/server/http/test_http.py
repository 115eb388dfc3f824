"""HTTP over sockets: requests, bodies, refusals, what all responses have."""

import asyncio
import http.client
import json
import socket
import struct
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from pillarbox.config.schema import Config
from pillarbox.config.sections.certificates import Certificate
from pillarbox.config.sections.http import Http
from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.context import HttpContext
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from pillarbox.server.http.session import MAX_SKIPPED_OCTETS
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce
from pillarbox.world.world import World
from tests.kit.certificate import client_context
from tests.kit.http.server import HttpClient, authorization, open_http, request
from tests.kit.http.server import Response as Got
from tests.kit.pump import until
from tests.kit.server import Server

MEBIBYTE = 1024 * 1024


async def told(request: HttpRequest) -> Response:
    """What the application sees of the request."""
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "parameters": request.path_params,
            "query": dict(request.query_params),
            "body": (await request.body()).decode("latin-1"),
            "base": str(request.base_url),
            "client": request.client.host if request.client else "",
            "secure": request.origin.secure,
        }
    )


async def mine(request: HttpRequest) -> Response:
    return JSONResponse({"login": request.account.login})


async def count(request: HttpRequest) -> Response:
    octets = 0
    async for part in request.stream():
        octets += len(part)
        await asyncio.sleep(0)
    return PlainTextResponse(str(octets))


async def hasty(request: HttpRequest) -> Response:
    async for _ in request.stream():
        break
    return PlainTextResponse("enough")


async def streamed(request: HttpRequest) -> Response:
    async def parts() -> Any:
        for number in range(int(request.query_params.get("parts", "3"))):
            yield b"%d" % number * int(request.query_params.get("size", "1"))

    return StreamingResponse(parts(), media_type="text/plain")


async def failing(request: HttpRequest) -> Response:
    match request.query_params["how"]:
        case "refused":
            raise Refused(Problem(409, "It is so already.", type="urn:x", extra={"more": 1}))
        case "starlette":
            raise HTTPException(418, "short and stout")
        case "database":
            raise DatabaseUnavailable("gone")
        case "memory":
            raise MemoryScarce
    raise ValueError("a mistake")


async def own_fields(request: HttpRequest) -> Response:
    return PlainTextResponse(
        "x", headers={"Cache-Control": "max-age=60", "Content-Security-Policy": "sandbox"}
    )


class Counter:
    """Something of a process."""

    def __init__(self, world: World, config: Config) -> None:
        self.world, self.config, self.count = world, config, 0


async def counting(request: HttpRequest) -> Response:
    counter = request.shared(Counter)
    await request.give_way()
    assert (counter.world, counter.config) == (request.world, request.config)
    counter.count += 1
    return PlainTextResponse(str(counter.count))


ENDED = asyncio.Event()


async def patient(request: HttpRequest) -> Response:
    await request.body()
    assert (await request.receive())["type"] == "http.disconnect"
    ENDED.set()
    return PlainTextResponse("to nobody")


async def injecting(request: HttpRequest) -> Response:
    return PlainTextResponse("x", headers={"X-Name": request.query_params["name"]})


async def file(request: HttpRequest) -> Response:
    return FileResponse(__file__, media_type="text/plain")


def large(_config: object) -> int:
    return 80 * MEBIBYTE


ROUTES = (
    Route(
        path="/told",
        methods=("GET", "POST"),
        handler=told,
        access=Access.ANYONE,
        max_body_octets=lambda _: 100,
    ),
    Route(path="/told/{one}/{rest:path}", methods=("GET",), handler=told, access=Access.ANYONE),
    Route(path="/mine", methods=("GET",), handler=mine, cross_origin=True),
    Route(path="/count", methods=("POST", "PUT"), handler=count, access=Access.ANYONE, max_body_octets=large),
    Route(path="/private-count", methods=("POST",), handler=count, max_body_octets=large),
    Route(path="/hasty", methods=("POST",), handler=hasty, access=Access.ANYONE, max_body_octets=large),
    Route(path="/streamed", methods=("GET",), handler=streamed, access=Access.ANYONE),
    Route(path="/failing", methods=("GET",), handler=failing, access=Access.ANYONE),
    Route(path="/patient", methods=("GET",), handler=patient, access=Access.ANYONE),
    Route(path="/counting", methods=("GET",), handler=counting, access=Access.ANYONE),
    Route(path="/injecting", methods=("GET",), handler=injecting, access=Access.ANYONE),
    Route(path="/file", methods=("GET",), handler=file, access=Access.ANYONE),
    Route(path="/own", methods=("GET",), handler=own_fields, access=Access.ANYONE),
    Route(
        path="/json",
        methods=("POST",),
        handler=told,
        access=Access.ANYONE,
        max_body_octets=lambda _: 100,
        media_types=("application/json",),
        cross_origin=True,
    ),
)


@pytest.fixture(scope="module")
def server() -> Any:
    with open_http(*ROUTES) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Any:
    with HttpClient(server) as opened:
        yield opened


# --- requests and responses


def test_the_application_sees_the_request(client: HttpClient) -> None:
    got = client.ask("POST /told?a=b%20c", {"Content-Type": "text/plain"}, b"hello")
    assert got.status == 200
    assert json.loads(got.body) == {
        "method": "POST",
        "path": "/told",
        "parameters": {},
        "query": {"a": "b c"},
        "body": "hello",
        "base": "http://mail.one.example/",
        "client": "127.0.0.1",
        "secure": False,
    }
    assert json.loads(client.ask("GET /told/x%2Dy/a/b%2Fc").body)["parameters"] == {
        "one": "x-y",
        "rest": "a/b/c",
    }


def test_under_tls(server: Server) -> None:
    with HttpClient(server, tls=True, alpn=("h2", "http/1.1")) as client:
        assert client.tls.selected_alpn_protocol() == "http/1.1"
        told = json.loads(client.ask("GET /told").body)
    assert (told["base"], told["secure"]) == ("https://mail.one.example/", True)


def test_mail_has_no_alpn_of_http(server: Server) -> None:
    tls = server.provider.world.tls
    assert tls.speaking("") is tls
    assert tls.speaking("http/1.1").context() is not tls.context()


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("mail.one.example", "http://mail.one.example/"),
        ("MAIL.one.example:8080", "http://mail.one.example:8080/"),
        ("two.example", "http://two.example/"),
        ("evil.example", "https://mail.one.example/"),
        ("127.0.0.1", "https://mail.one.example/"),
        ("", "https://mail.one.example/"),
    ],
)
@pytest.mark.parametrize("absolute", [False, True])
def test_links_lead_to_hosts_of_ours_only(client: HttpClient, host: str, base: str, absolute: bool) -> None:
    if absolute and host:
        got = client.ask(f"GET http://{host}/told", host="evil.example")
    else:
        got = client.ask("GET /told", host=host)
    assert json.loads(got.body)["base"] == base


@pytest.mark.rfc("9110 §9.3.2", "MUST")
@pytest.mark.parametrize("path", ["/told", "/streamed", "/failing?how=refused", "/nowhere"])
def test_head_is_get_without_a_body(client: HttpClient, path: str) -> None:
    get, head = client.ask(f"GET {path}"), client.ask(f"HEAD {path}", {"Connection": "close"})
    assert head.status == get.status
    assert [name for name, _ in head.fields if name != "connection"] == [name for name, _ in get.fields]
    assert client.rest() == b""


def test_a_streamed_response_comes_in_chunks(client: HttpClient) -> None:
    got = client.ask("GET /streamed?parts=5")
    assert got["transfer-encoding"] == "chunked"
    assert got.body == b"01234"
    assert client.ask("GET /told").status == 200


@pytest.mark.rfc("9112 §6.1", "MUST")
def test_http_1_0_has_no_chunks(server: Server) -> None:
    with HttpClient(server) as client:
        client.send(b"GET /streamed HTTP/1.0\r\n\r\n")
        head, _, body = client.rest().partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert b"connection: close" in head
    assert body == b"012"


def test_http_1_0_may_stay(client: HttpClient) -> None:
    for _ in range(2):
        client.send(b"GET /told HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert client.response()["connection"] == "keep-alive"


@pytest.mark.rfc("9112 §9.3.2", "MUST")
def test_pipelined_requests_are_answered_in_order(client: HttpClient) -> None:
    client.send(b"".join(request(f"GET /told?n={number}") for number in range(500)))
    answers = [json.loads(client.response().body)["query"]["n"] for _ in range(500)]
    assert answers == [str(number) for number in range(500)]


def test_a_connection_ends_when_the_client_wants_it(client: HttpClient) -> None:
    assert client.ask("GET /told", {"Connection": "close"})["connection"] == "close"
    assert client.rest() == b""


def test_python_is_served(server: Server) -> None:
    context = client_context()
    client = http.client.HTTPSConnection("localhost", server.ports["https"], context=context, timeout=20)
    try:
        for _ in range(3):
            client.request("POST", "/count", body=iter([b"abc", b"de"]), encode_chunked=True)
            assert client.getresponse().read() == b"5"
    finally:
        client.close()


# --- bodies


@pytest.mark.parametrize("tls", [False, True])
def test_a_large_upload_waits_for_its_reader(server: Server, tls: bool) -> None:
    octets = 64 * MEBIBYTE
    with HttpClient(server, tls=tls) as client:
        client.send(request("PUT /count", {"Content-Length": str(octets)}))
        for _ in range(64):
            client.send(bytes(MEBIBYTE))
        assert client.response().body == str(octets).encode()
        assert client.ask("GET /told").status == 200


def test_a_large_upload_in_chunks(client: HttpClient) -> None:
    part = b"10000\r\n" + bytes(65536) + b"\r\n"
    client.send(request("PUT /count", {"Transfer-Encoding": "chunked"}) + part * 128 + b"0\r\n\r\n")
    assert client.response().body == str(8 * MEBIBYTE).encode()


@pytest.mark.rfc("9110 §10.1.1", "MUST")
def test_a_body_that_waits_is_asked_for(client: HttpClient) -> None:
    client.send(request("POST /told", {"Expect": "100-continue", "Content-Length": "5"}))
    assert client.response().status == 100
    client.send(b"hello")
    assert json.loads(client.response().body)["body"] == "hello"


@pytest.mark.rfc("9110 §10.1.1", "MUST")
def test_a_body_that_is_there_is_not_asked_for(client: HttpClient) -> None:
    got = client.ask("POST /told", {"Expect": "100-continue"}, b"hello")
    assert got.status == 200


@pytest.mark.parametrize(
    ("line", "fields", "status"),
    [
        ("POST /told", {"Content-Length": "101"}, 413),
        ("POST /private-count", {"Content-Length": "1000"}, 401),
        ("POST /private-count", {"Transfer-Encoding": "chunked"}, 401),
        ("POST /nowhere", {"Content-Length": "1000"}, 404),
        ("POST /json", {"Content-Length": "5", "Content-Type": "text/plain"}, 415),
        ("GET /told/a/b", {"Content-Length": "1"}, 413),
    ],
)
def test_a_body_that_waits_is_refused_before_it_is_sent(
    client: HttpClient, line: str, fields: dict[str, str], status: int
) -> None:
    got = client.ask(line, {"Expect": "100-continue", **fields})
    assert got.status == status
    assert got["connection"] == "close"
    assert client.rest() == b""


@pytest.mark.parametrize("tls", [False, True])
def test_a_body_that_nobody_wants_does_not_hide_the_answer(server: Server, tls: bool) -> None:
    with HttpClient(server, tls=tls) as client:
        assert client.ask("POST /private-count", {}, bytes(200_000)).status == 401
        assert client.ask("GET /told").status == 200  # the connection is as good as before
        client.send(request("POST /private-count", {"Content-Length": str(MAX_SKIPPED_OCTETS + 1)}))
        assert client.response()["connection"] == "close"


def test_a_body_without_an_end_is_not_read_for_ever(client: HttpClient) -> None:
    part = b"10000\r\n" + bytes(65536) + b"\r\n"
    client.send(request("POST /private-count", {"Transfer-Encoding": "chunked"}))
    assert client.response().status == 401
    with pytest.raises(OSError):  # noqa: PT012
        for _ in range(1000):
            client.send(part)


def test_a_chunked_body_that_is_too_large_is_refused(client: HttpClient) -> None:
    client.send(request("POST /told", {"Transfer-Encoding": "chunked"}) + b"65\r\n" + bytes(101))
    assert client.response().problem["title"] == "Content Too Large"
    assert client.rest() == b""


@pytest.mark.parametrize("octets", [200_000, 5 * MEBIBYTE])
def test_an_answer_may_come_before_the_body(client: HttpClient, octets: int) -> None:
    client.send(request("POST /hasty", {"Content-Length": str(octets)}))
    client.send(bytes(100_000))
    assert client.response().body == b"enough"
    if octets == 200_000:
        client.send(bytes(100_000))
        assert client.ask("GET /told").status == 200


def test_a_malformed_chunk_within_a_large_body(server: Server) -> None:
    with HttpClient(server) as client:
        part = b"10000\r\n" + bytes(65536) + b"\r\n"
        client.send(request("PUT /count", {"Transfer-Encoding": "chunked"}) + part * 4 + b"zz\r\n")
        assert client.response().problem["detail"] == "A chunk is not valid."
        assert client.rest() == b""


def test_a_client_that_leaves_within_its_body_is_forgotten(server: Server) -> None:
    with HttpClient(server) as client:
        client.send(request("PUT /count", {"Content-Length": "1000000"}) + bytes(200_000))
        server.run(
            until(lambda: any(c.activity.state == "request" for c in server.listeners["http"].connections))
        )
    server.run(until(lambda: not server.listeners["http"].connections))


def test_a_handler_may_wait_for_the_end_of_its_client(server: Server) -> None:
    with HttpClient(server) as client:
        client.send(request("GET /patient"))
        server.run(until(lambda: any(c.working for c in server.listeners["http"].connections)))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.run(until(ENDED.is_set))


# --- refusals


@pytest.mark.rfc("9457 §3", "MUST")
@pytest.mark.parametrize(
    ("how", "status", "detail"),
    [
        ("refused", 409, "It is so already."),
        ("starlette", 418, "short and stout"),
        ("database", 503, "Temporary internal failure, try again later."),
        ("memory", 503, "Insufficient system resources, try again later."),
    ],
)
def test_errors_are_problem_details(client: HttpClient, how: str, status: int, detail: str) -> None:
    got = client.ask(f"GET /failing?how={how}")
    assert (got.status, got.problem["detail"]) == (status, detail)
    assert client.ask("GET /told").status == 200
    if how == "refused":
        assert got.problem == {"type": "urn:x", "status": 409, "detail": detail, "more": 1}
    if status == 503:
        assert got["retry-after"] == "30"


def test_a_mistake_of_ours_is_reported_and_answered() -> None:
    with open_http(*ROUTES) as server:
        with HttpClient(server) as client:
            got = client.ask("GET /failing?how=mistake")
            assert got.problem["detail"] == "Internal server error."
            assert got["connection"] == "close"
        assert [name for name, _ in server.provider.telemetry.failures] == ["session failed"]
        server.provider.telemetry.failures.clear()


@pytest.mark.rfc("9110 §5.5", "SHOULD")
@pytest.mark.parametrize("name", ["a%0d%0aSet-Cookie:%20x", "a%0ab", "a%0db", "a%00b"])
def test_nobody_adds_fields_to_a_response(name: str) -> None:
    with open_http(*ROUTES) as server:
        with HttpClient(server) as client:
            got = client.ask(f"GET /injecting?name={name}")
            assert (got.status, "set-cookie" in got) == (500, False)
        server.provider.telemetry.failures.clear()


def test_requests_share_what_is_made_once(server: Server, client: HttpClient) -> None:
    assert client.ask("GET /counting").body == b"1"
    with HttpClient(server, tls=True) as another:
        assert another.ask("GET /counting").body == b"2"


def test_a_file_is_sent(client: HttpClient) -> None:
    got = client.ask("GET /file")
    assert got.body == Path(__file__).read_bytes()
    assert got["content-length"] == str(len(got.body))


@pytest.mark.rfc("9110 §15.5.6", "MUST")
def test_a_method_that_is_not_there(client: HttpClient) -> None:
    got = client.ask("DELETE /told")
    assert (got.status, got["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert client.ask("BREW /told").status == 501


@pytest.mark.rfc("9110 §9.3.7", "MUST")
def test_options(client: HttpClient) -> None:
    got = client.ask("OPTIONS /told")
    assert (got.status, got["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "access-control-allow-origin" not in got
    assert "POST" in client.ask("OPTIONS *")["allow"]
    assert client.ask("OPTIONS /told", {}, b"body").status == 204
    assert client.ask("OPTIONS /nowhere").status == 404


@pytest.mark.rfc("9110 §15.5.16", "SHOULD")
def test_media_types(client: HttpClient) -> None:
    assert client.ask("POST /json", {"Content-Type": "Application/JSON; charset=utf-8"}, b"{}").status == 200
    got = client.ask("POST /json", {"Content-Type": "text/plain"}, b"{}")
    assert (got.status, got["accept"]) == (415, "application/json")
    got = client.ask("POST /json", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}")
    assert (got.status, got["accept-encoding"]) == (415, "identity")
    assert client.ask("POST /json", {}, b"{}").status == 415


@pytest.mark.parametrize("path", ["/%ff", "/told/%C3/x", "/%2e%2e/told", "/told/", "//told", "/told%00"])
def test_odd_paths_lead_nowhere(client: HttpClient, path: str) -> None:
    assert client.ask(f"GET {path}").status in (400, 404)


def test_smuggling(client: HttpClient) -> None:
    inner = request("GET /mine")
    client.send(
        request("POST /told", {"Content-Length": str(len(inner)), "Transfer-Encoding": "chunked"})
        + b"0\r\n\r\n"
        + inner
    )
    assert client.response().status == 400
    assert client.rest() == b""


# --- what all responses have


def assert_careful(got: Got) -> None:
    assert got["x-content-type-options"] == "nosniff"
    assert got["referrer-policy"] == "no-referrer"
    assert got["content-security-policy"].startswith("default-src 'none'")
    assert got["permissions-policy"]
    assert got["cache-control"] == "no-store"
    assert time.strptime(got["date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert "server" not in got
    assert "strict-transport-security" not in got  # the certificate is none of an operator


@pytest.mark.parametrize(
    "line",
    ["GET /told", "GET /nowhere", "DELETE /told", "GET /mine", "OPTIONS /mine", "BREW /", "GET /streamed"],
)
def test_every_response_is_careful(client: HttpClient, line: str) -> None:
    assert_careful(client.ask(line))


def test_a_route_may_set_fields_itself(client: HttpClient) -> None:
    got = client.ask("GET /own")
    assert (got["cache-control"], got["content-security-policy"]) == ("max-age=60", "sandbox")
    assert got["x-content-type-options"] == "nosniff"


def test_other_origins_may_use_what_is_for_them(client: HttpClient) -> None:
    preflight = client.ask(
        "OPTIONS /mine", {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    )
    assert preflight.status == 204
    assert preflight["access-control-allow-origin"] == "*"
    assert "Authorization" in preflight["access-control-allow-headers"]
    assert preflight["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    for got in (
        preflight,
        client.ask("GET /mine"),
        client.ask("GET /mine", {"Authorization": authorization()}),
    ):
        assert got["access-control-allow-origin"] == "*"
        assert got["cross-origin-resource-policy"] == "cross-origin"
        assert "Content-Range" in got["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in got
    assert "access-control-allow-origin" not in client.ask("GET /told")


def test_tls_is_demanded_where_the_operator_has_a_certificate(server: Server) -> None:
    provider = server.provider
    given = Certificate(chain=Path("chain.pem"), key=Path("key.pem"))
    configured = replace(provider.config, certificates=(given,))
    service = HttpContext(provider.world, provider.authenticator, configured, HttpLimits())
    assert b"strict-transport-security: max-age=" in service.common_fields(
        set(), secure=True, cross_origin=False
    )
    assert b"strict" not in service.common_fields(set(), secure=False, cross_origin=False)


def test_links_lead_where_the_operator_says(server: Server) -> None:
    provider = server.provider
    configured = replace(provider.config, http=Http(url="https://web.elsewhere.example:8443"))
    context = HttpContext(provider.world, provider.authenticator, configured, HttpLimits())

    async def checked(*hosts: str) -> list[str]:
        return ["://".join(await context.checked("http", host)) for host in hosts]

    # What is not ours is asked in the way that the operator says, whatever way this request came
    assert server.run(checked("web.elsewhere.example:8443", "mail.one.example", "evil.example", "")) == [
        "http://web.elsewhere.example:8443",
        "http://mail.one.example",
        "https://web.elsewhere.example:8443",
        "https://web.elsewhere.example:8443",
    ]


def test_links_lead_to_the_port_that_is_listened_on(server: Server) -> None:
    provider = server.provider
    listen = replace(provider.config.listen, https=("*:8443",))  # type: ignore[call-arg]  # made of a table
    configured = replace(provider.config, listen=listen)
    context = HttpContext(provider.world, provider.authenticator, configured, HttpLimits())
    assert server.run(context.checked("https", "192.0.2.7:8443")) == ("https", "mail.one.example:8443")


def test_in_a_demo_links_lead_to_this_machine(server: Server) -> None:
    provider = server.provider
    configured = replace(provider.config, local_names={})
    demo = HttpContext(provider.world, provider.authenticator, configured, HttpLimits())

    async def checked(*hosts: str) -> list[str]:
        return ["://".join(await demo.checked("http", host)) for host in hosts]

    assert server.run(checked("localhost:2080", "[::1]:2080", "127.0.0.1", "evil.example", "")) == [
        "http://localhost:2080",
        "http://[::1]:2080",
        "http://127.0.0.1",
        "https://mail.one.example",
        "https://mail.one.example",
    ]
