"""What other sites make a browser send: its cookie counts for none of it."""

from collections.abc import Iterator, Mapping

import pytest

from pillarbox.server.http.routes import ROUTES
from tests.component.server.http.test_http_sessions import UPGRADE
from tests.kit.http.server import HttpClient, Response, authorization, open_http
from tests.kit.http.signing_in import HOST, PATH, SECURE_ORIGIN, SIGN_IN, form, signed_in
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

OURS = {"Origin": SECURE_ORIGIN, "Sec-Fetch-Site": "same-origin", "X-Pillarbox": "1"}
FOREIGN = (
    "https://evil.example",
    "null",
    "http://mail.one.example",
    "https://mail.one.example:444",
    "https://mail.one.example.evil.example",
    "https://evil.mail.one.example",
    "https://one.example",
    "https://mail.one.example@evil.example",
    "https://mail.one.example, https://mail.one.example",
    "",
)
ECHO = b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"a"]]}'


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*ROUTES, *SIGN_IN, plain_allowed=False) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Iterator[HttpClient]:
    with HttpClient(server, tls=True) as opened:
        yield opened


@pytest.fixture
def cookie(client: HttpClient) -> str:
    return signed_in(client)


def api(client: HttpClient, cookie: str, fields: Mapping[str, str], body: bytes = ECHO) -> Response:
    return client.ask(
        "POST /jmap/api/", {"Cookie": cookie, "Content-Type": "application/json", **fields}, body
    )


def without(name: str) -> dict[str, str]:
    return {field: value for field, value in OURS.items() if field != name}


def test_a_page_of_ours_is_served(client: HttpClient, cookie: str) -> None:
    got = api(client, cookie, OURS)
    assert got.status == 200
    assert "access-control-allow-origin" not in got, "no other origin may read what a cookie has opened"
    assert got["cross-origin-resource-policy"] == "same-origin"
    old = api(client, cookie, {"X-Pillarbox": "1"})
    assert old.status == 200, "browsers that say nothing of where a request comes from"
    explicit = {**OURS, "Origin": SECURE_ORIGIN}
    got = client.ask(
        "POST /jmap/api/",
        {"Cookie": cookie, "Content-Type": "application/json", **explicit},
        ECHO,
        host=f"{HOST}:443",
    )
    assert got.status == 200, "the port of the scheme is in no origin"


@pytest.mark.parametrize("origin", FOREIGN)
def test_no_other_origin_changes_anything(client: HttpClient, cookie: str, origin: str) -> None:
    got = api(client, cookie, {**OURS, "Origin": origin})
    assert (got.status, got.problem["type"]) == (403, "urn:pillarbox:other-site")
    assert "access-control-allow-origin" not in got
    got = client.ask("GET /jmap/session", {"Cookie": cookie, "Origin": origin})
    assert got.status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "nonsense"])
def test_no_other_site_changes_anything(client: HttpClient, cookie: str, site: str) -> None:
    assert api(client, cookie, {**OURS, "Sec-Fetch-Site": site}).status == 403
    assert api(client, cookie, {**without("Origin"), "Sec-Fetch-Site": site}).status == 403


def test_what_changes_something_needs_our_field(client: HttpClient, cookie: str) -> None:
    got = api(client, cookie, without("X-Pillarbox"))
    assert (got.status, got.problem["type"]) == (403, "urn:pillarbox:field-missing")
    assert api(client, cookie, {**OURS, "X-Pillarbox": "0"}).status == 403


