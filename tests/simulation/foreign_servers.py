"""Other providers' servers: each with capabilities of its own, all of them misbehaving at times.

A foreign server accepts mail for any address in its domain. Its capabilities were drawn once; each time it is to reply
it may misbehave instead: refuse, greylist, close, send garbage, or fall silent.
"""

import asyncio
from enum import Enum
from random import Random

from pillarbox.world.network import Endpoint, NetworkFailure
from tests.simulation.faults import MINUTE, FaultInjector
from tests.simulation.internet import Internet
from tests.simulation.loop import Life
from tests.simulation.wire import End, Pulled

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SIZE 1000000", "DSN", "CHUNKING", "STARTTLS", "ENHANCEDSTATUSCODES")


class Misbehaviour(Enum):
    """What a foreign server does instead of replying."""

    LATER = b"451 4.3.0 not now\r\n"
    NEVER = b"554 5.7.1 not you\r\n"
    MANY_LINES = b"452-4.2.2 the\r\n452-4.2.2 mailbox\r\n452 4.2.2 is full\r\n"
    SHUTDOWN = b"421 4.3.2 closing\r\n"
    GARBAGE = b"~~ {]\x00\xff\r\n"
    CLOSED = b""
    SILENT = b"..."
    SLOW = b"...."


class _ConnectionEnded(Exception):
    """The server ends the connection."""


class ForeignServer:
    """One server of another provider."""

    life: Life | None = None

    def __init__(self, internet: Internet, faults: FaultInjector, name: str, chance: Random) -> None:
        self.name = name
        self._internet = internet
        self._faults = faults
        self._extensions = [one for one in _EXTENSIONS if chance.random() < 0.6]
        self._greets_old = chance.random() < 0.1
        self._agrees_to_tls = chance.random() < 0.7
        self._greylists = chance.random() < 0.3
        self._seen: dict[str, float] = {}

    def answers(self, port: int) -> bool:
        """See `Listening`."""
        return port == 25

    def server_end(self, port: int, client: Endpoint) -> End:
        """See `Listening`."""
        return Pulled(self._internet.context(None), client)

    def opened(self, end: End, port: int) -> None:
        """See `Listening`."""
        assert isinstance(end, Pulled)
        asyncio.get_running_loop().create_task(self._serve(end))

    async def _serve(self, end: Pulled) -> None:
        visit = _Session(self, end)
        try:
            async with asyncio.timeout(30 * MINUTE):
                await visit.receive()
        except (NetworkFailure, _ConnectionEnded, TimeoutError):
            pass
        await end.close()

    # --- behaviour

    def ehlo(self, *, tls: bool) -> bytes:
        """The reply to EHLO."""
        if self._greets_old:
            return b"502 what?\r\n"
        offered = [one for one in self._extensions if not (tls and one == "STARTTLS")]
        return (
            b"".join(b"250-%s\r\n" % one.encode() for one in ("it is " + self.name, *offered))
            + b"250 HELP\r\n"
        )

    def misbehaviour(self) -> Misbehaviour | None:
        """How it misbehaves now; mostly not at all."""
        faults = self._faults
        if not faults.occurs(faults.rates.misbehaviour / 3):
            return None
        return faults.chance.choice(list(Misbehaviour))

    def greylists(self, recipient: str) -> bool:
        """Whether this recipient is greylisted now."""
        now = asyncio.get_running_loop().time()
        first = self._seen.setdefault(recipient, now)
        return self._greylists and now < first + 5 * MINUTE

    @property
    def agrees_to_tls(self) -> bool:
        """Whether its TLS handshakes work."""
        return self._agrees_to_tls


class _Session:
    """One connection to a foreign server."""

    def __init__(self, host: ForeignServer, end: Pulled) -> None:
        self._host, self._end = host, end
        self._rest = b""
        self._accepted = 0

    async def receive(self) -> None:
        await self._say(b"220 hello\r\n")
        while True:
            line = (await self._until(b"\r\n")).decode("latin-1")
            await self._command(line[:4].upper().strip(), line)

    async def _command(self, verb: str, line: str) -> None:
        match verb:
            case "EHLO":
                await self._say(self._host.ehlo(tls=self._end.tls is not None))
            case "MAIL":
                self._accepted = 0
                await self._say(b"250 2.1.0 sender\r\n")
            case "RCPT":
                await self._on_recipient(line)
            case "DATA" if self._accepted:
                if await self._say(b"354 go on\r\n"):
                    await self._until(b"\r\n.\r\n")
                    await self._say(b"250 2.0.0 taken\r\n")
            case "DATA":
                await self._say(b"554 5.5.1 for whom?\r\n")
            case "BDAT":
                await self._on_chunk(int(line.split()[1]))
            case "STAR":
                if await self._say(b"220 2.0.0 ready\r\n"):
                    await self._end.answer_tls(agrees=self._host.agrees_to_tls)
            case "QUIT":
                await self._say(b"221 2.0.0 bye\r\n")
                raise _ConnectionEnded
            case _:
                await self._say(b"250 2.0.0 fine\r\n")

    async def _on_recipient(self, line: str) -> None:
        recipient = line.partition("<")[2].partition(">")[0]
        if recipient.startswith("nobody"):
            await self._say(b"550 5.1.1 no such user\r\n")
        elif self._host.greylists(recipient):
            await self._say(b"450 4.7.1 greylisted\r\n")
        elif await self._say(b"250 2.1.5 recipient\r\n"):
            self._accepted += 1

    async def _on_chunk(self, octets: int) -> None:
        while len(self._rest) < octets:
            await self._more()
        self._rest = self._rest[octets:]
        await self._say(b"250 2.0.0 taken\r\n" if self._accepted else b"554 5.5.1 for whom?\r\n")

    async def _say(self, answer: bytes) -> bool:
        """Reply (then true), or misbehave."""
        misbehaviour = self._host.misbehaviour()
        match misbehaviour:
            case None:
                await self._end.write(answer)
                return True
            case Misbehaviour.SILENT:
                await asyncio.sleep(20 * MINUTE)
                raise _ConnectionEnded
            case Misbehaviour.SLOW:
                await asyncio.sleep(7 * MINUTE)
                await self._end.write(answer)
                return True
        await self._end.write(misbehaviour.value)
        if misbehaviour in (Misbehaviour.CLOSED, Misbehaviour.SHUTDOWN):
            raise _ConnectionEnded
        return False

    async def _until(self, ending: bytes) -> bytes:
        while ending not in self._rest:
            await self._more()
        line, _, self._rest = self._rest.partition(ending)
        return line

    async def _more(self) -> None:
        octets = await self._end.read()
        if not octets:
            raise _ConnectionEnded
        self._rest += octets
