"""Output that no request waits for: events of a stream, messages of a WebSocket.

It is written when it comes about, whoever reads. What is not read is bounded: by octets, and by time.
"""

import asyncio
from typing import Final

from pillarbox.server.connection import Connection, ConnectionGone

UNWATCHED_OCTETS: Final = 16 * 1024
"""What is written before it is looked at whether the client reads."""
MAX_UNREAD_OCTETS: Final = 256 * 1024
"""What may be written besides while the client does not read; then the connection is cut."""
UNREAD_S: Final = 60.0
"""How long a client may take to read."""


class Outlet:
    """Writes to a connection on behalf of what goes on elsewhere."""

    __slots__ = ("_connection", "_watching", "_written")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._written = 0
        self._watching: asyncio.Task[None] | None = None

    def write(self, octets: bytes) -> None:
        """Send; never waits. A client that does not read is cut off."""
        self._connection.write(octets)
        self._written += len(octets)
        if self._watching is not None:
            if self._written > MAX_UNREAD_OCTETS:
                self._connection.abort()
        elif self._written > UNWATCHED_OCTETS:
            self._written = 0
            self._watching = asyncio.get_running_loop().create_task(self._watch())

    def close(self) -> None:
        """The connection is gone."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        try:
            async with asyncio.timeout(UNREAD_S):
                await self._connection.drain()
        except TimeoutError:
            self._connection.abort()
        except ConnectionGone:
            pass
        finally:
            self._watching = None
            self._written = 0