def test_nobody_is_allowed_to_send_our_field(client: HttpClient, cookie: str) -> None:
    asked = {
        "Cookie": cookie,
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-pillarbox",
    }
    got = client.ask("OPTIONS /jmap/api/", asked)
    assert "x-pillarbox" not in got["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in got


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/jmap/session", "/jmap/eventsource/?types=*&closeafter=no&ping=0"])
def test_no_other_site_reads_anything(client: HttpClient, cookie: str, site: str, path: str) -> None:
    fields = {"Cookie": cookie, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert client.ask(f"GET {path}", fields).status == 403
    visit = {**fields, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.ask(f"GET {path}", visit).status == 403, "it is no page"


@pytest.mark.parametrize("site", ["same-origin", "none", ""])
def test_a_page_of_ours_reads(client: HttpClient, cookie: str, site: str) -> None:
    fields = {"Cookie": cookie, **({"Sec-Fetch-Site": site} if site else {})}
    assert client.ask("GET /jmap/session", fields).status == 200


def test_a_foreign_application_still_logs_in_with_a_password(client: HttpClient, cookie: str) -> None:
    foreign = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    got = client.ask("GET /jmap/session", {**foreign, "Authorization": authorization(1), "Cookie": cookie})
    assert (got.status, got["access-control-allow-origin"]) == (200, "*")
    assert PEOPLE[1].encode() in got.body, "the password says who asks, and the cookie nothing"


# --- pages


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin"])
def test_links_lead_to_pages(client: HttpClient, cookie: str, site: str) -> None:
    visit = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert client.ask(f"GET {PATH}", {"Cookie": cookie, **visit}).body == PEOPLE[0].encode()


@pytest.mark.parametrize("destination", ["iframe", "image", "script", "empty"])
def test_pages_are_no_parts_of_other_sites(client: HttpClient, cookie: str, destination: str) -> None:
    fields = {"Cookie": cookie, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    got = client.ask(f"GET {PATH}", {**fields, "Sec-Fetch-Dest": destination})
    assert got.status == 403
    assert got.body.startswith(b"page: "), "people are told by a page"


@pytest.mark.parametrize("origin", [None, *FOREIGN])
@pytest.mark.parametrize("known", [True, False])
def test_forms_of_other_sites_are_refused(
    client: HttpClient, cookie: str, origin: str | None, known: bool
) -> None:
    """With a cookie, and without: nobody is signed in as somebody else by a page that they look at."""
    fields, body = form({"login": PEOPLE[1], "password": PASSWORD})
    del fields["Origin"]
    if origin is not None:
        fields["Origin"] = origin
    if known:
        fields["Cookie"] = cookie
    got = client.ask(f"POST {PATH}", fields, body)
    assert got.status == 403
    assert got.body.startswith(b"page: ")
    assert not got.cookies


def test_our_own_form_of_another_site_is_refused(client: HttpClient) -> None:
    fields, body = form({"login": PEOPLE[1], "password": PASSWORD})
    assert client.ask(f"POST {PATH}", {**fields, "Sec-Fetch-Site": "cross-site"}, body).status == 403
    assert client.ask(f"POST {PATH}", {**fields, "Sec-Fetch-Site": "same-origin"}, body).status == 200


def test_no_host_that_a_stranger_writes_makes_an_origin_ours(client: HttpClient, cookie: str) -> None:
    evil = "evil.example"
    got = client.ask(
        "POST /jmap/api/",
        {"Cookie": cookie, "Content-Type": "application/json", **OURS, "Origin": f"https://{evil}"},
        ECHO,
        host=evil,
    )
    assert got.status == 403
    fields, body = form({"login": PEOPLE[0], "password": PASSWORD}, Origin=f"https://{evil}")
    assert client.ask(f"POST {PATH}", fields, body, host=evil).status == 403


# --- WebSockets


@pytest.mark.rfc("6455 §10.2", "SHOULD")
@pytest.mark.parametrize("origin", [None, *FOREIGN])
def test_no_other_site_opens_a_websocket(client: HttpClient, cookie: str, origin: str | None) -> None:
    fields = {"Cookie": cookie, **UPGRADE, "Sec-WebSocket-Protocol": "jmap"}
    if origin is not None:
        fields["Origin"] = origin
    assert client.ask("GET /jmap/ws/", fields).status == 403


def test_our_pages_and_programs_open_one(server: Server, client: HttpClient, cookie: str) -> None:
    jmap = {**UPGRADE, "Sec-WebSocket-Protocol": "jmap"}
    assert client.ask("GET /jmap/ws/", {"Cookie": cookie, "Origin": SECURE_ORIGIN, **jmap}).status == 101
    with HttpClient(server, tls=True) as program:
        assert program.ask("GET /jmap/ws/", {"Authorization": authorization(), **jmap}).status == 101


def test_an_ended_session_opens_no_websocket(client: HttpClient) -> None:
    jmap = {**UPGRADE, "Sec-WebSocket-Protocol": "jmap", "Origin": SECURE_ORIGIN}
    got = client.ask("GET /jmap/ws/", {"Cookie": f"__Host-pillarbox={'x' * 43}", **jmap})
    assert got.status == 401
