"""Those who are logged in to JMAP by WebSockets and for events: floods of messages, and pushes to very many."""

from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.jmap_client import Client, frame
from tests.blocking.target import Target
from tests.blocking.wire import Wire

SOCKETS: Final = 200
REQUESTS: Final = 500
STREAMS: Final = 1_000
CHANGES: Final = 500
MEGABYTES: Final = 10_000_000
"""A message may have so many octets."""
SMALL_BUFFER: Final = 4096
_CLOSE: Final = frame(b"\x03\xe8", opcode=8)
_HANGS_UP: Final = rb"\A\Z."
_ENABLE: Final = frame(b'{"@type":"WebSocketPushEnable","dataTypes":null}')
_DISABLE: Final = frame(b'{"@type":"WebSocketPushDisable"}')
_ECHO: Final = (
    b'{"@type":"Request","using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":1},"0"]]}'
)


def _code(octets: bytes) -> str:
    """Why the server has closed."""
    at = octets.rfind(b"\x88")
    return str(int.from_bytes(octets[at + 2 : at + 4], "big")) if at >= 0 else "(closed)"


def unread(target: Target) -> str:
    """Very many small requests, which nobody reads the answers of."""
    client = Client(target)
    with ExitStack() as stack:
        wires = [stack.enter_context(client.socket(receive_buffer=SMALL_BUFFER)) for _ in range(SOCKETS)]
        for wire in wires:
            wire.send(frame(_ECHO) * REQUESTS)
        return _code(wires[0].exchange(_CLOSE, _HANGS_UP))


def _message(client: Client, octets: bytes) -> str:
    with client.socket() as wire:
        got = wire.exchange(frame(octets) + _CLOSE, _HANGS_UP)
    found = [
        word
        for word in (b"maxJsonDepth", b"maxJsonValues", b"maxSizeRequest", b"notJSON", b"notRequest")
        if word in got
    ]
    return found[0].decode() if found else "answered" if b"@type" in got else _code(got)


def large(target: Target) -> str:
    """One message as large as can be: deep, of very many values, one long text, and what switches notifications."""
    client = Client(target)
    start = b'{"@type":"Request","using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{"a":'
    end = b'},"0"]]}'
    room = MEGABYTES - len(start) - len(end)
    enable = b'{"@type":"WebSocketPushEnable","dataTypes":['
    return target.all_of(
        [
            _message(client, octets)
            for octets in (
                start + b"[" * (room // 2) + b"]" * (room // 2) + end,
                start + b"[" + b"0," * (room // 2 - 4) + b"0]" + end,
                start + b'"' + b"a" * (room - 2) + b'"' + end,
                start + b'"' + "\N{SNOWMAN}".encode() * (room // 3 - 2) + b'"' + end,
                start[:-1] + b'"a":0,' * (room // 6) + end,
                enable + b'"",' * (room // 3) + b'""]}',
                enable + b'],"pushState":"' + b"a" * (room - 20) + b'"}',
                enable + b'],"pushState":"' + b"a," * (room // 2 - 20) + b'"}',
                b" " * MEGABYTES,
            )
        ]
    )


def crumbs(target: Target) -> str:
    """Fragments of an octet, pings, and pongs without end."""
    client = Client(target)
    more = frame(b"a", opcode=0, final=False)
    floods = (
        frame(b"a", final=False) + more * 1_000_000,
        frame(b"ping", opcode=9) * 500_000,
        frame(b"", opcode=10) * 1_000_000,
        (_ENABLE + _DISABLE) * 20_000,
        _ENABLE * 40_000,
    )
    answers = []
    for flood in floods:
        with client.socket() as wire:
            answers.append(_code(wire.exchange(flood + _CLOSE, _HANGS_UP)))
    return target.all_of(answers)


def half_read(target: Target) -> str:
    """Responses of megabytes that are read by half."""
    client = Client(target)
    text = "x" * 2_000_000
    body = client.body([("Core/echo", {"a": text})] * 4)
    body = b'{"@type":"Request",' + body[1:]
    with ExitStack() as stack:
        wires = [stack.enter_context(client.socket(receive_buffer=SMALL_BUFFER)) for _ in range(8)]
        for wire in wires:
            wire.send(frame(body))
        for wire in wires:  # who comes last finds no memory
            wire.exchange(b"", b"x{1000}|serverUnavailable")
        return client.calls("Core/echo", {"a": 1})


def pushed(target: Target) -> str:
    """Very many who are told of each change of an account."""
    client = Client(target)
    with ExitStack() as stack:
        sockets = [stack.enter_context(client.socket()) for _ in range(SOCKETS)]
        for one in sockets:
            one.send(_ENABLE)
        wire = stack.enter_context(target.imap(mailbox="INBOX"))
        streams = [stack.enter_context(target.wire("http")) for _ in range(STREAMS)]
        for stream in streams:
            stream.send(client.head("GET /jmap/eventsource/?types=*&closeafter=no&ping=0"))
        for number in range(CHANGES):
            wire.exchange(b"a CREATE n%d\r\n" % number, rb"^a [^\r\n]*\r\n")
        told = sum(_is_told(one) for one in (streams[0], streams[-1], sockets[0], sockets[-1]))
    return f"{told} of 4 are told"


def _is_told(wire: Wire) -> bool:
    return b"StateChange" in wire.exchange(b"", rb"StateChange")


CASES: Final = (
    Case(f"{SOCKETS} WebSockets with {REQUESTS} requests each, unread", "one at a time; in turns", unread),
    Case("WebSocket messages of 10 MB: deep, of many values, of one text", "64 deep; 50,000 values", large),
    Case("WebSocket fragments of one octet, pings, and notifications switched on and off", "in turns", crumbs),
    Case("8 WebSocket responses of 8 MB that are read by half", "fragments of 64 KiB", half_read, memory_mib=512),
    Case(f"{STREAMS:,} event sources and {SOCKETS} WebSockets that are told of {CHANGES} changes",
         "read once for all; 16 at once", pushed),
)  # fmt: skip
