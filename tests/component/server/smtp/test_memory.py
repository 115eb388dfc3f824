"""The memory budget in SMTP: reading pauses, then 452, and whatever happens to a message its octets are given back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pillarbox.delivery.reception.body import TOP_OCTETS
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.memory import HOLD_S, WAIT_S, MemoryBudget
from tests.kit.smtp.provider import SmtpClient, SmtpProvider, run_with_smtp

LINES = (b"y" * 76 + b"\r\n") * 1000
BUSY = "452 4.3.1 Insufficient system resources, try again later\r\n"


@dataclass
class Scene:
    """A provider whose budget for strangers' messages has room for two tops at a time."""

    provider: SmtpProvider
    memory: MemoryBudget
    now_s: list[float]

    def pass_s(self, seconds: float) -> None:
        self.now_s[0] += seconds
        self.memory.strangers.received.review()
        self.memory.strangers.whole.review()

    async def data(self) -> SmtpClient:
        """A client that has sent DATA."""
        client = self.provider.client(Role.MX)
        await client.greet()
        assert await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA") == [
            250,
            250,
            354,
        ]
        return client


def scene(folder: Path, test: Callable[[Scene], Awaitable[None]], *, tops: int = 2) -> None:
    now_s = [0.0]

    async def run(provider: SmtpProvider) -> None:
        memory = MemoryBudget(8 * tops * TOP_OCTETS, lambda: now_s[0])
        provider.world = replace(provider.world, blobs=FileBlobs(folder), memory=memory)
        await asyncio.wait_for(test(Scene(provider, memory, now_s)), 60)
        assert memory.used_octets == 0
        assert not list((folder / "incoming").iterdir())

    run_with_smtp(run)


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_pause_then_go_on(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        first, second, third = [await scene.data() for _ in range(3)]
        await first.say(LINES)
        await second.say(LINES)
        waiting = asyncio.ensure_future(third.say(LINES))
        await turn()
        assert not waiting.done()
        assert scene.memory.strangers.received.scarce
        assert (await first.say(b".\r\n")).startswith("250")
        assert await waiting == ""
        for client in (second, third):
            assert (await client.say(b".\r\n")).startswith("250")
        assert len(scene.provider.inbox("anna")) == 3

    scene(tmp_path, test)


def test_pause_then_refuse_then_recover(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        first, second, third = [await scene.data() for _ in range(3)]
        await first.say(LINES)
        await second.say(LINES)
        for client in (first, second):
            client.session._context.incoming._body._held.keep()  # type: ignore[union-attr]  # it depends on us, so it stays
        waiting = asyncio.ensure_future(third.say(LINES))
        await turn()
        scene.pass_s(WAIT_S + 1)
        assert await waiting == ""  # nothing is said before the end of the message
        assert await third.say(LINES + b".\r\n") == BUSY
        first.session.closed()
        assert await third.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        assert (await third.say(LINES + b".\r\n")).startswith("250")
        second.session.closed()

    scene(tmp_path, test)


def test_who_trickles_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        first, second, third = [await scene.data() for _ in range(3)]
        await first.say(LINES)
        scene.pass_s(1)
        await second.say(LINES)
        scene.pass_s(HOLD_S)
        assert scene.memory.used_octets == 2 * TOP_OCTETS  # nobody waits
        waiting = asyncio.ensure_future(third.say(LINES))
        await turn()
        scene.pass_s(0)
        assert await waiting == ""
        assert await first.say(b"y" * 70_000 + b"\r\n.\r\n") == BUSY
        for client in (second, third):
            assert (await client.say(b".\r\n")).startswith("250")

    scene(tmp_path, test)


def test_a_large_message_is_soon_in_its_file_and_holds_nothing(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        client = await scene.data()
        await client.say(b"Subject: x\r\n\r\n")
        for _ in range(3):
            await client.say(LINES)
            assert scene.memory.used_octets == TOP_OCTETS
        await client.say(LINES)
        assert scene.memory.used_octets == 0
        assert list((tmp_path / "incoming").iterdir())
        assert (await client.say(b".\r\n")).startswith("250")
        (message,) = scene.provider.inbox("anna")
        assert message.endswith(b"Subject: x\r\n\r\n" + 4 * LINES)

    scene(tmp_path, test)


def test_a_header_without_end_may_be_refused(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        client = await scene.data()
        for _ in range(5):
            await client.say(b"X: " + LINES.replace(b"\r\n", b"\r\n ")[:-1])
        assert await client.say(b"\r\n.\r\n") == BUSY

    scene(tmp_path, test)


def test_whole_messages_wait_for_each_other(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        clients = [await scene.data() for _ in range(4)]
        for client in clients:
            await client.say(b"Subject: x\r\n\r\n")
            for _ in range(5):
                await client.say(LINES)
        most = 0
        finishing = [asyncio.ensure_future(client.say(b".\r\n")) for client in clients]
        while not all(one.done() for one in finishing):
            most = max(most, scene.memory.strangers.whole.used_octets)
            await asyncio.sleep(0)
        assert all(one.result().startswith("250") for one in finishing)
        assert 5 * len(LINES) < most < 10 * len(LINES)

    scene(tmp_path, test)


def test_a_whole_message_may_find_no_room(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        client = await scene.data()
        await client.say(b"Subject: x\r\n\r\n" + 5 * LINES)
        other = await scene.memory.strangers.whole.reserve(2 * TOP_OCTETS)
        finishing = asyncio.ensure_future(client.say(b".\r\n"))
        await asyncio.sleep(0.01)
        scene.pass_s(WAIT_S + 1)
        assert await finishing == BUSY
        other.release()

    scene(tmp_path, test)


async def rset(client: SmtpClient) -> None:
    """BDAT, given up after its first chunk."""
    client.session.closed()


ENDINGS: dict[str, Callable[[SmtpClient], Awaitable[object]]] = {
    "the end": lambda client: client.say(b".\r\n"),
    "too large": lambda client: client.say(LINES * 800 + b".\r\n"),
    "a loop": lambda client: client.say(b".\r\n"),
    "the connection lost": rset,
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("pieces", [1, 8])
def test_the_octets_are_given_back(tmp_path: Path, ending: str, pieces: int) -> None:
    async def test(scene: Scene) -> None:
        client = await scene.data()
        await client.say(b"Received: x\r\n" * (101 if ending == "a loop" else 1) + b"\r\n")
        for _ in range(pieces):
            await client.say(LINES)
        assert (scene.memory.used_octets > 0) is (pieces == 1)
        await ENDINGS[ending](client)
        assert scene.memory.used_octets == 0

    scene(tmp_path, test)


def test_reset_between_chunks_gives_the_octets_back(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        client = scene.provider.client(Role.MX)
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>")
        assert (await client.say(b"BDAT %d\r\n" % len(LINES) + LINES)).startswith("250")
        assert scene.memory.used_octets == TOP_OCTETS
        assert await client.codes("RSET") == [250]
        assert scene.memory.used_octets == 0

    scene(tmp_path, test)


def test_a_disk_that_fails_gives_the_octets_back(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        client = await scene.data()
        (tmp_path / "incoming").rmdir()
        await client.say(b"Subject: x\r\n\r\n")
        for _ in range(6):
            await client.say(LINES)
        assert scene.memory.used_octets == 0
        assert (await client.say(b".\r\n")).startswith("452")
        (tmp_path / "incoming").mkdir()

    scene(tmp_path, test)


def test_strangers_do_not_keep_the_authenticated_waiting(tmp_path: Path) -> None:
    async def test(scene: Scene) -> None:
        strangers = [await scene.data() for _ in range(2)]
        for stranger in strangers:
            await stranger.say(LINES)
        client = scene.provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        assert (await client.say("AUTH PLAIN AGFubmFAb25lLmV4YW1wbGUAY29ycmVjdCBob3JzZQ==")).startswith("235")
        await client.codes("MAIL FROM:<anna@one.example>", "RCPT TO:<bert@one.example>", "DATA")
        await client.say(b"From: anna@one.example\r\n\r\n" + LINES)
        assert scene.memory.accounts.received.used_octets == TOP_OCTETS
        assert (await client.say(b".\r\n")).startswith("250")
        for stranger in strangers:
            stranger.session.closed()

    scene(tmp_path, test)
