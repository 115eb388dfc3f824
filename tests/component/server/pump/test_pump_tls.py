"""The pump and TLS: STARTTLS, what comes too early, handshakes that fail, certificates that change."""

import ssl

import pytest

from pillarbox.server.listener import ListenerLimits
from tests.kit.certificate import TestTls, client_context, server_context
from tests.kit.pump import Client, Play, Run, errors, open_listener, until


@pytest.mark.rfc("2595 §4", "MUST")
def test_starttls(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"TLS") == b"None True"
            assert await client.ask(b"STARTTLS") == b"go"
            await client.secure()
            assert await client.ask(b"TLS") == b"TLSv1.3 False"
            assert await client.ask(b"SLEEP 0.01") == b"slept"
            assert Play.made[0].dropped == 0
            assert listener.counts.injected == 0
            client.send(b"QUIT\r\n")
            assert await client.rest() == b"bye\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


@pytest.mark.rfc("3207 §4.2", "MUST")
@pytest.mark.parametrize("extra", [b"evil\r\n", b"evi", b"a\r\nb\r\nc\r\n"])
def test_what_is_sent_too_early_is_dropped(run: Run, extra: bytes) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"STARTTLS\r\n" + extra)
            assert await client.line() == b"go"
            await client.secure()
            assert await client.ask(b"a") == b"a"
            assert Play.made[0].handled == [b"STARTTLS", b"a"]
            assert Play.made[0].dropped == len(extra)
            assert listener.counts.injected == 1
            client.writer.close()

    run(scene())


def test_early_octets_held_during_the_command_are_dropped(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.send(b"STARTTLS\r\nevil\r\n")
            await until(lambda: Play.made[0].connection._held.octets > 0)
            Play.made[0].let_go.set()
            assert [await client.line() for _ in range(2)] == [b"waited", b"go"]
            await client.secure()
            assert await client.ask(b"a") == b"a"
            assert Play.made[0].dropped == 6
            client.writer.close()

    run(scene())


def test_a_client_hello_sent_together_with_the_command(run: Run) -> None:
    """The peer does not wait for our go-ahead: its ClientHello is early, and nothing is handled."""

    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"STARTTLS\r\n" + b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\nQUIT\r\n")
            assert await client.line() == b"go"
            client.writer.write_eof()
            assert await client.rest() == b""
            await until(lambda: not listener.open_connections)
            assert Play.made[0].handled == []

    run(scene())


def test_a_failed_handshake_is_counted_and_released(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"STARTTLS") == b"go"
            client.send(b"this is not TLS at all, whatever it may be\r\n" * 10)
            await client.rest()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1
            assert Play.made[0].ends == ["closed"]
            assert errors(listener) == []

    run(scene())


def test_a_peer_that_leaves_during_the_handshake(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(implicit_tls=True) as listener:
            client = await Client.of(listener, greeted=False)
            client.send(b"\x16\x03\x01")
            await until(lambda: listener.open_connections == 1)
            client.writer.close()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1

    run(scene())


def test_a_handshake_that_takes_too_long(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(implicit_tls=True, limits=ListenerLimits(handshake_s=0.05)) as listener:
            client = await Client.of(listener, greeted=False)
            await client.rest()
            await until(lambda: not listener.open_connections)
            assert listener.counts.handshakes_failed == 1

    run(scene())


def test_implicit_tls(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(implicit_tls=True) as listener:
            client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
            assert await client.ask(b"TLS") == b"TLSv1.3 False"
            client.send(b"BULK 50\r\nQUIT\r\n")
            assert await client.rest() == b"x" * 65536 * 50 + b"\r\ndone\r\nbye\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


def test_tls_peer_that_leaves_without_a_word(run: Run) -> None:
    async def scene() -> None:
        async with open_listener(implicit_tls=True) as listener:
            client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
            client.send(b"WAIT\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.writer.transport.abort()
            await until(lambda: Play.made[0].connection.gone)
            Play.made[0].let_go.set()
            await until(lambda: not listener.open_connections)

    run(scene())


def test_certificates_can_change_between_handshakes(run: Run) -> None:
    class Renewed(TestTls):
        asked = 0

        def context(self) -> ssl.SSLContext:
            self.asked += 1
            return super().context()

    async def scene() -> None:
        offer = Renewed()
        async with open_listener(implicit_tls=True, tls=offer) as listener:
            for n in (1, 2):
                client = await Client.of(listener, ssl=client_context(), server_hostname="localhost")
                assert offer.asked == n
                client.writer.close()

    run(scene())


def test_the_protocol_that_alpn_chose_is_in_the_tls_state(run: Run) -> None:
    class Offer(TestTls):
        def context(self) -> ssl.SSLContext:
            context = server_context.__wrapped__()
            context.set_alpn_protocols(["h2", "http/1.1"])
            return context

    async def scene() -> None:
        async with open_listener(implicit_tls=True, tls=Offer()) as listener:
            context = client_context()
            for client_offers, chosen in ((["http/1.1"], "http/1.1"), ([], None)):
                if client_offers:
                    context.set_alpn_protocols(client_offers)
                else:
                    context = client_context()
                client = await Client.of(listener, ssl=context, server_hostname="localhost")
                tls = Play.made[-1].connection.tls
                assert tls is not None
                assert tls.alpn == chosen
                client.writer.close()

    run(scene())
