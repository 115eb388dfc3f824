"""The frames of a WebSocket (RFC 6455 §5), by `websockets`' half without a socket.

No extension is offered: compression (RFC 7692) would take a window of memory for each connection, and let a small
frame become a large one.
"""

from collections.abc import Sequence
from typing import Final

from websockets.frames import Opcode
from websockets.protocol import Protocol, Side
from websockets.protocol import State as Phase

from pillarbox.protocol.http.upgrade import NOT_TEXT, Closed, Frames, Message, WebSocketEvent

_MIN_SLICE_OCTETS: Final = 256
_MAX_SLICE_OCTETS: Final = 64 * 1024
_FRAMES_AT_ONCE: Final = 16
"""Frames from one slice, from which the next slices are smaller: many small frames cost more than a large one."""


class WebSocketMachine:
    """Reads and writes one connection's frames."""

    __slots__ = ("_ended", "_held", "_kind", "_octets", "_parts", "_protocol", "_slice")

    def __init__(self, max_message_octets: int) -> None:
        self._protocol = Protocol(Side.SERVER, max_size=max_message_octets)
        self._held = b""
        self._slice = _MIN_SLICE_OCTETS
        self._kind = Opcode.TEXT
        self._parts: list[bytes] | None = None
        self._octets = 0
        """In `_parts`."""
        self._ended = False

    @property
    def buffered(self) -> int:
        """Octets received that are part of no message yet."""
        return len(self._held) + self._octets + len(self._protocol.reader.buffer)

    def begin(self, octets: bytes) -> None:
        """Take what came behind the request; it is looked at when `receive` is called."""
        self._held = octets

    def receive(self, octets: bytes) -> Sequence[WebSocketEvent]:
        """Look at some of it, so that others have their turn; the rest when asked again."""
        held = self._held + octets if self._held else octets
        if not held or self._ended:
            self._held = b""
            return ()
        part, self._held = held[: self._slice], held[self._slice :]
        self._protocol.receive_data(part)
        frames = self._protocol.events_received()
        crowded = len(frames) > _FRAMES_AT_ONCE
        self._slice = (
            max(_MIN_SLICE_OCTETS, self._slice // 4) if crowded else min(_MAX_SLICE_OCTETS, self._slice * 2)
        )
        events: list[WebSocketEvent] = []
        for frame in frames:
            event = self._message(frame.opcode, bytes(frame.data), final=frame.fin)  # type: ignore[union-attr]
            if event is not None:
                events.append(event)
        if self._protocol.close_expected() or self._protocol.state is not Phase.OPEN:
            self._ended = True
            events.append(Closed())
        return events or (Frames(),)

    def _message(self, opcode: Opcode, octets: bytes, *, final: bool) -> Message | None:
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self._kind, self._parts, self._octets = opcode, [], 0
        if opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) or self._parts is None:
            return None
        self._parts.append(octets)
        self._octets += len(octets)
        if not final:
            return None
        whole, self._parts = b"".join(self._parts), None
        self._octets = 0
        if self._kind is Opcode.BINARY:
            return Message(whole)
        try:
            return Message(whole.decode("utf-8"))
        except UnicodeDecodeError:
            self._protocol.fail(NOT_TEXT)
            return None

    def discard(self) -> int:
        """Forget what is buffered; return how many octets that were."""
        dropped, self._held = len(self._held), b""
        return dropped

    # --- what is sent

    def send(self, content: str | bytes) -> bytes:
        """A message, as octets; none once the connection is being closed."""
        if self._protocol.state is not Phase.OPEN:
            return b""
        if isinstance(content, str):
            self._protocol.send_text(content.encode())
        else:
            self._protocol.send_binary(content)
        return self.answers()

    def send_fragment(self, octets: bytes, *, is_first: bool, is_last: bool) -> bytes:
        """A part of a text in UTF-8 (RFC 6455 §5.4); as `send`. A character may be in two of them."""
        if self._protocol.state is not Phase.OPEN:
            return b""
        if is_first:
            self._protocol.send_text(octets, fin=is_last)
        else:
            self._protocol.send_continuation(octets, fin=is_last)
        return self.answers()

    def ping(self) -> bytes:
        """A question whether the other end is there."""
        if self._protocol.state is Phase.OPEN:
            self._protocol.send_ping(b"")
        return self.answers()

    def close(self, code: int) -> bytes:
        """The end of the connection; `code` says why."""
        if self._protocol.state is Phase.OPEN:
            self._protocol.send_close(code)
        return self.answers()

    def answers(self) -> bytes:
        """What the protocol has to say by itself: answers to pings, and to the close of the other side."""
        return b"".join(self._protocol.data_to_send())
