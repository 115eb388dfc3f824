"""One query and its response, over UDP or TCP.

The system chooses each UDP port at random. Queries that are under way at the same time share one, up to a number:
a socket of its own for each costs nearly half as much again, and who forges responses has to guess the identity of a
query and a port that is in use for the time of one answer all the same (RFC 5452 §9.2).
"""

import asyncio
import socket
from typing import Final

from pillarbox.dns import message
from pillarbox.world.resolver.servers import NameServer

PAYLOAD_OCTETS: Final = 1232
"""The largest UDP answer accepted: it fits into one packet everywhere, so it is never fragmented."""
MAX_QUERIES_OF_A_PORT: Final = 20
_DATAGRAM_OCTETS: Final = 4096


class _Port:
    """A UDP socket that is connected to one server, and the queries that wait for its answers."""

    def __init__(self, server: NameServer) -> None:
        """Raises OSError."""
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._waiting: dict[bytes, tuple[bytes, asyncio.Future[bytes]]] = {}
        """Query and who waits, by the identity of the query."""
        self._sent = 0
        self.is_open = True
        try:
            self._socket.setblocking(False)
            self._socket.connect((server.address, server.port))
            asyncio.get_running_loop().add_reader(self._socket, self._readable)
        except OSError:
            self._socket.close()
            raise

    def takes(self, asked: bytes) -> bool:
        return self.is_open and self._sent < MAX_QUERIES_OF_A_PORT and asked[:2] not in self._waiting

    async def exchange(self, asked: bytes) -> bytes:
        response: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._sent += 1
        self._waiting[asked[:2]] = asked, response
        try:
            self._socket.send(asked)
            return await response
        finally:
            del self._waiting[asked[:2]]
            if not self._waiting:
                self.close()

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(len(self._waiting)):  # others have their turn after so many, whoever sends more
            try:
                octets = self._socket.recv(_DATAGRAM_OCTETS)
            except BlockingIOError:
                return
            except (
                OSError
            ) as failure:  # nobody listens there: the ICMP message is for all queries from this port
                for _, response in self._waiting.values():
                    if not response.done():
                        response.set_exception(type(failure)(*failure.args))
                return
            waiting = self._waiting.get(octets[:2])
            # what answers no query is ignored, and the true answer waited for
            if waiting and not waiting[1].done() and message.answers(octets, waiting[0]):
                waiting[1].set_result(octets)


class Datagrams:
    """The open UDP ports, one a server that takes further queries."""

    def __init__(self) -> None:
        self._ports: dict[NameServer, _Port] = {}

    async def exchange(self, server: NameServer, asked: bytes) -> bytes:
        """The response to a query. Raises OSError."""
        port = self._ports.get(server)
        if port is None or not port.takes(asked):
            port = self._ports[server] = _Port(server)
        try:
            return await port.exchange(asked)
        finally:
            if not port.is_open and self._ports.get(server) is port:
                del self._ports[server]


async def over_tcp(server: NameServer, asked: bytes) -> bytes:
    """The response to a query, of up to `message.MAX_OCTETS`. Raises OSError, EOFError, `message.Malformed`."""
    reader, writer = await asyncio.open_connection(server.address, server.port)
    try:
        writer.write(len(asked).to_bytes(2) + asked)
        length = int.from_bytes(await reader.readexactly(2))
        if length > message.MAX_OCTETS:
            raise message.Malformed("too long")
        response = await reader.readexactly(length)
    finally:
        writer.close()
    if not message.answers(response, asked):
        raise message.Malformed("no response to this query")
    return response
