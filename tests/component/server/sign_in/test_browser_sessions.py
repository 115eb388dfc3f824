"""Signing in with a browser, and what its cookie is good for."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

import pytest
from starlette.responses import JSONResponse, Response

from pillarbox.config.sections.http import Http
from pillarbox.config.sections.listen import Listen
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Route
from pillarbox.server.http.service import HttpService
from pillarbox.server.sign_in.sessions import COOKIE_MS
from tests.kit.http.server import HttpClient, authorization, open_http
from tests.kit.http.signing_in import PATH, PREFIX, SIGN_IN, form, post, signed_in
from tests.kit.provider import PASSWORD, PEOPLE, Provider
from tests.kit.server import Server, serve


async def mine(request: HttpRequest) -> Response:
    session = request.browser_session
    return JSONResponse({"login": request.account.login, "session": session.id if session else ""})


ROUTES = (*SIGN_IN, Route(path="/mine", methods=("GET", "POST"), handler=mine))


_HTTP: dict[str, Any] = {"http": ("*:80",)}
_EVERYWHERE = Listen(**_HTTP)


def open_configured(config: dict[str, Any]) -> AbstractContextManager[Server]:
    """The same with options of the configuration."""

    def sessions(provider: Provider) -> dict[str, Any]:
        made = HttpService(
            provider.world, provider.authenticator, replace(provider.config, **config), routes=ROUTES
        )
        return {"http": made.session}

    return serve("http", plain_allowed=False, sessions=sessions)


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
    assert client.ask(f"GET {PATH}", {"Cookie": cookie}).body == b"u0@one.example"


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
    read = server.provider.world.database.read
    rows: list[Any] = server.run(read(lambda tx: tx.rows("SELECT * FROM browser_sessions")))
    assert len(rows) == 1
    assert token not in str(rows)


def test_an_ended_session_is_told_so_and_its_cookie_removed(client: HttpClient) -> None:
    answer = client.ask("GET /mine", {"Cookie": f"{PREFIX}pillarbox={'x' * 43}"})
    assert answer.status == 401
    assert answer.problem["type"] == "urn:pillarbox:session-ended"
    assert answer["www-authenticate"] == 'Bearer realm="Pillarbox"'
    assert "Max-Age=0" in answer.cookies[f"{PREFIX}pillarbox"]


# --- tokens


def test_a_token_from_outside_is_never_taken_on(client: HttpClient) -> None:
    """Session fixation: what was in the browser before is not what it is signed in by."""
    planted = f"{PREFIX}pillarbox={'A' * 43}"
    answer = post(client, {"login": PEOPLE[0], "password": PASSWORD}, cookie=planted)
    assert answer.status == 200
    token = answer.cookies[f"{PREFIX}pillarbox"].partition(";")[0]
    assert token != "A" * 43
    assert client.ask("GET /mine", {"Cookie": planted}).status == 401


def test_each_sign_in_has_a_token_of_its_own(client: HttpClient) -> None:
    first = signed_in(client)
    answer = post(client, {"login": PEOPLE[0], "password": PASSWORD}, cookie=first)
    assert answer.cookies[f"{PREFIX}pillarbox"].partition(";")[0] != first.partition("=")[2]


@pytest.mark.parametrize(
    "cookies",
    [
        "pillarbox={0}",
        "__host-pillarbox={0}",
        "__Host-pillarbox={0}; __Host-pillarbox=" + "A" * 43,
        '__Host-pillarbox="{0}"',
        "__Host-pillarbox={0}x",
        "__Host-pillarbox={0}\N{BULLET}",
        "__Host-pillarbox=",
        "__Host-pillarbox=" + "A" * 7000,
    ],
)
def test_only_our_cookie_counts(client: HttpClient, cookies: str) -> None:
    token = signed_in(client).partition("=")[2]
    shown = cookies.replace("{0}", token).encode().decode("latin-1")
    assert client.ask("GET /mine", {"Cookie": shown}).status == 401
    assert client.ask("GET /mine", {"Cookie": f"a=b;{PREFIX}pillarbox={token} ; c"}).status == 200


def test_what_comes_with_a_login_is_the_logins(client: HttpClient) -> None:
    cookie = signed_in(client)
    answer = client.ask("GET /mine", {"Cookie": cookie, "Authorization": authorization(1)})
    assert json.loads(answer.body) == {"login": PEOPLE[1], "session": ""}
    wrong = {"Cookie": cookie, "Authorization": authorization(0, "wrong")}
    assert client.ask("GET /mine", wrong).status == 401, "a cookie saves no wrong login"


@pytest.mark.parametrize(
    "fields", [{"X-Pillarbox": "1"}, {"Sec-Fetch-Site": "same-origin"}, {"Cookie": f"{PREFIX}pillarbox=x"}]
)
@pytest.mark.parametrize("field", ["", authorization(0, "wrong")])
def test_a_page_is_not_asked_for_a_password_by_its_browser(
    client: HttpClient, fields: dict[str, str], field: str
) -> None:
    more = {"Authorization": field} if field else {}
    answer = client.ask("GET /mine", {**fields, **more})
    assert (answer.status, answer["www-authenticate"]) == (401, 'Bearer realm="Pillarbox"')


def test_a_program_is_asked_for_a_password(client: HttpClient) -> None:
    asked = [value for name, value in client.ask("GET /mine").fields if name == "www-authenticate"]
    assert asked[0].startswith("Basic ")


# --- how long it lasts


def change(server: Server, sql: str) -> None:
    """Change rows as time does."""
    server.run(server.provider.world.database.write(lambda tx: tx.execute(sql)))


def row(server: Server, columns: str) -> Any:
    server.run(server.provider.authenticator.settled())
    (found,) = server.read(lambda tx: tx.rows(f"SELECT {columns} FROM browser_sessions"))
    return found


def test_its_use_is_written_now_and_then(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    before = row(server, "seen_at_ms, expires_at_ms")
    assert client.ask("GET /mine", {"Cookie": cookie}).status == 200
    assert row(server, "seen_at_ms, expires_at_ms") == before, "it was seen just now"
    change(
        server,
        "UPDATE browser_sessions SET seen_at_ms = seen_at_ms - 360000, expires_at_ms = expires_at_ms - 360000",
    )
    with HttpClient(server, tls=True) as other:
        answer = other.ask("GET /mine", {"Cookie": cookie})
    assert not answer.cookies, "the browser has its cookie"
    after = row(server, "seen_at_ms, expires_at_ms")
    assert after[0] >= before[0]
    assert after[1] >= before[1]


def test_the_cookie_is_given_anew_once_a_day(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    change(server, f"UPDATE browser_sessions SET cookie_at_ms = cookie_at_ms - {COOKIE_MS}")
    with HttpClient(server, tls=True) as other:
        said = other.ask("GET /mine", {"Cookie": cookie}).cookies[f"{PREFIX}pillarbox"]
        assert said.startswith(f"{cookie.partition('=')[2]}; ")
        assert "Max-Age=2592000" in said
        row(server, "id")
        assert not other.ask("GET /mine", {"Cookie": cookie}).cookies
    with HttpClient(server, tls=True) as other:
        assert not other.ask("GET /mine", {"Cookie": cookie}).cookies


def test_it_lasts_no_longer_than_allowed(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    change(
        server,
        f"UPDATE browser_sessions SET created_at_ms = created_at_ms - {364 * COOKIE_MS},"
        f" seen_at_ms = seen_at_ms - {COOKIE_MS}, cookie_at_ms = cookie_at_ms - {COOKIE_MS}",
    )
    with HttpClient(server, tls=True) as other:
        said = other.ask("GET /mine", {"Cookie": cookie}).cookies[f"{PREFIX}pillarbox"]
    lasts_s = int(said.partition("Max-Age=")[2].partition(";")[0])
    assert 86_000 <= lasts_s <= 86_400


def test_an_expired_session_is_none(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    change(server, "UPDATE browser_sessions SET expires_at_ms = 1")
    assert client.ask("GET /mine", {"Cookie": cookie}).problem["type"] == "urn:pillarbox:session-ended"
    page = client.ask(f"GET {PATH}", {"Cookie": cookie})
    assert page.body == b"nobody"
    assert "Max-Age=0" in page.cookies[f"{PREFIX}pillarbox"]


def test_a_damaged_end_is_none(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    change(server, "UPDATE browser_sessions SET expires_at_ms = 'never'")
    assert client.ask("GET /mine", {"Cookie": cookie}).status == 401


# --- without TLS


def test_a_listener_of_this_machine_needs_no_tls(server: Server) -> None:
    """Some browsers keep no Secure cookie of http://localhost."""
    with HttpClient(server) as client:
        host = f"localhost:{server.ports['http']}"
        origin = f"http://{host}"
        answer = post(client, {"login": PEOPLE[0], "password": PASSWORD}, origin=origin, host=host)
        said = answer.cookies["pillarbox"]
        assert "Secure" not in said
        assert "HttpOnly; SameSite=Lax" in said
        cookie = f"pillarbox={said.partition(';')[0]}"
        assert client.ask("GET /mine", {"Cookie": cookie}, host=host).status == 200
        page = {"Cookie": cookie, "X-Pillarbox": "1", "Origin": origin}
        assert client.ask("POST /mine", page, host=host).status == 200
        for other in ("https://" + host, "http://localhost", "http://127.0.0.1:1", "http://evil.example"):
            assert client.ask("POST /mine", {**page, "Origin": other}, host=host).status == 403
        assert client.ask("GET /mine", {"Cookie": f"{PREFIX}{cookie}"}, host=host).status == 403


