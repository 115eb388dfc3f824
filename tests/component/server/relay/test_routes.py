"""Routes to hosts of this machine and its network, over real sockets: addresses, localhost, the hosts file."""

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from pillarbox.app.resolved import resolve
from pillarbox.config.sections.relay import Relay as RelayOptions
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.server.relay.relay import Relay
from pillarbox.world.blobs import prepare
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.hosts import HostsFile
from tests.kit.provider import open_provider

WITHIN_S = 20


class NextHop:
    """A server without any extension, which takes one message."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.message = b""
        self.delivered = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 next.example\r\n")
        async for line in reader:
            self.commands.append(line.decode().rstrip())
            match line[:4].upper():
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.message = await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 taken\r\n")
                    self.delivered.set()
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                case _:
                    writer.write(b"250 next.example\r\n")
        writer.close()


@pytest.mark.rfc("6531 §3.2", "MUST")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "mailhub"])
def test_a_route_leads_there_with_a_labels_alone(host: str, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_bytes(b"127.0.0.1 mailhub\n")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET

    async def test() -> None:
        hop = NextHop()
        try:
            server = await asyncio.start_server(
                hop.serve, "::1" if ":" in host else "127.0.0.1", 0, family=family
            )
        except OSError as failure:
            pytest.skip(f"no such address here: {failure}")
        port = server.sockets[0].getsockname()[1]
        provider = await open_provider()
        config = replace(provider.config, relay=RelayOptions(routes={"bücher.example": f"{host}:{port}"}))
        world = replace(
            provider.world, network=SystemNetwork(), resolver=HostsFile(provider.world.resolver, hosts)
        )
        recipient = QueuedRecipient("a@bücher.example", "xn--bcher-kva.example")
        octets = "From: u0@one.example\r\nTo: <a@bücher.example>\r\n\r\nhi\r\n".encode()
        outbound = Outbound(prepare(octets), "u0@one.example", (recipient,), smtputf8=True)
        await world.database.write(enqueue, outbound, now_ms=world.clock.now_ms())
        relay = Relay(world, config, resolve(config).routes)
        relay.start()
        try:
            async with asyncio.timeout(WITHIN_S):
                await hop.delivered.wait()
        finally:
            await relay.stop(1)
            server.close()
            await provider.close()
        assert "RCPT TO:<a@xn--bcher-kva.example>" in hop.commands
        assert b"To: <a@xn--bcher-kva.example>" in hop.message
        assert (b"".join((*map(str.encode, hop.commands), hop.message))).isascii()

    asyncio.run(test())
