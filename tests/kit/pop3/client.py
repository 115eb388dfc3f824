"""A POP3 session without a socket on a whole provider, and what its client sends."""

from tests.kit.provider import PASSWORD, Provider
from tests.kit.server import factories
from tests.transcripts.runner import BareConnection


class Pop3Client:
    """A session and its client, in the loop of the test."""

    def __init__(self, provider: Provider) -> None:
        self.connection = BareConnection()
        self.session = factories(provider)["pop3"](self.connection)
        self.connection.session = self.session

    async def send(self, line: bytes) -> bytes:
        """Send a line; what the session answers."""
        machine, self.connection.written = self.session.machine, b""
        events = machine.receive(line + b"\r\n")
        while events and not self.connection.gone:
            for event in events:
                await self.session.handle(event)
            events = machine.receive(b"") if machine.buffered else []
        return self.connection.written

    async def log_in(self, login: bytes = b"u0") -> bytes:
        """USER and PASS; the answer to the latter."""
        await self.session.opened()
        await self.send(b"USER " + login)
        return await self.send(b"PASS " + PASSWORD.encode())

    async def posted(self) -> int:
        """Handle what was posted; how many events that were."""
        events, self.connection.posted = self.connection.posted, []
        for event in events:
            await self.session.handle(event)
        return len(events)
