"""How a connection becomes a WebSocket (RFC 6455 §4), and what is read of it then."""

import hashlib
from base64 import b64encode
from binascii import Error, a2b_base64
from typing import Final

from msgspec import Struct

from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.problem import Problem

GOING_AWAY: Final = 1001
NOT_TEXT: Final = 1007
POLICY: Final = 1008
FAILED: Final = 1011
"""Close codes (RFC 6455 §7.4.1)."""
_UPGRADE: Final = (b"upgrade", b"websocket")
_VERSION: Final = (b"sec-websocket-version", b"13")
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Message(Struct, frozen=True, gc=False):
    """A whole message, of however many frames."""

    content: str | bytes


class Frames(Struct, frozen=True, gc=False):
    """Something was read that is no whole message; there may be an answer to it."""


class Closed(Struct, frozen=True, gc=False):
    """Nothing more comes: closed by either side, or by a violation of the protocol."""


WebSocketEvent = Message | Frames | Closed


def refusal(head: Head) -> Problem | None:
    """Why this request does not open a WebSocket (RFC 6455 §4.2.1, §4.4); `None` where it does."""
    if head.method != "GET":
        return Problem(400, "A WebSocket is opened with GET.")
    if not head.wants_websocket:
        return Problem(426, "This is a WebSocket.", fields=(_UPGRADE,))
    if head.field(b"sec-websocket-version") != b"13":
        return Problem(426, "Only version 13 is spoken here.", fields=(_UPGRADE, _VERSION))
    if not _is_key(head.field(b"sec-websocket-key")):
        return Problem(400, "Sec-WebSocket-Key is missing or not valid.")
    return None


def acceptance(head: Head, subprotocol: str) -> list[tuple[bytes, bytes]]:
    """The fields of the response that changes the protocol (RFC 6455 §4.2.2)."""
    digest = hashlib.sha1(head.field(b"sec-websocket-key") + _GUID, usedforsecurity=False).digest()
    fields = [
        _UPGRADE,
        (b"connection", b"upgrade"),
        (b"sec-websocket-accept", b64encode(digest)),
    ]
    return [*fields, (b"sec-websocket-protocol", subprotocol.encode())] if subprotocol else fields


def _is_key(value: bytes) -> bool:
    try:
        return len(a2b_base64(value, strict_mode=True)) == 16
    except Error:
        return False
