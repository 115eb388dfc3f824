"""curl against HTTP and HTTPS: what a person tries first."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse, Response

from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from tests.interop.programs import need
from tests.kit.certificate import certificate_file
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

pytestmark = pytest.mark.interop
MEBIBYTE = 1024 * 1024


async def count(request: HttpRequest) -> Response:
    octets = 0
    async for part in request.stream():
        octets += len(part)
    return PlainTextResponse(f"{octets} octets\n")


async def hello(request: HttpRequest) -> Response:
    return PlainTextResponse(f"Hello {request.account.login}\n")


ROUTES = (
    Route(
        path="/count",
        methods=("POST", "PUT"),
        handler=count,
        access=Access.ANYONE,
        max_body_octets=lambda _: 80 * MEBIBYTE,
    ),
    Route(path="/hello", methods=("GET",), handler=hello),
)


@pytest.fixture(scope="module")
def server() -> Any:
    with open_http(*ROUTES) as opened:
        yield opened


def curl(server: Server, *arguments: str, path: str, tls: bool = False) -> str:
    """What curl prints, with the status at the end."""
    authority: tuple[str, ...]
    if tls:
        authority = (
            "--cacert",
            str(certificate_file()),
            "--resolve",
            f"localhost:{server.ports['https']}:127.0.0.1",
        )
        where = f"https://localhost:{server.ports['https']}{path}"
    else:
        authority, where = (), f"http://127.0.0.1:{server.ports['http']}{path}"
    done = subprocess.run(
        [
            need("curl"),
            "--silent",
            "--show-error",
            "--http1.1",
            "--write-out",
            "%{http_code}",
            *authority,
            *arguments,
            where,
        ],
        capture_output=True,
        timeout=60,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("tls", [False, True])
def test_a_login(server: Server, tls: bool) -> None:
    login = f"{PEOPLE[0]}:{PASSWORD}"
    assert curl(server, "--user", login, path="/hello", tls=tls) == "Hello u0@one.example\n200"
    assert curl(server, "--user", "u0:wrong", path="/hello", tls=tls).endswith("401")


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "arguments", [(), ("--header", "Transfer-Encoding: chunked")], ids=["sized", "chunked"]
)
def test_an_upload_that_waits_to_be_asked_for(
    server: Server, tmp_path: Path, tls: bool, arguments: tuple[str, ...]
) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(64 * MEBIBYTE))
    expecting = ("--header", "Expect: 100-continue", "--expect100-timeout", "30", *arguments)
    told = curl(server, "--upload-file", str(file), *expecting, path="/count", tls=tls)
    assert told == f"{64 * MEBIBYTE} octets\n200"


def test_an_upload_that_is_too_large_is_not_sent(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "larger"
    file.write_bytes(bytes(81 * MEBIBYTE))
    expecting = ("--header", "Expect: 100-continue", "--expect100-timeout", "30")
    told = curl(server, "--upload-file", str(file), "--output", "/dev/null", *expecting, "--write-out",
                "%{http_code} %{size_upload}", path="/count")  # fmt: skip
    assert told == "413 0"
