"""A WebSocket: messages to the route that has opened it, one after another, and from whatever wants to tell something.

As an `EventStream`, it is no work that a drain waits for (but a message being answered is), and costs no task.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from pillarbox.protocol.http.upgrade import GOING_AWAY, POLICY, Closed, Message, WebSocketEvent
from pillarbox.server.connection import Connection
from pillarbox.server.http.outlet import Outlet
from pillarbox.server.pump.alarms import Alarms, Cancellable

if TYPE_CHECKING:  # loaded with the first WebSocket, or soon after the start
    from pillarbox.protocol.http.websocket import WebSocketMachine

PING_S: Final = 60.0
SILENT_S: Final = 150.0
"""A client that answers no ping so long is gone."""

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

    def send(self, content: str | bytes) -> None:
        """Send a message. Never waits; nothing happens once it is closed."""
        if self._outlet is not None and self._machine is not None:
            self._outlet.write(self._machine.send(content))

    async def answer(self, content: str | bytes) -> None:
        """Send a message of any size from within `received`, as fast as the client reads. Raises `ConnectionGone`."""
        if self._connection is not None and self._machine is not None:
            self._connection.write(self._machine.send(content))
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
