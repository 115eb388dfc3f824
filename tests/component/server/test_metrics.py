"""The metrics service on loopback: what a collector asks, and what it is told."""

import imaplib
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from pillarbox.protocol.metrics.machine import MAX_HEAD_OCTETS
from tests.kit.server import Server, serve


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("imap", "metrics") as running:
        yield running


def get(
    server: Server, path: str = "/metrics", *, method: str = "GET", accept: str = "*/*"
) -> tuple[int, str, str]:
    url = f"http://127.0.0.1:{server.ports['metrics']}{path}"
    request = urllib.request.Request(url, method=method, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.read().decode()


def said(server: Server, octets: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.ports["metrics"]), 20) as connection:
        connection.sendall(octets)
        answer = b""
        while more := connection.recv(10_000):
            answer += more
        return answer


def test_the_server_the_queue_and_the_database_are_told(server: Server) -> None:
    status, kind, text = get(server)
    assert status == 200
    assert kind.startswith("text/plain")
    for line in (
        "pillarbox_database_up 1.0",
        'pillarbox_queue_recipients{state="due"} 0.0',
        "pillarbox_search_backlog_messages 0.0",
        "pillarbox_worker_restarts_total 0.0",
    ):
        assert line in text.splitlines()
    assert "pillarbox_disk_free_bytes" not in text, "the kit's data directory does not exist"


def test_openmetrics_is_spoken_as_well(server: Server) -> None:
    _, kind, text = get(server, accept="application/openmetrics-text;version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/metrics", "POST", 405),
        ("/", "GET", 404),
        ("/metrics/x", "GET", 404),
        ("/metrics?name[]=a", "GET", 200),
    ],
)
def test_what_else_is_asked(server: Server, path: str, method: str, status: int) -> None:
    assert get(server, path, method=method)[0] == status


def test_head_has_no_content(server: Server) -> None:
    status, _, text = get(server, method="HEAD")
    assert (status, text) == (200, "")


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (b"EHLO me\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET /" + b"x" * MAX_HEAD_OCTETS, b"HTTP/1.1 431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
    ],
)
def test_a_connection_has_one_answer(server: Server, octets: bytes, line: bytes) -> None:
    answer = said(server, octets)
    assert answer.split(b"\r\n")[0] == line
    assert answer.count(b"HTTP/1.1") == 1


def test_many_may_ask_and_the_database_is_asked_once(server: Server) -> None:
    get(server)
    database = server.provider.world.database
    calls = database.calls
    for _ in range(3):
        get(server)
    assert database.calls == calls


def test_what_was_counted_is_there_though_nobody_collects(server: Server) -> None:
    client = imaplib.IMAP4("127.0.0.1", server.ports["imap"], timeout=20)
    client.noop()
    client.logout()
    from pillarbox.server.imap.handlers import COMMANDS_RECEIVED

    metrics = server.provider.world.shared.metrics
    assert metrics.value(COMMANDS_RECEIVED, "noop") == 1
    assert metrics.value(COMMANDS_RECEIVED, "logout") == 1
