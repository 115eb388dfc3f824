"""Sessions on a real store: what transcripts cannot show easily (large mail, time, failures, many messages)."""

import asyncio
from pathlib import Path

from tests.kit.provider import PASSWORD, Provider, open_provider
from tests.kit.server import factories
from tests.transcripts.runner import BareConnection

MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nlast\r\n"


class Client:
    """A session and its client, in the loop of the test."""

    def __init__(self, provider: Provider) -> None:
        self.connection = BareConnection()
        self.session = factories(provider)["pop3"](self.connection)
        self.connection.session = self.session

    async def say(self, line: bytes) -> bytes:
        machine, self.connection.written = self.session.machine, b""
        events = machine.receive(line + b"\r\n")
        while events and not self.connection.gone:
            for event in events:
                await self.session.handle(event)
            events = machine.receive(b"") if machine.buffered else []
        return self.connection.written

    async def log_in(self, login: bytes = b"u0") -> bytes:
        await self.session.opened()
        await self.say(b"USER " + login)
        return await self.say(b"PASS " + PASSWORD.encode())

    async def posted(self) -> int:
        """Handle what was posted; how many events that were."""
        events, self.connection.posted = self.connection.posted, []
        for event in events:
            await self.session.handle(event)
        return len(events)


def test_the_lease_is_seen_by_other_processes(tmp_path: Path) -> None:
    async def play() -> None:
        here, there = await open_provider(tmp_path), await open_provider(tmp_path)
        await here.deliver(0, MESSAGE)
        one, two = Client(here), Client(there)
        await one.log_in()
        await one.say(b"DELE 1")
        assert (await two.log_in()).startswith(b"-ERR [IN-USE]")
        await one.say(b"QUIT")
        assert (await two.log_in()).startswith(b"+OK 0")
        await here.close()
        await there.close()

    asyncio.run(play())
