"""A WebSocket: messages to the route that has opened it, one after another, and from whatever wants to tell something.

As an `EventStream`, it is no work that a drain waits for (but a message being answered is), and costs no task.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from pillarbox.protocol.http.upgrade import GOING_AWAY, POLICY, Closed, Message, WebSocketEvent
from pillarbox.server.connection import Connection
from pillarbox.server.http.outlet import MAX_UNREAD_OCTETS, Outlet
from pillarbox.server.pump.alarms import Alarms, Cancellable

if TYPE_CHECKING:  # loaded with the first WebSocket, or soon after the start
    from pillarbox.protocol.http.websocket import WebSocketMachine

PING_S: Final = 60.0
SILENT_S: Final = 150.0
"""A client that answers no ping so long is gone."""
FRAGMENT_OCTETS: Final = 64 * 1024
"""Octets of a longer answer that are sent at once."""

Received = Callable[["WebSocket", str | bytes], Awaitable[None]]
"""Answers a message; the next one waits until it returns."""
Opened = Callable[["WebSocket"], Callable[[], None]]
"""Called once the WebSocket is open; returns what is called at its end."""


def _nothing(_socket: "WebSocket") -> Callable[[], None]:
    return lambda: None


class WebSocket:
    """What a route returns to have its connection become a WebSocket."""

    __slots__ = (
        "_alarm",
        "_alarms",
        "_close",
        "_connection",
        "_held",
        "_held_octets",
        "_machine",
        "_opened",
        "_outlet",
        "_received",
        "max_message_octets",
        "subprotocol",
    )

    def __init__(
        self,
        received: Received,
        *,
        max_message_octets: int,
        subprotocol: str = "",
        opened: Opened = _nothing,
    ) -> None:
        """`subprotocol` is one of those that the client proposes (RFC 6455 §4.2.2), or empty."""
        self.max_message_octets = max_message_octets
        self.subprotocol = subprotocol
        self._received = received
        self._opened = opened
        self._connection: Connection | None = None
        self._machine: WebSocketMachine | None = None
        self._outlet: Outlet | None = None
        self._close: Callable[[], None] | None = None
        self._alarms: Alarms | None = None
        self._alarm: Cancellable | None = None
        self._held: list[str | bytes] | None = None
        """What waits for the end of an answer that is sent in fragments: others may not stand between them."""
        self._held_octets = 0

    def send(self, content: str | bytes) -> None:
        """Send a message. Never waits; nothing happens once it is closed."""
        if self._outlet is None or self._machine is None:
            return
        if self._held is None:
            self._outlet.write(self._machine.send(content))
            return
        self._held.append(content)
        self._held_octets += len(content)
        if self._held_octets > MAX_UNREAD_OCTETS and self._connection is not None:
            self._connection.abort()

    async def answer(self, pieces: Iterable[bytes]) -> None:
        """Send a text in UTF-8 of any size from within `received`, as fast as the client reads.

        A long one goes in fragments (RFC 6455 §5.4), between which others are served. Raises `ConnectionGone`.
        """
        fragments = deque(_fragments(pieces))
        if len(fragments) == 1:
            await self._write(fragments[0], is_first=True, is_last=True)
            return
        self._held, is_first = [], True
        try:
            while fragments:
                fragment = fragments.popleft()
                await self._write(fragment, is_first=is_first, is_last=not fragments)
                await self.give_way()
                is_first = False
        finally:
            held, self._held, self._held_octets = self._held, None, 0
        for content in held:
            self.send(content)

    async def _write(self, fragment: bytes, *, is_first: bool, is_last: bool) -> None:
        if self._connection is not None and self._machine is not None:
            self._connection.write(self._machine.send_fragment(fragment, is_first=is_first, is_last=is_last))
            await self._connection.drain()

    async def give_way(self) -> None:
        """Let other connections be served; see `Connection.give_way`."""
        if self._connection is not None:
            await self._connection.give_way()

    def end(self, code: int = POLICY) -> None:
        """Close it; `code` says why (RFC 6455 §7.4)."""
        if self._connection is not None and self._machine is not None:
            self._connection.write(self._machine.close(code))
            self._connection.close()

    def abort(self) -> None:
        """Cut the connection, whatever is still to be sent."""
        if self._connection is not None:
            self._connection.abort()

    # --- for the session

    def begin(self, connection: Connection, alarms: Alarms) -> "WebSocketMachine":
        """The response that changes the protocol was sent; returns what reads it from now on."""
        from pillarbox.protocol.http.websocket import WebSocketMachine

        self._connection, self._alarms = connection, alarms
        self._machine = WebSocketMachine(self.max_message_octets)
        self._outlet = Outlet(connection)
        connection.set_deadline(SILENT_S)
        self._ping_later()
        self._close = self._opened(self)
        return self._machine

    async def handle(self, event: WebSocketEvent) -> None:
        """Answer what was read."""
        machine, connection = self._machine, self._connection
        assert machine is not None, "the WebSocket is open"
        assert connection is not None, "the WebSocket is open"
        connection.write(machine.answers())
        if type(event) is Message:
            await self._received(self, event.content)
        elif type(event) is Closed:
            connection.close()

    def last_octets(self, code: int = GOING_AWAY) -> bytes:
        """What is sent before the connection is closed."""
        return self._machine.close(code) if self._machine is not None else b""

    def closed(self) -> None:
        """The connection is gone."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._outlet is not None:
            self._outlet.close()
        close, self._close = self._close, None
        self._connection = self._outlet = None
        if close is not None:
            close()

    def _ping_later(self) -> None:
        assert self._alarms is not None, "the WebSocket is open"
        loop = asyncio.get_running_loop()
        self._alarm = self._alarms.call_at(loop, loop.time() + PING_S, self._ping)

    def _ping(self) -> None:
        if self._outlet is not None and self._machine is not None:
            self._outlet.write(self._machine.ping())
            self._ping_later()


def _fragments(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same octets: of many short pieces few, and of long ones some."""
    gathered, octets = list[bytes](), 0
    for piece in pieces:
        for at in range(0, len(piece), FRAGMENT_OCTETS):
            part = piece[at : at + FRAGMENT_OCTETS]
            if gathered and octets + len(part) > FRAGMENT_OCTETS:
                yield b"".join(gathered)
                gathered, octets = [], 0
            gathered.append(part)
            octets += len(part)
    yield b"".join(gathered)
