"""Signing in with a browser, and what its cookie is good for."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Route
from tests.kit.http.server import HttpClient, open_http
from tests.kit.http.signing_in import PREFIX, SIGN_IN, post, signed_in
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server


async def mine(request: HttpRequest) -> Response:
    session = request.browser_session
    return JSONResponse({"login": request.account.login, "session": session.id if session else ""})


ROUTES = (*SIGN_IN, Route(path="/mine", methods=("GET", "POST"), handler=mine))


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(*ROUTES, plain_allowed=False) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Iterator[HttpClient]:
    with HttpClient(server, tls=True) as opened:
        yield opened


def test_a_browser_signs_in(client: HttpClient) -> None:
    answer = post(client, {"login": PEOPLE[0], "password": PASSWORD})
    assert answer.status == 200
    said = answer.cookies[f"{PREFIX}pillarbox"]
    token, *attributes = said.split("; ")
    assert len(token) == 43
    assert sorted(attributes) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax", "Secure"]
    cookie = f"{PREFIX}pillarbox={token}"
    mine = client.ask("GET /mine", {"Cookie": cookie})
    assert b'"login":"u0@one.example"' in mine.body
    assert client.ask("GET /sign-in", {"Cookie": cookie}).body == b"u0@one.example"


def test_a_wrong_password_opens_nothing(client: HttpClient) -> None:
    for login, password in ((PEOPLE[0], "wrong"), ("nobody@one.example", PASSWORD), ("", "")):
        answer = post(client, {"login": login, "password": password})
        assert (answer.status, answer.body) == (403, b'{"words":""}')
        assert not answer.cookies


def test_an_app_password_is_for_programs(server: Server, client: HttpClient) -> None:
    password = server.run(server.provider.app_password(0))
    answer = post(client, {"login": PEOPLE[0], "password": password})
    assert answer.status == 403
    assert b"this is an app password, which is for programs" in answer.body


def test_only_the_digest_of_a_token_is_kept(server: Server, client: HttpClient) -> None:
    token = signed_in(client).partition("=")[2]
    rows: list[Any] = server.provider.world.database.read_now(
        lambda tx: tx.rows("SELECT * FROM browser_sessions")
    )
    assert len(rows) == 1
    assert token not in str(rows)


def test_an_ended_session_is_told_so_and_its_cookie_removed(client: HttpClient) -> None:
    answer = client.ask("GET /mine", {"Cookie": f"{PREFIX}pillarbox={'x' * 43}"})
    assert answer.status == 401
    assert answer.problem["type"] == "urn:pillarbox:session-ended"
    assert answer["www-authenticate"] == 'Bearer realm="Pillarbox"'
    assert "Max-Age=0" in answer.cookies[f"{PREFIX}pillarbox"]