_FORWARDED: Final = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http"}


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"listen": _EVERYWHERE}, _FORWARDED),
        ({"http": Http(trusted_proxies=("127.0.0.0/8",))}, _FORWARDED),
        ({"http": Http(trusted_proxies=("127.0.0.0/8",))}, {}),  # one that does not say who asks
        ({"http": Http(trusted_proxies=("127.0.0.0/8",))}, {"X-Forwarded-For": "127.0.0.1"}),
    ],
)
def test_nobody_signs_in_where_others_may_listen(config: dict[str, Any], told: dict[str, str]) -> None:
    with open_configured(config) as server, HttpClient(server) as client:
        fields, body = form({"login": PEOPLE[0], "password": PASSWORD}, **told)
        host = f"localhost:{server.ports['http']}"
        fields["Origin"] = f"http://{host}"
        answer = client.ask(f"POST {PATH}", fields, body, host=host)
        assert (answer.status, answer.body) == (403, b"page: Nobody can sign in without TLS. Use https.")
        assert not [one for one, _ in server.provider.telemetry.events if one == "login failed"]
        assert client.ask(f"GET {PATH}", told, host=host).status == 200


def test_no_stranger_says_that_there_was_tls() -> None:
    with open_configured({"listen": _EVERYWHERE}) as server, HttpClient(server) as client:
        fields, body = form({"login": PEOPLE[0], "password": PASSWORD}, **{"X-Forwarded-Proto": "https"})
        assert client.ask(f"POST {PATH}", {**fields, "Forwarded": "proto=https"}, body).status == 403


