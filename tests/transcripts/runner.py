"""Plays a transcript against whatever is behind its services.

A service is a function that makes a `Wire`: a socket to a server, or a session without one.
"""

import asyncio
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pillarbox.server.connection import Connection, ConnectionGone, Peer, Session, TlsState
from tests.transcripts import script as scripts
from tests.transcripts.script import Script, Step

PATIENCE_S = 10.0
"""How long a server may take to say what it must."""
SILENCE_S = 0.1
"""How long `! silent` listens."""
LITERAL = re.compile(rb"\{([0-9]+)\+?\}\r\n\Z")


class Wire(Protocol):
    """A client's end of one connection."""

    def send(self, octets: bytes) -> None:
        """To the server."""

    def receive(self, seconds: float) -> bytes | None:
        """What the server sends next; empty at its end, `None` if it sends nothing for so long."""

    def start_tls(self) -> None:
        """Do the client's part of the handshake."""

    def close(self) -> None:
        """Leave."""


OpenWire = Callable[[], Wire]


class Mismatch(AssertionError):
    """The server sent something else."""


class SocketWire:
    """A real connection, to our server or any other."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, *, implicit_tls: bool = False) -> None:
        self._socket = socket.create_connection((host, port), timeout=PATIENCE_S)
        self._tls = tls
        if implicit_tls:
            self.start_tls()

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def receive(self, seconds: float) -> bytes | None:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(65536)
        except TimeoutError:
            return None
        except (ConnectionError, ssl.SSLError):
            return b""

    def start_tls(self) -> None:
        self._socket = self._tls.wrap_socket(self._socket, server_hostname="localhost")

    def close(self) -> None:
        self._socket.close()


class BareConnection:
    """A session's connection without a socket: what is written is kept, nothing ever waits."""

    def __init__(self) -> None:
        self.peer = Peer("192.0.2.1", 40000)
        self.local = Peer("192.0.2.2", 110)
        self.tls: TlsState | None = None
        self.gone = self.half_closed = self.ending = False
        self.written = b""
        self.posted: list[Any] = []
        self.deadline_s: float | None = None
        self.session: Session[Any] | None = None

    @property
    def tls_available(self) -> bool:
        return self.tls is None

    def write(self, octets: bytes) -> None:
        if not self.gone:
            self.written += octets

    async def give_way(self) -> None:
        await asyncio.sleep(0)

    async def drain(self) -> None:
        if self.gone:
            raise ConnectionGone

    async def start_tls(self) -> int:
        assert self.session is not None
        self.tls = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, lambda kind: None)
        return self.session.machine.discard()

    def post(self, event: object) -> None:
        self.posted.append(event)

    def set_deadline(self, seconds: float) -> None:
        self.deadline_s = seconds

    def close(self) -> None:
        self.gone = True

    abort = close


class BareWire:
    """A session without a socket: octets into its machine, events into the session, answers out."""

    def __init__(self, make: Callable[[Connection], Session[Any]], run: Callable[[Any], Any]) -> None:
        """`run` runs a coroutine to its end, in the loop that the session's world lives in."""
        self.connection = BareConnection()
        self.session = make(self.connection)
        self.connection.session = self.session
        self._run = run
        self._closed = False
        self._run(self.session.opened())

    def send(self, octets: bytes) -> None:
        machine, connection = self.session.machine, self.connection
        events = list(machine.receive(octets))
        while events and not connection.gone:
            for event in events:
                if not connection.gone:
                    self._run(self.session.handle(event))
            events = list(machine.receive(b"")) if machine.buffered and not connection.gone else []
        while connection.posted and not connection.gone:
            self._run(self.session.handle(connection.posted.pop(0)))
        if connection.gone:
            self.close()

    def receive(self, seconds: float) -> bytes | None:
        said, self.connection.written = self.connection.written, b""
        return said or (b"" if self.connection.gone else None)

    def start_tls(self) -> None:
        assert self.connection.tls is not None, "the server has not begun TLS"

    def close(self) -> None:
        self.connection.gone = True
        if not self._closed:
            self._closed = True
            self._run(self._end())

    async def _end(self) -> None:
        self.session.closed()
        for _ in range(5):  # what it left to be done in the background
            await asyncio.sleep(0)


