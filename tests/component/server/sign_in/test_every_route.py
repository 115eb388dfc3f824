"""Every route that there is, asked by other sites with the victim's cookie: nothing is changed, and nothing read. A new
route is in here by itself."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from pillarbox.server.http.route import Access, Route
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.pages.routes import ROUTES as PAGES
from tests.component.server.http.test_http_sessions import UPGRADE
from tests.component.server.sign_in.attacks_by_sites import LOOKALIKES, OURS, SITES
from tests.kit.http.server import HttpClient, Response, open_http
from tests.kit.http.signing_in import SECURE_ORIGIN, SIGN_IN, signed_in
from tests.kit.server import Server

EVERY: Final = {(route.path, route.methods): route for route in (*ROUTES, *PAGES)}
GUARDED: Final = [route for route in EVERY.values() if route.access is not Access.ANYONE]
CHANGING: Final = [
    (route, method) for route in GUARDED for method in route.methods if method not in ("GET", "HEAD")
]
READING: Final = [route for route in GUARDED if "GET" in route.methods and not route.websocket]
SOCKETS: Final = [route for route in GUARDED if route.websocket]
NO_FORM: Final = "application/x-nothing"
"""So that what is let in does nothing: a route that names what it takes refuses it, with 415."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*EVERY.values(), *SIGN_IN, plain_allowed=False, url=SECURE_ORIGIN) as opened:
        yield opened


@pytest.fixture(scope="module")
def cookie(server: Server) -> str:
    with HttpClient(server, tls=True) as client:
        return signed_in(client)


def ask(
    server: Server, method: str, route: Route, cookie: str, fields: Mapping[str, str], body: bytes = b""
) -> Response:
    """A request over a connection of its own; what is in braces in a path is any word."""
    path = re.sub(r"\{[^}]*\}", "x", route.path)
    with HttpClient(server, tls=True) as client:
        return client.ask(f"{method} {path}", {"Cookie": cookie, **fields}, body)


def name(given: object) -> str:
    return given.path if isinstance(given, Route) else str(given)


@pytest.mark.parametrize(("route", "method"), CHANGING, ids=name)
def test_no_other_site_changes_anything(server: Server, cookie: str, route: Route, method: str) -> None:
    def status(fields: Mapping[str, str]) -> int:
        return ask(server, method, route, cookie, {"Content-Type": NO_FORM, **fields}, b"x").status

    for origin in LOOKALIKES.values():
        assert status({**OURS, "Origin": origin}) == 403, origin
    for site in SITES:
        assert status({**OURS, "Sec-Fetch-Site": site}) == 403, site
    nothing_said = status({})
    assert nothing_said == 403, "a form of a browser that says nothing"
    let_in = status(OURS)
    wrong_type = route.wrong_type.status if route.wrong_type else 415
    assert let_in == wrong_type if route.media_types else let_in != 403


@pytest.mark.parametrize("route", READING, ids=name)
def test_no_other_site_reads_anything(server: Server, cookie: str, route: Route) -> None:
    for site in SITES:
        for destination in ("image", "script", "iframe", "empty"):
            fields = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": destination}
            assert ask(server, "GET", route, cookie, fields).status == 403
    for origin in LOOKALIKES.values():
        got = ask(server, "GET", route, cookie, {"Origin": origin})
        assert got.status == 403, origin
        assert "access-control-allow-origin" not in got


@pytest.mark.parametrize("route", SOCKETS, ids=name)
def test_no_other_site_opens_a_websocket(server: Server, cookie: str, route: Route) -> None:
    for origin in LOOKALIKES.values():
        assert ask(server, "GET", route, cookie, {"Origin": origin, **UPGRADE}).status == 403, origin
    assert ask(server, "GET", route, cookie, UPGRADE).status == 403


def test_there_is_something_to_look_at() -> None:
    assert len(CHANGING) > 10
    assert len(READING) > 10
    assert SOCKETS
