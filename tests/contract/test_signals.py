"""What signals promise, within a process and between processes."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.signals import MAX_DATAGRAM_OCTETS, LocalSignals, UnixSignals, announce_from_outside
from pillarbox.world.topic import Topic, account_changed

ONE, TWO = account_changed(AccountId(1)), Topic("two")


def test_only_subscribers_of_the_topic_are_called() -> None:
    signals, received = LocalSignals(), []
    end = signals.subscribe(ONE, lambda: received.append("one"))
    signals.subscribe(TWO, lambda: received.append("two"))
    signals.announce([ONE])
    end()
    end()
    signals.announce([ONE, TWO])
    assert received == ["one", "two"]


def test_a_callback_may_unsubscribe_itself() -> None:
    signals, received = LocalSignals(), []

    def hear() -> None:
        received.append("once")
        end()

    end = signals.subscribe(ONE, hear)
    signals.announce([ONE])
    signals.announce([ONE])
    assert received == ["once"]


def test_a_listener_hears_of_all_topics() -> None:
    signals, received = LocalSignals(), []
    end = signals.listen(lambda topics: received.append(None if topics is None else list(topics)))
    signals.announce(iter([ONE, TWO]))
    signals.deliver(None)
    end()
    end()
    signals.announce([ONE])
    assert received == [[ONE, TWO], None]


async def until(condition: "asyncio.Event") -> None:
    await asyncio.wait_for(condition.wait(), 5)


def test_signals_reach_other_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here, there = UnixSignals(tmp_path, loop), UnixSignals(tmp_path, loop)
        await asyncio.sleep(0.01)
        received = asyncio.Event()
        there.subscribe(TWO, received.set)
        here.announce([ONE, TWO])
        await until(received)
        received.clear()
        here.announce(
            account_changed(AccountId(number)) for number in range(10, 10 + MAX_DATAGRAM_OCTETS // 8)
        )
        await until(received)
        here.close()
        there.close()
        assert list(tmp_path.iterdir()) == []

    asyncio.run(scenario())


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"account x", (7).to_bytes(8, "big") + b" \x80"])
def test_what_cannot_be_read_means_every_topic_and_loses_none(tmp_path: Path, garbage: bytes) -> None:
    async def scenario() -> None:
        failures: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: failures.append(context))
        here = UnixSignals(tmp_path, loop)
        await asyncio.sleep(0.01)
        heard, other = asyncio.Event(), asyncio.Event()
        here.subscribe(TWO, heard.set)
        here.subscribe(ONE, other.set)
        (name,) = [path.name for path in tmp_path.iterdir()]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            for datagram in (str(TWO).encode(), garbage):
                sender.sendto(datagram, str(tmp_path / name))
        await until(heard)
        await until(other)
        here.close()
        assert failures == []

    asyncio.run(scenario())


def test_signals_in_close_succession_are_sent_together_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here, there = UnixSignals(tmp_path, loop), UnixSignals(tmp_path, loop)
        await asyncio.sleep(0.01)
        heard: dict[Topic, asyncio.Event] = {}
        for number in range(40):
            topic = account_changed(AccountId(number))
            heard[topic] = asyncio.Event()
            there.subscribe(topic, heard[topic].set)
        sent: list[bytes] = []
        send = here._send_to

        def counted(peer: str, datagram: bytes) -> None:
            sent.append(datagram)
            send(peer, datagram)

        monkeypatch.setattr(here, "_send_to", counted)
        here.announce([account_changed(AccountId(0))])
        assert sent == [str(account_changed(AccountId(0))).encode()], "one alone is sent at once"
        for topic in heard:
            here.announce([topic])
        for event in heard.values():
            await until(event)
        assert len(sent) < len(heard)
        here.close()
        there.close()

    asyncio.run(scenario())


def test_what_was_gathered_is_sent_before_a_process_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here, there = UnixSignals(tmp_path, loop), UnixSignals(tmp_path, loop)
        await asyncio.sleep(0.01)
        received = asyncio.Event()
        there.subscribe(TWO, received.set)
        here.announce([ONE])
        here.announce([TWO])
        here.close()
        await until(received)
        there.close()

    asyncio.run(scenario())


def test_a_new_process_wakes_all_subscribers(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here = UnixSignals(tmp_path, loop)
        received = asyncio.Event()
        here.subscribe(ONE, received.set)
        newcomer = UnixSignals(tmp_path, loop)
        await until(received)
        here.close()
        newcomer.close()

    asyncio.run(scenario())


def test_a_process_with_a_full_queue_is_signalled_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here, busy = UnixSignals(tmp_path, loop), UnixSignals(tmp_path, loop)
        loop.remove_reader(busy._socket.fileno())
        received = asyncio.Event()
        busy.subscribe(TWO, received.set)
        while not here._unreached:
            here._send([ONE])
        here.announce([TWO])
        loop.add_reader(busy._socket.fileno(), busy._received)
        await until(received)
        here.close()
        busy.close()

    asyncio.run(scenario())


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    async def scenario() -> None:
        dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        dead.bind(str(tmp_path / "dead"))
        dead.close()
        here = UnixSignals(tmp_path, asyncio.get_running_loop())
        here.announce([ONE])
        assert [file.name for file in tmp_path.iterdir()] == [here._name]
        here.close()

    asyncio.run(scenario())


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        folder = tmp_path / ("long" * 40)
        here, there = UnixSignals(folder, loop), UnixSignals(folder, loop)
        received = asyncio.Event()
        there.subscribe(ONE, received.set)
        here.announce([ONE])
        await until(received)
        here.close()
        there.close()

    asyncio.run(scenario())


def test_signals_reach_a_process_that_joins_an_idle_folder(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        here = UnixSignals(tmp_path, loop)
        os.utime(tmp_path, (0, 0))
        here.announce([ONE])
        assert here._listed_ns == 0  # the listing is kept
        late = UnixSignals(tmp_path, loop)
        await asyncio.sleep(0.01)
        received = asyncio.Event()
        late.subscribe(TWO, received.set)
        here.announce([TWO])
        await until(received)
        here.close()
        late.close()

    asyncio.run(scenario())


def test_signals_of_a_program_without_a_loop_arrive(tmp_path: Path) -> None:
    async def scenario() -> None:
        server = UnixSignals(tmp_path, asyncio.get_running_loop())
        await asyncio.sleep(0.01)
        received = {topic: asyncio.Event() for topic in (ONE, TWO)}
        other = asyncio.Event()
        for topic, event in received.items():
            server.subscribe(topic, event.set)
        server.subscribe(account_changed(AccountId(2)), other.set)
        announce_from_outside(tmp_path, [ONE, TWO])
        for event in received.values():
            await until(event)
        assert not other.is_set()
        server.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("topic", [ONE, TWO, Topic("queue", AccountId(0)), account_changed(AccountId(2**62))])
def test_a_topic_survives_the_way_between_processes(topic: Topic) -> None:
    assert Topic.parse(str(topic)) == topic
