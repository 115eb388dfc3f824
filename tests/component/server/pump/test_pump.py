"""The pump, with a small line protocol, on both loops, over real loopback sockets."""

import asyncio

import pytest

from pillarbox.server.connection import Connection, ConnectionGone
from pillarbox.server.pump.phases import Phase
from tests.kit.pump import Client, Play, Run, errors, open_listener, until


def test_greets_and_answers_in_order(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"a\r\nSLEEP 0.01\r\nb\r\nSL")
            client.send(b"EEP\r\nQUIT\r\nnever\r\n")
            assert await client.rest() == b"a\r\nslept\r\nb\r\nslept\r\nbye\r\n"
            await until(lambda: not listener.open_connections)
            assert Play.made[0].ends == ["closed"]
            assert Play.made[0].handled[-1] == b"QUIT"

    run(scene())


def test_events_beyond_a_fair_share_are_all_handled(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"".join(b"%d\r\n" % n for n in range(1000)) + b"QUIT\r\n")
            assert await client.rest() == b"".join(b"%d\r\n" % n for n in range(1000)) + b"bye\r\n"

    run(scene())


@pytest.mark.rfc("9293 §3.10.4", "MAY")
def test_half_closed_peer_gets_its_answers(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"SLEEP 0.02\r\na\r\nunfinished")
            client.writer.write_eof()
            assert await client.rest() == b"slept\r\na\r\n"
            await until(lambda: not listener.open_connections)

    run(scene())


def test_reading_is_paused_while_too_much_waits(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\n")
            flood = b"x" * 1022 + b"\r\n"
            for _ in range(20_000):
                client.send(flood)
            await until(lambda: Play.made[0].connection._held.paused)
            await asyncio.sleep(0.02)
            assert Play.made[0].connection._held.octets < 400 * 1024
            Play.made[0].let_go.set()
            client.send(b"QUIT\r\n")
            answers = await client.rest()
            assert answers == b"waited\r\n" + flood * 20_000 + b"bye\r\n"

    run(scene())


def test_drain_waits_for_a_slow_reader_and_the_output_is_whole(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"BULK 300\r\nQUIT\r\n")
            await until(lambda: Play.made[0].connection.phase is Phase.DRAINING)
            assert Play.made[0].at_work
            answers = await client.rest()
            assert answers == b"x" * 65536 * 300 + b"\r\ndone\r\nbye\r\n"

    run(scene())


def test_a_peer_that_leaves_during_drain_ends_the_handler(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"BULK 300\r\n")
            await until(lambda: Play.made[0].connection.phase is Phase.DRAINING)
            client.writer.transport.abort()
            await until(lambda: not listener.open_connections)
            assert Play.made[0].ends == ["closed"]
            assert errors(listener) == []

    run(scene())


def test_a_peer_that_never_reads_is_cut_off(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.05") == b"set"
            client.send(b"BULK 300\r\n")
            await until(lambda: not listener.open_connections)
            client.writer.close()

    run(scene())


def test_closed_comes_after_the_work_when_the_peer_leaves(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\nnever\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            client.reset()
            await until(lambda: Play.made[0].connection.gone)
            assert Play.made[0].ends == []
            with pytest.raises(ConnectionGone):
                await Play.made[0].connection.drain()
            Play.made[0].let_go.set()
            await until(lambda: Play.made[0].ends == ["closed"])
            assert Play.made[0].handled == [b"WAIT"]

    run(scene())


@pytest.mark.parametrize("command", [b"BREAK", b"BREAK 0.01", b"CONFUSE"])
def test_a_mistake_ends_its_own_connection_only(run: Run, command: bytes) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            other = await Client.of(listener)
            client = await Client.of(listener)
            client.send(command + b"\r\nnever\r\n")
            assert await client.rest() == b"oops\r\n"
            assert await other.ask(b"a") == b"a"
            await until(lambda: listener.open_connections == 1)
            assert [str(error) for error in errors(listener)] in (["broken"], ["confused"])
            assert listener.counts.failed == 1
            other.writer.close()

    run(scene())


def test_a_session_that_cannot_be_made_is_a_mistake_too(run: Run) -> None:
    def broken(connection: Connection) -> Play:
        raise ValueError("no session")

    async def scene() -> None:
        async with open_listener(session=broken) as listener:
            client = await Client.of(listener, greeted=False)
            assert await client.rest() == b""
            assert listener.counts.failed == 1

    run(scene())


def test_silence_beyond_the_deadline(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.05") == b"set"
            client.send(b"unfinished")
            assert await client.rest() == b"too slow\r\n"
            assert listener.counts.timed_out == 1

    run(scene())


def test_our_own_slowness_does_not_count(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            assert await client.ask(b"PATIENCE 0.02") == b"set"
            assert await client.ask(b"SLEEP 0.1") == b"slept"
            client.send(b"QUIT\r\n")
            assert await client.rest() == b"bye\r\n"

    run(scene())


def test_a_farewell_survives_octets_still_on_their_way(run: Run) -> None:
    """Closing with unread octets would reset the connection, and the peer would not get the reason."""

    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"QUIT\r\n" + b"never\r\n" * 50_000)
            assert await client.rest() == b"bye\r\n"

    run(scene())


def test_posted_events_are_handled_in_order(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"WAIT\r\na\r\n")
            await until(lambda: Play.made[0].at_work == 1)
            Play.made[0].connection.post(b"posted")
            Play.made[0].let_go.set()
            assert [await client.line() for _ in range(3)] == [b"waited", b"a", b"posted"]
            Play.made[0].connection.post(b"idle")
            assert Play.made[0].handled[-1] != b"idle", "never inside the call that posts"
            assert await client.line() == b"idle"
            client.writer.close()

    run(scene())


def test_a_reset_is_not_reported_as_a_failure(run: Run) -> None:
    async def scene() -> None:
        async with open_listener() as listener:
            client = await Client.of(listener)
            client.send(b"a\r\n")
            client.reset()
            await until(lambda: not listener.open_connections)
            assert errors(listener) == []

    run(scene())
