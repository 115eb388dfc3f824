"""WebSocket: the handshake, whole messages, limits, and nothing that takes long at once."""

import struct

import pytest

from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.upgrade import Closed, Frames, Message, WebSocketEvent, acceptance, refusal
from pillarbox.protocol.http.websocket import WebSocketMachine
from tests.kit.http.dialogue import one

OPENING = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def asked(octets: bytes) -> Head:
    event = one(octets)
    assert isinstance(event, Head)
    return event


def frame(opcode: int, content: bytes, *, final: bool = True, masked: bool = True) -> bytes:
    """A frame of a client (RFC 6455 §5.2)."""
    length = len(content)
    first = bytes([opcode | (0x80 if final else 0)])
    bit = 0x80 if masked else 0
    if length < 126:
        first += bytes([bit | length])
    elif length < 65536:
        first += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        first += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return first + content
    mask = b"\x37\xfa\x21\x3d"
    return first + mask + bytes(octet ^ mask[at % 4] for at, octet in enumerate(content))


def all_of(machine: WebSocketMachine, octets: bytes) -> list[WebSocketEvent]:
    found = list(machine.receive(octets))
    while more := machine.receive(b""):
        found += more
    return [event for event in found if not isinstance(event, Frames)]


@pytest.mark.rfc("6455 §4.2.2", "MUST")
def test_the_example_of_the_rfc_is_accepted() -> None:
    head = asked(OPENING)
    assert refusal(head) is None
    fields = dict(acceptance(head, "jmap"))
    assert fields[b"sec-websocket-accept"] == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert fields[b"sec-websocket-protocol"] == b"jmap"
    assert b"sec-websocket-protocol" not in dict(acceptance(head, ""))


@pytest.mark.rfc("6455 §4.2.1", "MUST")
@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        (b"GET", b"POST", 400),
        (b"HTTP/1.1", b"HTTP/1.0", 426),
        (b"Upgrade: WebSocket", b"Upgrade: h2c", 426),
        (b"keep-alive, Upgrade", b"keep-alive", 426),
        (b"Version: 13", b"Version: 8", 426),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZQ==", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"?", 400),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"", 400),
    ],
)
def test_what_opens_no_websocket(before: bytes, after: bytes, status: int) -> None:
    problem = refusal(asked(OPENING.replace(before, after)))
    assert problem is not None
    assert problem.status == status


def test_messages_come_whole() -> None:
    machine = WebSocketMachine(1000)
    sent = (
        frame(1, b"one")
        + frame(2, b"t", final=False)
        + frame(9, b"ping")
        + frame(0, b"wo")
        + frame(1, "drei ä".encode())
    )
    for by in (1, 3, len(sent)):
        machine = WebSocketMachine(1000)
        found = [event for at in range(0, len(sent), by) for event in all_of(machine, sent[at : at + by])]
        assert found == [Message("one"), Message(b"two"), Message("drei ä")]
        assert machine.answers() == b"\x8a\x04ping"
        assert machine.buffered == 0


@pytest.mark.rfc("6455 §7.4.1", "MUST")
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(1, b"x" * 1001), 1009),
        (frame(1, b"x" * 600, final=False) + frame(0, b"x" * 600), 1009),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"x", masked=False), 1002),
        (frame(3, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(8, struct.pack("!H", 1000)), 1000),
    ],
)
def test_it_is_closed_with_a_reason(sent: bytes, code: int) -> None:
    machine = WebSocketMachine(1000)
    assert all_of(machine, sent)[-1] == Closed()
    answer = machine.answers()
    assert answer[0] == 0x88
    assert struct.unpack("!H", answer[2:4]) == (code,)
    assert machine.send("more") == b""
    assert machine.ping() == b""
    assert not machine.receive(frame(1, b"late"))


def test_a_message_under_way_is_counted() -> None:
    machine = WebSocketMachine(10_000)
    all_of(machine, frame(1, b"x" * 3000, final=False) + frame(0, b"x" * 5000)[:2000])
    assert machine.buffered >= 4900


def test_many_small_frames_are_read_in_slices() -> None:
    machine = WebSocketMachine(1000)
    flood = frame(9, b"") * 5000
    most, events = 0, machine.receive(flood)
    while events:
        most = max(most, len(machine.answers()) // 2)
        events = machine.receive(b"")
    assert machine.buffered == 0
    assert 0 < most <= 100
