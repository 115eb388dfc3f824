"""The table of routes: what is found, what is refused, and what is a mistake in it."""

from typing import Any

import pytest

from pillarbox.config.schema import Config
from pillarbox.protocol.http.events import Head
from pillarbox.server.http import security_fields
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route, no_body
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.http.routing import Router
from tests.kit.http.dialogue import one


async def handler(request: HttpRequest) -> Any:
    raise AssertionError


def route(path: str, *methods: str, **more: Any) -> Route:
    return Route(path=path, methods=methods, handler=handler, **more)


def head(path: str, method: str = "GET") -> Head:
    event = one(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert isinstance(event, Head)
    return event


def test_a_path_is_found() -> None:
    get, post, blob = route("/a", "GET"), route("/a", "POST"), route("/b/{account}/{name:path}", "GET")
    router = Router((get, post, blob))
    found = router.find(head("/a"))
    assert found.resource.methods == ("GET", "HEAD", "OPTIONS", "POST")
    assert found.resource.route("HEAD") is get
    assert found.resource.route("POST") is post
    assert found.resource.route("PUT") is None
    assert router.find(head("/b/A1/x%2Fy%20z")).parameters == {"account": "A1", "name": "x/y z"}
    text = Router((route("/b/{account}/{name:text}", "GET"),)).find(head("/b/A1/x%0D%0A/%00%0A"))
    assert text.parameters == {"account": "A1", "name": "x\r\n/\0\n"}
    for path in ("/", "/a/", "/A", "/b/A1", "/%61b"):
        with pytest.raises(Refused) as refused:
            router.find(head(path))
        assert refused.value.problem.status == 404
    assert router.find(head("/%61")).resource is found.resource


def test_two_routes_for_one_thing_are_a_mistake() -> None:
    with pytest.raises(AssertionError):
        Router((route("/a", "GET"), route("/a", "GET")))
    with pytest.raises(AssertionError):
        Router((route("/a", "BREW"),))


def test_the_table_is_careful() -> None:
    config = Config(hostname="a.example", domain="a.example")
    Router(ROUTES)
    for row in ROUTES:
        changes = set(row.methods) - {"GET", "HEAD"}
        # What is sent to pages comes from pages of ours; who sends it, their handlers ask
        is_careful = row.access in (Access.ACCOUNT, Access.PAGE)
        assert not changes or is_careful, f"{row.path}: anybody may change something"
        assert not row.max_body_octets(config) or changes, f"{row.path}: GET has no body"
    assert no_body(config) == 0


def test_fields_of_a_route_prevail_and_those_for_other_origins_too() -> None:
    fields = dict(
        security_fields.without({b"cache-control"}, security_fields.CROSS_ORIGIN, security_fields.DEFAULTS)
    )
    assert b"cache-control" not in fields
    assert fields[b"cross-origin-resource-policy"] == b"cross-origin"
    assert fields[b"x-content-type-options"] == b"nosniff"