def test_a_trusted_proxy_has_tls() -> None:
    told = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    with (
        open_configured({"http": Http(trusted_proxies=("127.0.0.0/8",))}) as server,
        HttpClient(server) as client,
    ):
        fields, body = form({"login": PEOPLE[0], "password": PASSWORD}, **told)
        answer = client.ask(f"POST {PATH}", fields, body)
        assert answer.status == 200
        assert f"{PREFIX}pillarbox" in answer.cookies
        assert row(server, "address") == ("192.0.2.1",)


def test_an_address_is_written_with_the_use(server: Server, client: HttpClient) -> None:
    """Whoever has two addresses, and uses both, writes no more than others."""
    cookie = signed_in(client)
    change(server, "UPDATE browser_sessions SET address = '192.0.2.9'")
    with HttpClient(server, tls=True) as other:
        assert other.ask("GET /mine", {"Cookie": cookie}).status == 200
    assert row(server, "address") == ("192.0.2.9",)
    change(server, "UPDATE browser_sessions SET seen_at_ms = seen_at_ms - 360000")
    with HttpClient(server, tls=True) as other:
        assert other.ask("GET /mine", {"Cookie": cookie}).status == 200
    assert row(server, "address") == ("127.0.0.1",)


def test_a_connection_asks_for_the_session_once(server: Server, client: HttpClient) -> None:
    """A request costs no more of the database than one with a login that is remembered."""
    cookie = signed_in(client)
    with HttpClient(server, tls=True) as other:
        assert other.ask("GET /mine", {"Cookie": cookie}).status == 200
        change(server, "UPDATE browser_sessions SET digest = zeroblob(32)")
        assert other.ask("GET /mine", {"Cookie": cookie}).status == 200, "it is remembered"
    with HttpClient(server, tls=True) as other:
        assert other.ask("GET /mine", {"Cookie": cookie}).status == 401
