"""A bare SMTP client on a blocking socket: octets out, replies in, and nothing done by itself."""

import base64
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from tests.interop.demo import Demo, Person

SECONDS = 30


@dataclass(frozen=True)
class Reply:
    """One reply of any number of lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Smtp:
    """One session."""

    def __init__(self, provider: Demo, stream: socket.socket) -> None:
        self.provider = provider
        self.stream = stream
        self._octets = b""
        self.greeting = self.reply()

    def send(self, octets: bytes) -> None:
        """Exactly these octets."""
        self.stream.sendall(octets)

    def reply(self) -> Reply:
        """The next reply; every line of it well-formed."""
        lines: list[str] = []
        while True:
            line = self._line()
            assert len(line) <= 512
            text = line.removesuffix(b"\r\n").decode("ascii")
            assert text[:3].isdigit(), line
            assert text[3:4] in (" ", "-", ""), line
            lines.append(text[4:])
            if text[3:4] != "-":
                return Reply(int(text[:3]), tuple(lines))

    def _line(self) -> bytes:
        while b"\n" not in self._octets:
            octets = self.stream.recv(65536)
            assert octets, f"the server left: {self._octets!r}"
            self._octets += octets
        line, _, self._octets = self._octets.partition(b"\n")
        assert line.endswith(b"\r"), line
        return line + b"\n"

    def say(self, line: str | bytes) -> Reply:
        """Send a line; its reply."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def codes(self, *lines: str | bytes) -> list[int]:
        """Send lines one by one; the code of each reply."""
        return [self.say(line).code for line in lines]

    def hello(self, word: str = "EHLO") -> set[str]:
        """Greet; the keywords offered."""
        reply = self.say(f"{word} client.example")
        assert reply.code == 250
        return {line.split()[0] for line in reply.lines[1:]}

    def start_tls(self) -> None:
        """STARTTLS and the handshake; the greeting is forgotten."""
        assert self.say("STARTTLS").code == 220
        self.handshake()

    def handshake(self) -> None:
        """The client's side of the handshake."""
        assert not self._octets, self._octets
        self.stream = self.provider.context().wrap_socket(self.stream, server_hostname="localhost")

    def log_in(self, person: Person) -> None:
        """AUTH PLAIN."""
        assert self.say(f"AUTH PLAIN {plain(person)}").code == 235

    def left(self) -> bytes:
        """All that still comes until the server closes; waits for that."""
        with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
            while octets := self.stream.recv(65536):
                self._octets += octets
        return self._octets

    def silent(self) -> bool:
        """Whether nothing came and the server still answers: NOOP's reply is the very next."""
        return self.say("NOOP").code == 250 and not self._octets


def plain(person: Person, *, authorization: str = "") -> str:
    """The response of the mechanism PLAIN."""
    return base64.b64encode(f"{authorization}\0{person.login}\0{person.password}".encode()).decode()


@contextlib.contextmanager
def connected(provider: Demo, door: str = "smtp") -> Iterator[Smtp]:
    """A session that has read the greeting."""
    with contextlib.ExitStack() as held:
        stream: socket.socket = held.enter_context(
            socket.create_connection((provider.host, provider.ports[door]), timeout=SECONDS)
        )
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if door == "submissions":
            stream = provider.context().wrap_socket(stream, server_hostname="localhost")
        session = Smtp(provider, stream)
        held.callback(lambda: session.stream.close())
        assert session.greeting.code == 220
        yield session


@contextlib.contextmanager
def submitting(provider: Demo, person: Person) -> Iterator[Smtp]:
    """An authenticated session of submission with TLS."""
    with connected(provider, "submissions") as smtp:
        smtp.hello()
        smtp.log_in(person)
        yield smtp
