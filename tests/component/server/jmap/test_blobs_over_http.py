"""Uploads and downloads over HTTP."""

import json
import socket
from collections.abc import Iterator

import pytest

from pillarbox.server.http.routes import ROUTES
from tests.kit.http.server import HttpClient, authorization, open_http, request
from tests.kit.server import Server

LARGE = bytes(range(256)) * 4096
LOGIN = {"Authorization": authorization()}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*ROUTES) as server:
        yield server


def upload(client: HttpClient, octets: bytes, account: str = "A1") -> str:
    response = client.ask(f"POST /jmap/upload/{account}/", {**LOGIN, "Content-Type": "image/png"}, octets)
    assert response.status == 201, response.body
    made = json.loads(response.body)
    assert made == {"accountId": "A1", "blobId": made["blobId"], "type": "image/png", "size": len(octets)}
    blob_id: str = made["blobId"]
    return blob_id


@pytest.mark.rfc("8620 §6.1", "MUST")
@pytest.mark.parametrize("octets", [b"", b"small", LARGE])
def test_what_was_uploaded_is_downloaded(server: Server, octets: bytes) -> None:
    with HttpClient(server) as client:
        path = f"/jmap/download/A1/{upload(client, octets)}/a%2Fb%E2%80%AE.png?accept=image%2Fpng"
        response = client.ask(f"GET {path}", LOGIN)
        assert (response.status, response.body) == (200, octets)
        assert response["content-type"] == "image/png"
        assert response["content-disposition"] == 'inline; filename="a_b.png"'
        assert response["content-security-policy"] == "sandbox; default-src 'none'"
        assert response["cache-control"] == "private, immutable, max-age=31536000"
        head = client.ask(f"HEAD {path}", LOGIN)
        assert (head.status, head["content-length"]) == (200, str(len(octets)))
        again = client.ask(f"GET {path}", {**LOGIN, "If-None-Match": response["etag"]})
        assert (again.status, again["etag"]) == (304, response["etag"])


def test_a_name_with_line_ends_hinders_no_download(server: Server) -> None:
    with HttpClient(server) as client:
        path = f"/jmap/download/A1/{upload(client, b'small')}/a%0D%0ASet-Cookie:%20x%0A?accept=image%2Fpng"
        response = client.ask(f"GET {path}", LOGIN)
        assert (response.status, response.body) == (200, b"small")
        assert "set-cookie" not in dict(response.fields)
        assert response["content-disposition"].startswith('inline; filename="a')


@pytest.mark.rfc("9110 §14.2", "MUST")
def test_ranges_of_a_large_one(server: Server) -> None:
    with HttpClient(server) as client:
        path = f"/jmap/download/A1/{upload(client, LARGE)}/"
        seek = client.ask(f"GET {path}?accept=video/mp4", {**LOGIN, "Range": "bytes=500000-"})
        assert (seek.status, seek.body) == (206, LARGE[500_000:])
        assert seek["content-range"] == f"bytes 500000-{len(LARGE) - 1}/{len(LARGE)}"
        beyond = client.ask(f"GET {path}", {**LOGIN, "Range": f"bytes={len(LARGE)}-"})
        assert (beyond.status, beyond["content-range"]) == (416, f"bytes */{len(LARGE)}")
        several = client.ask(f"GET {path}", {**LOGIN, "Range": "bytes=0-9,-10"})
        assert several.status == 206
        assert several["content-type"].startswith("multipart/byteranges; boundary=")


def test_what_there_is_not(server: Server) -> None:
    with HttpClient(server) as client:
        for line, body in (
            ("GET /jmap/download/A1/U00/x", b""),
            ("GET /jmap/download/A2/U00/x", b""),
            ("POST /jmap/upload/A2/", b"x"),
        ):
            response = client.ask(line, LOGIN, body)
            assert (response.status, response.problem["type"]) == (404, "about:blank")
        assert client.ask("GET /jmap/download/A1/U00/x").status == 401


def test_a_client_that_leaves_in_the_middle_leaves_nothing_open(server: Server) -> None:
    with HttpClient(server) as client:
        path = f"/jmap/download/A1/{upload(client, LARGE)}/x"
    for _ in range(3):
        with HttpClient(server) as client:
            client.send(request(f"GET {path}", LOGIN))
            assert client.socket.recv(1)
            client.socket.shutdown(socket.SHUT_RDWR)
    with HttpClient(server) as client:
        assert client.ask(f"GET {path}", LOGIN).body == LARGE


@pytest.mark.parametrize("mode", ["navigate", "no-cors"])
def test_what_a_browser_sends_unasked_is_no_upload(server: Server, mode: str) -> None:
    with HttpClient(server) as client:
        fields = {**LOGIN, "Content-Type": "text/plain", "Sec-Fetch-Mode": mode}
        assert client.ask("POST /jmap/upload/A1/", fields, b"x").status == 403
    with HttpClient(server) as client:
        assert client.ask("POST /jmap/upload/A1/", {**fields, "Sec-Fetch-Mode": "cors"}, b"x").status == 201


def test_applications_of_other_origins_may_fetch_and_pages_may_not_embed(server: Server) -> None:
    with HttpClient(server) as client:
        found = client.ask(f"GET /jmap/download/A1/{upload(client, b'x')}/x", LOGIN)
        assert found["access-control-allow-origin"] == "*"
        assert found["cross-origin-resource-policy"] == "same-origin"
