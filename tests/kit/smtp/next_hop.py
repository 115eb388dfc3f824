"""A server with STARTTLS on loopback, and a relay that delivers one message to it.

hop = NextHop(folder, certificate)
async with served(hop) as port:
    why_not = await delivered_by_relay(hop, port, resolver)
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from pillarbox.app.resolved import resolve
from pillarbox.config.sections.relay import Relay as RelayOptions
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.server.relay.relay import Relay
from pillarbox.world.blobs import prepare
from pillarbox.world.fetcher import Fetcher
from pillarbox.world.fetcher.memory import MemoryFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver import Resolver
from tests.kit.certificates import Issued
from tests.kit.provider import Provider, open_provider

WITHIN_S = 20


class NextHop:
    """A server that takes messages, with STARTTLS and these certificates."""

    def __init__(self, folder: Path, *chain: Issued, offers_tls: bool = True) -> None:
        self.offers_tls = offers_tls
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain[0].pem(folder, *chain[1:]))
        self.names: list[str | None] = []
        """Server names of handshakes (SNI)."""
        self.context.sni_callback = lambda _tls, name, _context: self.names.append(name)
        self.delivered = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        writer.write(b"220 mx.two.example\r\n")
        try:
            while line := await reader.readline():
                match line[:4].upper():
                    case b"EHLO":
                        writer.write(
                            b"250-mx.two.example\r\n250 STARTTLS\r\n" if self.offers_tls else b"250 ok\r\n"
                        )
                    case b"STAR":
                        writer.write(b"220 go on\r\n")
                        await writer.start_tls(self.context)
                    case b"DATA":
                        writer.write(b"354 go on\r\n")
                        await reader.readuntil(b"\r\n.\r\n")
                        writer.write(b"250 taken\r\n")
                        self.delivered.set()
                    case b"QUIT":
                        writer.write(b"221 bye\r\n")
                        break
                    case _:
                        writer.write(b"250 ok\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()


@asynccontextmanager
async def served(hop: NextHop) -> AsyncIterator[int]:
    """Serve; yields the port."""
    server = await asyncio.start_server(hop.serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def delivered_by_relay(
    hop: NextHop,
    port: int,
    resolver: Resolver,
    fetcher: MemoryFetcher | None = None,
    *,
    domain: str = "two.example",
) -> str:
    """Empty if a message to somebody at the domain got there, otherwise why it did not."""
    provider = await open_provider()
    try:
        return await delivered_by(provider, hop, port, resolver, fetcher or MemoryFetcher(), domain=domain)
    finally:
        await provider.close()


async def delivered_by(
    provider: Provider, hop: NextHop, port: int, resolver: Resolver, fetcher: Fetcher, *, domain: str
) -> str:
    """The same of a provider that is open, and has nothing else in its queue."""
    config = replace(provider.config, relay=RelayOptions(port=port))
    world = replace(provider.world, network=SystemNetwork(), resolver=resolver, fetcher=fetcher)
    hop.delivered.clear()
    message = prepare(b"From: u0@one.example\r\n\r\nhi\r\n")
    outbound = Outbound(message, "u0@one.example", (QueuedRecipient(f"a@{domain}", domain),))
    await world.database.write(enqueue, outbound, now_ms=world.clock.now_ms())
    relay = Relay(world, config, resolve(config).routes)
    relay.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            while not hop.delivered.is_set():
                reply = await world.database.read(
                    lambda tx: tx.value("SELECT last_reply FROM queue_recipients")
                )
                if reply:
                    return str(reply)
                await asyncio.sleep(0.02)
        return ""
    finally:
        await relay.stop(1)
