"""The head of a collector's request."""

import pytest

from pillarbox.protocol.metrics.machine import MAX_HEAD_OCTETS, Malformed, MetricsMachine, Scrape, response

HEAD = b"GET /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\nACCEPT:  text/plain \r\n\r\n"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_request_is_read_however_it_was_cut(size: int) -> None:
    machine = MetricsMachine()
    found = [
        event for start in range(0, len(HEAD), size) for event in machine.receive(HEAD[start : start + size])
    ]
    assert found == [Scrape(b"GET", b"/metrics", "text/plain")]
    assert machine.buffered == 0


def test_what_follows_is_dropped() -> None:
    machine = MetricsMachine()
    assert len(machine.receive(HEAD + HEAD)) == 1
    assert machine.receive(HEAD) == ()
    assert machine.buffered == 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /metrics",
        b"GET  /metrics HTTP/1.1",
        b"G\xffT / HTTP/1.1",
        b"GET / HTTP/2.0",
        b"EHLO a",
    ],
)
def test_what_is_no_request_is_malformed(line: bytes) -> None:
    assert MetricsMachine().receive(line + b"\r\n\r\n") == (Malformed(400),)


def test_a_head_has_a_limit() -> None:
    machine = MetricsMachine()
    assert machine.receive(b"x" * MAX_HEAD_OCTETS) == ()
    assert machine.buffered == MAX_HEAD_OCTETS
    assert machine.receive(b"x") == (Malformed(431),)
    assert machine.buffered == 0
    assert MetricsMachine().receive(b"x" * (MAX_HEAD_OCTETS + 1) + b"\r\n\r\n") == (Malformed(431),)
    half = MetricsMachine()
    half.receive(b"GET /")
    assert half.discard() == 5


def test_a_response_is_whole_and_ends_the_connection() -> None:
    assert response(200, b"a 1\n", kind="text/x") == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 4\r\nConnection: close\r\n\r\na 1\n"
    )
    assert response(200, b"a 1\n", head_only=True).endswith(b"Content-Length: 4\r\nConnection: close\r\n\r\n")
    assert b"Allow: GET, HEAD\r\n" in response(405)
