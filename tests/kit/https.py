"""A web server of a test's own on loopback, which says what the test wants, octet for octet."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pillarbox.dns import Kind
from pillarbox.world.clock import SystemClock
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificate import certificate_file, server_context

HERE, NOT_ADMITTED = "127.0.0.1", "127.0.0.2"


@dataclass(frozen=True, slots=True)
class Request:
    """What the server was asked."""

    method: str
    path: str
    fields: Mapping[str, str]
    """By name in lower case."""
    octets: bytes


Says = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


def ok(octets: bytes, *fields: str) -> bytes:
    """A response that is right in every way."""
    return response("200 OK", octets, *fields)


def response(status: str, octets: bytes = b"", *fields: str) -> bytes:
    """A response with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(octets)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + octets


@dataclass
class Web:
    """A server under way, and the URLs that lead to it."""

    port: int
    pages: dict[str, bytes] = field(default_factory=dict)
    """Responses by path; any other is 404."""
    requests: list[Request] = field(default_factory=list)

    def url(self, path: str = "/page", host: str = "localhost") -> str:
        """The URL of a path here."""
        return f"https://{host}:{self.port}{path}"

    def fetcher(self, names: Mapping[str, Sequence[str]] | None = None) -> HttpsFetcher:
        """A fetcher that admits this server at `HERE`, and knows other names for what the test says."""
        known = {"localhost": [HERE], "inner.example": [NOT_ADMITTED], **(names or {})}
        resolver = ZoneResolver([*known, "example"], {(name, Kind.A): found for name, found in known.items()})
        return HttpsFetcher(
            SystemNetwork(),
            resolver,
            SystemClock(),
            authorities=certificate_file(),
            ports=[self.port],
            admits=lambda address: address != NOT_ADMITTED,
        )

    async def say(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer with one of `pages`."""
        writer.write(self.pages.get(request.path, response("404 Not Found")))


@asynccontextmanager
async def web(says: Says | None = None, context: ssl.SSLContext | None = None) -> AsyncIterator[Web]:
    """Serve; `says` writes the response to a request instead of the given pages."""
    connections: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            request = await _request(reader)
            serving.requests.append(request)
            await (says or serving.say)(request, writer)
            await writer.drain()
        except (OSError, EOFError):
            pass  # the client has seen enough
        finally:
            writer.close()
            connections.discard(task)

    listening = await asyncio.start_server(served, HERE, 0, ssl=context or server_context())
    serving = Web(listening.sockets[0].getsockname()[1])
    try:
        yield serving
    finally:
        listening.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


def context_of(pem: bytes, folder: Path) -> ssl.SSLContext:
    """A server's context with another certificate."""
    path = folder / "other.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    fields = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    octets = await reader.readexactly(int(fields.get("content-length", "0")))
    return Request(method, path, fields, octets)