class Ear:
    """Reads a server's lines from a wire."""

    def __init__(self, wire: Wire, *, literals: bool) -> None:
        self._wire = wire
        self._literals = literals
        self._heard = b""
        self._unread: list[bytes] = []

    def line(self, more: int = 0) -> bytes | None:
        """The next line (literals included, without its end), and `more` after it; `None` at the end."""
        lines = []
        for _ in range(more + 1):
            line = self._unread.pop(0) if self._unread else self._read()
            if line is None:
                return None
            lines.append(line)
        return b"\r\n".join(lines)

    def give_back(self, line: bytes) -> None:
        """The line is of another connection."""
        self._unread.insert(0, line)

    def says_nothing(self) -> bytes:
        """What was sent although nothing should be."""
        heard = b"".join(self._unread) + self._heard
        return heard or self._wire.receive(SILENCE_S) or b""

    def _read(self) -> bytes | None:
        line = b""
        while True:
            part = self._upto(b"\r\n")
            if part is None:
                assert not line, f"the server ended within a line: {line!r}"
                return None
            line += part
            literal = LITERAL.search(line) if self._literals else None
            if literal is None:
                return line.removesuffix(b"\r\n")
            line += self._count(int(literal[1]))

    def _upto(self, end: bytes) -> bytes | None:
        while end not in self._heard:
            if not self._more():
                assert not self._heard, f"the server ended within a line: {self._heard!r}"
                return None
        line, _, self._heard = self._heard.partition(end)
        return line + end

    def _count(self, octets: int) -> bytes:
        while len(self._heard) < octets:
            assert self._more(), "the server ended within a literal"
        taken, self._heard = self._heard[:octets], self._heard[octets:]
        return taken

    def _more(self) -> bool:
        octets = self._wire.receive(PATIENCE_S)
        if octets is None:
            raise Mismatch(f"the server says nothing more (but {self._heard!r})")
        self._heard += octets
        return bool(octets)


class Player:
    """Plays one script."""

    def __init__(self, script: Script, services: Mapping[str, OpenWire], values: Mapping[str, bytes]) -> None:
        self._script = script
        self._doors = services
        self._values = {**script.blocks, **values}
        self._ends: dict[str, tuple[Wire, Ear]] = {}
        self._never: list[re.Pattern[bytes]] = []

    def play(self) -> None:
        """Raises `Mismatch` with the place in the script where the server differs."""
        steps = self._script.steps
        at = 0
        try:
            while at < len(steps):
                group = self._group(at)
                if group:
                    self._unordered(steps[at : at + group])
                else:
                    self._do(steps[at])
                at += group or 1
        except AssertionError as error:
            step = steps[at]
            raise Mismatch(f"{self._script.path}:{step.line}: {step.kind} {step.text}\n{error}") from error
        finally:
            for wire, _ in self._ends.values():
                wire.close()

    def _group(self, at: int) -> int:
        """How many lines from here may come in any order."""
        steps = self._script.steps
        end = at
        while end < len(steps) and (steps[end].kind, steps[end].connection) == ("U:", steps[at].connection):
            end += 1
        return end - at

    def _end(self, connection: str) -> tuple[Wire, Ear]:
        if connection not in self._ends:
            service = self._script.service(connection)
            wire = self._doors[service]()
            self._ends[connection] = wire, Ear(wire, literals=service in ("imap", "imaps"))
        return self._ends[connection]

    def _do(self, step: Step) -> None:
        wire, ear = self._end(step.connection)
        match step.kind:
            case "C:":
                wire.send(scripts.octets(step.text, self._values) + b"\r\n")
            case "C-":
                wire.send(scripts.octets(step.text, self._values))
            case "S:":
                line = ear.line(self._extra_lines(step))
                if not self._matches(step, line):
                    raise Mismatch(f"the server says {line!r}")
            case "S?":
                line = ear.line()
                if line is not None and not self._matches(step, line):
                    ear.give_back(line)
            case "S!":
                self._never.append(scripts.pattern(step.text, self._values))
            case "S*":
                self._skip_until(step, ear)
            case "!":
                self._act(step.text, wire, ear)

    def _extra_lines(self, step: Step) -> int:
        """How many line ends the expected text contains, where the server's line is not logical."""
        if self._script.service(step.connection) in ("imap", "imaps"):
            return 0
        text = re.sub(
            r"\$\{(\w+)\}", lambda name: self._values.get(name[1], b"").decode("latin-1"), step.text
        )
        return text.count("\r\n")

    def _matches(self, step: Step, line: bytes | None) -> bool:
        found = scripts.pattern(step.text, self._values).fullmatch(line) if line is not None else None
        if found:
            self._values.update(found.groupdict())
        return found is not None

    def _skip_until(self, step: Step, ear: Ear) -> None:
        skipped: list[bytes | None] = []
        while True:
            line = ear.line()
            if line is None:
                raise Mismatch(f"the server ended; it said {skipped!r}")
            if self._matches(step, line):
                self._never.clear()
                return
            for pattern in self._never:
                if pattern.fullmatch(line):
                    raise Mismatch(f"the server says {line!r}")
            skipped.append(line)

    def _unordered(self, steps: list[Step]) -> None:
        _, ear = self._end(steps[0].connection)
        waiting = list(steps)
        while waiting:
            line = ear.line()
            fitting = next((step for step in waiting if self._matches(step, line)), None)
            if fitting is None:
                raise Mismatch(f"the server says {line!r}; awaited: {[step.text for step in waiting]}")
            waiting.remove(fitting)

    def _act(self, what: str, wire: Wire, ear: Ear) -> None:
        match what:
            case "tls":
                wire.start_tls()
            case "close":
                wire.close()
            case "end":
                line = ear.line()
                assert line is None, f"the server goes on: {line!r}"
            case "pause":
                time.sleep(SILENCE_S)
            case "silent":
                said = ear.says_nothing()
                assert not said, f"the server says {said!r}"
            case _:
                raise AssertionError(f"no such act: {what}")
