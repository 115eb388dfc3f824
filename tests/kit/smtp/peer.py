"""A server of another provider, for tests of the client side: replies as configured, and records what it gets.

It lives behind an address of a `MemoryNetwork`. `answers` gives the reply to a command by its verb (`"."` is the
end of a message, `""` the greeting); a list is used up one by one, its last one repeats. Special replies:
`None` closes the connection, `SILENCE` never replies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from pillarbox.world.clock import Clock
from pillarbox.world.network import NetworkFailure
from pillarbox.world.network.memory import MemoryStream

SILENCE = "never"
Answer = str | None
Answers = Mapping[str, Answer | list[Answer] | list[str]]
DEFAULT = {
    "": "220 peer ESMTP",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 go on",
    ".": "250 2.0.0 taken",
    "BDAT": "250 2.0.0 taken",
    "RSET": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 bye",
    "HELO": "250 peer",
    "AUTH": "235 2.7.0 welcome",
}


@dataclass
class ReceivedMessage:
    """A message that was accepted."""

    mail: str
    recipients: list[str]
    octets: bytes
    tls: bool


class PeerTraits(TypedDict, total=False):
    """What can be said of an `SmtpPeer` when it is made."""

    extensions: Sequence[str]
    answers: Answers
    handshake: bool
    chain: tuple[bytes, ...]
    distrusted: str
    refused: dict[str, str]


@dataclass
class SmtpPeer:
    """See the module."""

    clock: Clock
    extensions: Sequence[str] = ("PIPELINING", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
    answers: Answers = field(default_factory=dict)
    handshake: bool = True
    """Whether a TLS handshake succeeds, if STARTTLS is among the extensions."""
    chain: tuple[bytes, ...] = ()
    """Its certificates in DER."""
    distrusted: str = ""
    """Why a client that verifies them does not accept them."""
    refused: dict[str, str] = field(default_factory=dict)
    """Replies to RCPT by address."""
    connections: int = 0
    open: int = 0
    most: int = 0
    """The most connections that were open at once."""
    commands: list[str] = field(default_factory=list)
    received: list[ReceivedMessage] = field(default_factory=list)

    async def __call__(self, stream: MemoryStream) -> None:
        """Serve one connection."""
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            await _Session(self, stream).run()
        except (NetworkFailure, EOFError):
            pass
        finally:
            self.open -= 1

    @property
    def addresses(self) -> list[str]:
        """All recipients of accepted messages, in order."""
        return [one for message in self.received for one in message.recipients]

    def answer(self, verb: str) -> Answer:
        """The reply to a command."""
        found = self.answers.get(verb, DEFAULT.get(verb, "500 5.5.1 what?"))
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


class _Session:
    def __init__(self, peer: SmtpPeer, stream: MemoryStream) -> None:
        self.peer = peer
        self.stream = stream
        self.rest = b""
        self.mail = ""
        self.recipients: list[str] = []

    async def run(self) -> None:
        going = await self.say(self.peer.answer(""))
        while going:
            line = (await self.until(b"\r\n")).decode()
            self.peer.commands.append(line)
            going = await self.command(line)

    async def say(self, answer: Answer) -> bool:
        """False if the connection is over."""
        if answer is None:
            self.stream.abort()
            return False
        if answer == SILENCE:
            await self.peer.clock.sleep(1e6)
            return False
        await self.stream.write(answer.encode() + b"\r\n")
        return not answer.startswith(("421", "221"))

    async def until(self, end: bytes) -> bytes:
        while end not in self.rest:
            octets = await self.stream.read()
            if not octets:
                raise EOFError
            self.rest += octets
        line, _, self.rest = self.rest.partition(end)
        return line

    async def command(self, line: str) -> bool:
        verb = line.split()[0].upper()
        match verb:
            case "EHLO":
                return await self.ehlo()
            case "STARTTLS":
                return await self.start_tls()
            case "MAIL":
                answer = self.peer.answer("MAIL")
                self.mail, self.recipients = (line if (answer or "").startswith("250") else ""), []
                return await self.say(answer)
            case "RCPT":
                return await self.rcpt(line)
            case "DATA":
                return await self.data()
            case "BDAT":
                return await self.chunk(int(line.split()[1]))
        return await self.say(self.peer.answer(verb))

    async def ehlo(self) -> bool:
        if "EHLO" in self.peer.answers:
            return await self.say(self.peer.answer("EHLO"))
        offered = [
            keyword for keyword in self.peer.extensions if keyword != "STARTTLS" or self.stream.tls is None
        ]
        lines = ["peer", *offered]
        return await self.say("\r\n".join(["250-" + one for one in lines[:-1]] + ["250 " + lines[-1]]))

    async def start_tls(self) -> bool:
        answer = self.peer.answers.get("STARTTLS", "220 go on")
        assert isinstance(answer, str)
        await self.say(answer)
        if answer.startswith("220"):
            peer = self.peer
            self.stream.answer_tls(agrees=peer.handshake, chain=peer.chain, distrusted=peer.distrusted)
            self.rest = b""
        return True

    async def rcpt(self, line: str) -> bool:
        if not self.mail:
            return await self.say("503 5.5.1 MAIL first")
        address = line.partition("<")[2].partition(">")[0]
        answer = self.peer.refused.get(address) or self.peer.answer("RCPT")
        if answer and answer.startswith("250"):
            self.recipients.append(address)
        return await self.say(answer)

    async def data(self) -> bool:
        if not self.recipients:
            return await self.say("554 5.5.1 no valid recipients")
        answer = self.peer.answer("DATA")
        if not answer or not answer.startswith("354"):
            return await self.say(answer)
        await self.say(answer)
        octets = await self.until(b"\r\n.\r\n") + b"\r\n"
        octets = octets.replace(b"\r\n..", b"\r\n.")
        return await self.ended(octets, self.peer.answer("."))

    async def chunk(self, size: int) -> bool:
        while len(self.rest) < size:
            self.rest += await self.stream.read()
        octets, self.rest = self.rest[:size], self.rest[size:]
        return await self.ended(octets, self.peer.answer("BDAT"))

    async def ended(self, octets: bytes, answer: Answer) -> bool:
        if answer and answer.startswith("250"):
            message = ReceivedMessage(self.mail, self.recipients, octets, self.stream.tls is not None)
            self.peer.received.append(message)
        return await self.say(answer)
