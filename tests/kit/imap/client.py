"""IMAP clients of sessions without sockets, several at once, on one provider in memory.

    with open_imap() as mail:
        mail.deliver(b"Subject: hi\\r\\n\\r\\nhello\\r\\n")
        alice, phone = mail.client(), mail.client()
        alice.ok("SELECT INBOX")
        assert phone.do("FETCH 1 FLAGS").word == b"BAD"

All responses are parsed by the strict reader of `tests.kit.imap.responses`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pillarbox.server.imap.limits import DEFAULT_LIMITS, ImapLimits
from pillarbox.server.imap.service import ImapService
from tests.kit.imap.model import numbers
from tests.kit.imap.responses import Continuation, Data, Fetched, Numbered, Response, Status, read_responses
from tests.kit.provider import PASSWORD, Provider, open_provider
from tests.transcripts.runner import BareWire

MESSAGE = b"From: Ann <ann@one.example>\r\nTo: bob@two.example\r\nSubject: hello\r\n\r\nHello.\r\n"


@dataclass(frozen=True)
class Answer:
    """What came in answer to one command."""

    status: Status
    responses: list[Response]

    @property
    def word(self) -> bytes:
        return self.status.word

    @property
    def code(self) -> bytes | None:
        """The tagged response's code with its arguments."""
        code, arguments = self.status.code, self.status.arguments
        return code if code is None or arguments is None else code + b" " + arguments

    @property
    def fetched(self) -> dict[int, dict[bytes, Any]]:
        """FETCH responses by sequence number; several of one message put together."""
        found: dict[int, dict[bytes, Any]] = {}
        for response in self.responses:
            if isinstance(response, Fetched):
                found.setdefault(response.number, {}).update(response.items)
        return found

    def numbered(self, name: bytes) -> list[int]:
        """The numbers of EXISTS, RECENT or EXPUNGE responses."""
        return [one.number for one in self.responses if isinstance(one, Numbered) and one.name == name]

    def data(self, name: bytes) -> list[list[Any]]:
        """The arguments of other untagged responses."""
        return [one.arguments for one in self.responses if isinstance(one, Data) and one.name == name]

    def codes(self) -> dict[bytes, bytes | None]:
        """Codes of untagged OK responses."""
        return {one.code: one.arguments for one in self.responses if isinstance(one, Status) and one.code}

    def vanished(self, *, earlier: bool = False) -> list[int]:
        """UIDs of VANISHED responses."""
        return [
            uid
            for arguments in self.data(b"VANISHED")
            if isinstance(arguments[0], list) is earlier
            for uid in _uids(arguments[-1])
        ]


def _uids(named: int | bytes) -> list[int]:
    return [named] if isinstance(named, int) else numbers(named.decode())


class ImapClient:
    """One client's connection."""

    def __init__(self, wire: BareWire) -> None:
        self.wire = wire
        self.greeting = self.receive()
        self._count = 0

    @property
    def session(self) -> Any:
        """The server's side of it."""
        return self.wire.session

    def receive(self) -> list[Response]:
        """Responses not received yet; hints that came in the meantime are handled first."""
        self.wire.send(b"")
        return read_responses(self.wire.receive(0) or b"")

    def send(self, octets: bytes) -> list[Response]:
        """Send octets as they are; what comes back."""
        self.wire.send(octets)
        return self.receive()

    def do(self, text: str | bytes, *literals: bytes) -> Answer:
        """Send a command, with its literals in place of each `{}`; all responses to it."""
        self._count += 1
        tag = b"t%d" % self._count
        line = text.encode() if isinstance(text, str) else text
        for literal in literals:
            line = line.replace(b"{}", b"{%d+}\r\n%b" % (len(literal), literal), 1)
        received = self.send(tag + b" " + line + b"\r\n")
        received = [one for one in received if not isinstance(one, Continuation)]
        tagged = [one for one in received if isinstance(one, Status) and one.tag == tag]
        assert len(tagged) == 1, f"{text!r} was answered with {received}"
        assert received[-1] is tagged[0], f"{received[-1]} came after the tagged response"
        return Answer(tagged[0], received[:-1])

    def ok(self, text: str | bytes, *literals: bytes) -> Answer:
        """A command that must succeed."""
        answer = self.do(text, *literals)
        assert answer.word == b"OK", answer.status
        return answer

    def flags(self, number: int) -> set[bytes]:
        """A message's flags without \\Recent."""
        return set(self.ok(f"FETCH {number} FLAGS").fetched[number][b"FLAGS"]) - {b"\\Recent"}

    def uids(self) -> list[int]:
        """The UIDs of the selected mailbox."""
        return [items[b"UID"] for items in self.ok("UID FETCH 1:* UID").fetched.values()]


@dataclass
class ImapProvider:
    """A provider and its loop, which runs only while something is asked of it."""

    provider: Provider
    runner: asyncio.Runner
    workers: dict[int, ImapService] = field(default_factory=dict)
    """IMAP services, each with caches of its own, as worker processes have."""
    limits: ImapLimits = DEFAULT_LIMITS

    def connect(self, *, worker: int = 0) -> ImapClient:
        """A connection that has not logged in."""
        if worker not in self.workers:
            world, authenticator = self.provider.world, self.provider.authenticator
            self.workers[worker] = ImapService(world, authenticator, self.provider.config, limits=self.limits)
        return ImapClient(BareWire(self.workers[worker].session, self.runner.run))

    def client(self, person: int = 0, *, enable: str = "", select: str = "", worker: int = 0) -> ImapClient:
        """A connection that has."""
        client = self.connect(worker=worker)
        login = ("u0", "u1", "u2@two.example")[person]
        client.ok(f'LOGIN "{login}" "{PASSWORD}"')
        if enable:
            client.ok(f"ENABLE {enable}")
        if select:
            client.ok(f"SELECT {select}")
        return client

    def deliver(self, *messages: bytes, person: int = 0, mailbox: str = "INBOX", flags: str = "") -> None:
        """Put messages into a mailbox; without any, one of our own."""
        for message in messages or (MESSAGE,):
            self.runner.run(self.provider.deliver(person, message, flags=flags, mailbox=mailbox))


@contextmanager
def open_imap(*, limits: ImapLimits = DEFAULT_LIMITS, folder: Path | None = None) -> Iterator[ImapProvider]:
    """A provider in memory, or in a folder; a session that failed by our mistake fails the test."""
    with asyncio.Runner() as runner:
        provider = runner.run(open_provider(folder))
        yield ImapProvider(provider, runner, limits=limits)
        runner.run(provider.close())
        assert not provider.telemetry.failures, provider.telemetry.failures
