"""HTTP: heads that are large, long or slow, bodies in crumbs, requests without number, and doors left ajar."""

from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import Wire, last_line

MEBIBYTE: Final = 1024 * 1024
SLOW: Final = 400
AJAR: Final = 200
PIPELINED: Final = 100_000
LOGINS: Final = 2000
_GET: Final = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_POST: Final = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
_UPGRADE: Final = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
_WEBSOCKET: Final = b"GET /jmap/ws/ HTTP/1.1\r\nHost: a\r\n" + _UPGRADE
_CLOSE: Final = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
_NEVER: Final = rb"\A\Z."
"""Read until the server hangs up."""


def _status(octets: bytes) -> str:
    """The status of the last response."""
    _, found, rest = octets.rpartition(b"HTTP/1.1 ")
    return last_line(rest.partition(b"\r\n")[0]) if found else "(closed)"


def _refused(octets: bytes, target: Target) -> str:
    with target.wire("http") as wire:
        return _status(wire.exchange(octets, rb"^HTTP/1.1 [^\r\n]*\r\n"))


def many_fields(target: Target) -> str:
    """10,000 fields, small enough each, and so few that they are read."""
    line, end = b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n"
    answers = [
        _refused(line + b"A: b\r\n" * number + end, target)
        for number in (10_000, 4000, 1000, 99, 100)
        for _ in range(20)
    ]
    return target.all_of(answers)


def large_head(target: Target) -> str:
    """One field of 1 MB, a request line of 1 MB, and 1 MB without any line."""
    floods = (
        b"GET / HTTP/1.1\r\nA: " + b"a" * MEBIBYTE,
        b"GET /" + b"a" * MEBIBYTE,
        b"a" * MEBIBYTE,
        b"\r\n" * MEBIBYTE,
    )
    return target.all_of([_refused(flood, target) for flood in floods])


def slow_heads(target: Target) -> str:
    """Heads that come an octet at a time, from very many at once."""
    with ExitStack() as stack:
        wires = [stack.enter_context(target.wire("http")) for _ in range(SLOW)]
        for at in range(len(_GET) - 1):
            for wire in wires:
                wire.send(_GET[at : at + 1])
        for wire in wires[::40]:
            _status(wire.exchange(b"\n", rb"^HTTP/1.1 [^\r\n]*\r\n"))
        return _refused(_GET, target)


def crumbs(target: Target) -> str:
    """1 MiB in chunks of one octet, and chunks with the longest extensions."""
    bombs = (b"1\r\nx\r\n" * MEBIBYTE, (b"1;" + b"a" * 250 + b"\r\nx\r\n") * 100_000)
    answers = []
    for bomb in bombs:
        with target.wire("http") as wire:
            answers.append(_status(wire.exchange(_POST + bomb + b"0\r\n\r\n" + _CLOSE, _NEVER)))
    return target.all_of(answers)


def pipelined(target: Target) -> str:
    """Very many requests in one write, by one who reads them and by one who does not."""
    with ExitStack() as stack:
        deaf = stack.enter_context(
            Wire(target.provider.host, target.provider.ports["http"], receive_buffer=4096)
        )
        deaf.send(_GET * 1000)
        wire = stack.enter_context(target.wire("http"))
        wire.exchange(_GET * PIPELINED + _CLOSE, _NEVER)
        return f"{wire.received_octets // MEBIBYTE} MiB of responses"


def ajar(target: Target) -> str:
    """WebSockets that are asked for by half, and frames for one that was not opened."""
    with ExitStack() as stack:
        wires = [stack.enter_context(target.wire("http")) for _ in range(AJAR)]
        for wire in wires:
            wire.send(_WEBSOCKET)
        for wire in wires[::2]:
            wire.send(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + b"\x89\x80\0\0\0\0" * 10_000)
        return _refused(_GET, target)


def logins(target: Target) -> str:
    """Logins that are no logins, pipelined."""
    broken = _GET.replace(b"\r\n\r\n", b"\r\nAuthorization: Basic " + b"A" * 4000 + b"\r\n\r\n")
    with target.wire("http") as wire:
        return _status(wire.exchange(broken * LOGINS + _CLOSE, _NEVER))


CASES: Final = (
    Case("HTTP requests of up to 10,000 header fields", "100 fields; 32 KiB", many_fields),
    Case("HTTP requests with 1 MB of a header field, of a target, of nothing", "32 KiB; 8 KiB", large_head),
    Case(
        f"{SLOW} HTTP requests that come an octet at a time", "30 s for 4 KiB; 500 of an address", slow_heads
    ),
    Case("1 MiB in HTTP chunks of one octet", "256 chunks at once; 1 MiB of what nobody wants", crumbs),
    Case(f"{PIPELINED:,} HTTP requests, pipelined", "one at a time; in turns", pipelined, settle_s=2.0),
    Case(f"{AJAR} WebSockets opened by half", "30 s; nothing is kept of them", ajar),
    Case(f"{LOGINS} HTTP requests with 4 KB of Authorization", "4096 octets, where it is asked for", logins),
)
