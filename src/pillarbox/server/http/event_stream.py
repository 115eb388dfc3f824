"""A response without an end: server-sent events (WHATWG HTML §9.2).

It is no work that a drain waits for, and costs no task: a route returns an `EventStream`, and whatever it has
subscribed to calls `send`. It ends with its connection: at the end of the server, and when its account may no longer be
used.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from pillarbox.protocol.http.responses import LAST_CHUNK, chunk
from pillarbox.server.connection import Connection
from pillarbox.server.http.outlet import Outlet
from pillarbox.server.pump.alarms import Alarms, Cancellable

MIN_PING_S: Final = 30.0
"""Sooner, idle streams would cost more than they tell."""
FIELDS: Final = ((b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no"))
"""The second keeps nginx from collecting events."""
COMMENT: Final = b":\n\n"

Opened = Callable[["EventStream"], Callable[[], None]]
"""Subscribes a stream to what it tells; returns what ends that. Called once the response has begun."""


def event(data: str, *, name: str = "", identifier: str = "") -> bytes:
    """An event as octets. `name` and `identifier` have no line ends."""
    assert "\n" not in name + identifier, "a field is one line"
    lines = [f"id: {identifier}\n"] if identifier else []
    if name:
        lines.append(f"event: {name}\n")
    lines += [f"data: {line}\n" for line in data.split("\n")]
    return ("".join(lines) + "\n").encode()


class EventStream:
    """A response that lasts until the client leaves or `end` is called."""

    __slots__ = (
        "_alarm",
        "_alarms",
        "_chunked",
        "_connection",
        "_ended",
        "_opened",
        "_outlet",
        "_unsubscribe",
        "ping",
        "ping_s",
    )

    def __init__(self, opened: Opened, *, ping: bytes = COMMENT, ping_s: float = 300.0) -> None:
        """`ping` is sent every `ping_s` seconds, so that it is noticed where the client is gone without a word."""
        self.ping = ping
        self.ping_s = max(MIN_PING_S, ping_s)
        self._opened = opened
        self._ended = False
        self._connection: Connection | None = None
        self._outlet: Outlet | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._alarms: Alarms | None = None
        self._alarm: Cancellable | None = None
        self._chunked = True

    def send(self, octets: bytes) -> None:
        """Send whole events (see `event`). Never waits; nothing happens once it has ended."""
        if self._outlet is not None and not self._ended:
            self._outlet.write(chunk(octets) if self._chunked else octets)

    def end(self) -> None:
        """End the response, and the connection with it."""
        if self._connection is not None and not self._ended:
            self._connection.write(self.last_octets())
            self._connection.close()

    # --- for the session

    def begin(self, connection: Connection, alarms: Alarms, *, chunked: bool) -> None:
        """The head of the response was sent."""
        self._connection, self._alarms, self._chunked = connection, alarms, chunked
        self._outlet = Outlet(connection)
        # A proxy may keep the head until something of the body comes, and the client would not know that it listens
        self.send(COMMENT)
        self._ping_later()
        self._unsubscribe = self._opened(self)

    def last_octets(self) -> bytes:
        """What ends the response."""
        self._ended = True
        return LAST_CHUNK if self._chunked else b""

    def closed(self) -> None:
        """The connection is gone."""
        self._ended = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._outlet is not None:
            self._outlet.close()
        unsubscribe, self._unsubscribe = self._unsubscribe, None
        self._connection = self._outlet = None
        if unsubscribe is not None:
            unsubscribe()

    def _ping_later(self) -> None:
        assert self._alarms is not None, "the stream has begun"
        loop = asyncio.get_running_loop()
        self._alarm = self._alarms.call_at(loop, loop.time() + self.ping_s, self._ping)

    def _ping(self) -> None:
        self.send(self.ping)
        self._ping_later()
