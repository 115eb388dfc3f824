"""Fuzz the reading of HTTP requests, of what proxies tell, and of WebSocket frames.

`python tests/fuzz/fuzz_http.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

import contextlib

from pillarbox.protocol.http.credentials import basic
from pillarbox.protocol.http.events import Body, Head, HttpEvent, Malformed
from pillarbox.protocol.http.forwarded import ForwardedWrong, forwarded
from pillarbox.protocol.http.upgrade import Message, refusal
from pillarbox.protocol.http.websocket import WebSocketMachine
from tests.fuzz import harness
from tests.kit.http.dialogue import converse

MAX_MESSAGE_OCTETS = 1000

SEEDS = (
    b"GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nConnection: close\r\nAccept: */*\r\n\r\n",
    (
        b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello"
        b"GET / HTTP/1.0\r\n\r\n"
    ),
    (
        b"PUT http://a/q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"
    ),
    (
        b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ),
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n"
        b'Forwarded: for="[2001:db8::1]:80";proto=https, for=192.0.2.1\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n\r\n'
    ),
    b"\x81\x85\x00\x00\x00\x00hello\x89\x80\x00\x00\x00\x00\x02\x81\x00\x00\x00\x00a\x80\x81\x00\x00\x00\x00b",
)


def target(octets: bytes) -> None:
    """Events are the same however the octets were cut; each body follows its head; nothing follows what is wrong."""
    whole = converse([octets])
    _consistent(whole)
    for by in (1, 7):
        cut = converse(octets[at : at + by] for at in range(0, len(octets), by))
        # What is wrong may be noticed before it is complete, and then has another name
        assert [event for event in cut if not isinstance(event, Malformed)] == [
            event for event in whole if not isinstance(event, Malformed)
        ]
    machine = WebSocketMachine(MAX_MESSAGE_OCTETS)
    events = machine.receive(octets)
    while events:
        for event in events:
            assert not isinstance(event, Message) or len(event.content) <= MAX_MESSAGE_OCTETS
        events = machine.receive(b"")


def _consistent(events: list[HttpEvent]) -> None:
    announced: int | None = 0
    for before, event in zip([None, *events], events, strict=False):
        assert not isinstance(before, Malformed)
        if isinstance(event, Head):
            assert event.path.startswith(b"/") or event.path == b"*"
            announced = event.body_octets
            refusal(event)
            basic(event.field(b"authorization"))
            with contextlib.suppress(ForwardedWrong):
                forwarded(event.fields, lambda address: address.startswith("10."))
        elif isinstance(event, Body):
            assert isinstance(before, Head)
            assert announced != 0
            assert announced is None or not event.last or len(event.octets) == announced


if __name__ == "__main__":
    harness.main(target, SEEDS)
