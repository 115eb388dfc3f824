"""A row of the table of attacks, and the place that is attacked: a whole server, and clients that send anything."""

import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pillarbox.directory.sign_in import credential_marks
from pillarbox.server.connection import SessionFactory
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.http.service import HttpService
from tests.kit.certificate import client_context
from tests.kit.http.server import HttpClient, Response
from tests.kit.http.signing_in import PREFIX, SECURE_ORIGIN, SIGN_IN
from tests.kit.provider import Provider
from tests.kit.server import Server, factories, serve

CLOSED: Final = "(closed)"
SERVICES: Final = ("imap", "imaps", "pop3", "submission", "http", "https")


class Place:
    """A server with three people, and whoever attacks it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.world, self.accounts = server.provider.world, server.provider.accounts

    def write(self, verb: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Change something in the database; sessions that must end then have ended."""
        result = self.server.run(self.world.database.write(verb, *given, **more))
        for listener in self.server.listeners.values():
            gone = self.server.run(self.world.database.read(credential_marks.withdrawn, listener.logins()))
            self.server.call(lambda listener=listener, gone=gone: listener.revoke(gone))  # type: ignore[misc]
        return result

    @contextmanager
    def browser(self) -> Iterator[HttpClient]:
        """A connection over TLS."""
        with HttpClient(self.server, tls=True) as client:
            yield client


@dataclass(frozen=True, slots=True)
class Attack:
    """What somebody does who is not to get in, and beside it the same without the attack."""

    name: str
    attack: Callable[[Place], str]
    refused: str | tuple[str, ...]
    """How the answer begins."""
    honest: Callable[[Place], str]
    """So that the attack is refused for what it is, and for nothing else."""
    let_in: str


@contextmanager
def attacked() -> Iterator[Place]:
    """A fresh place."""
    with serve(*SERVICES, sessions=_sessions) as server:
        yield Place(server)


def _sessions(provider: Provider) -> Mapping[str, SessionFactory[Any]]:
    provider.web_url = SECURE_ORIGIN
    web = HttpService(provider.world, provider.authenticator, provider.config, routes=(*ROUTES, *SIGN_IN))
    return {**factories(provider), "http": web.session, "https": web.session}


class LineClient:
    """A client of a protocol of lines, over TLS where the service has it."""

    def __init__(self, place: Place, service: str) -> None:
        port = place.server.ports[service]
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), 20)
        if service.endswith("s"):
            self.socket = client_context().wrap_socket(self.socket, server_hostname="localhost")
        self.reader = self.socket.makefile("rb")

    def __enter__(self) -> "LineClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        self.socket.close()

    @property
    def certificate(self) -> bytes:
        """The server's, in DER."""
        assert isinstance(self.socket, ssl.SSLSocket)
        found = self.socket.getpeercert(binary_form=True)
        assert found is not None
        return found

    def say(self, line: str) -> None:
        """Send a line."""
        self.socket.sendall(line.encode() + b"\r\n")

    def line(self) -> str:
        """Read one; `CLOSED` where the server has hung up."""
        read = self.reader.readline().decode().rstrip("\r\n")
        return read or CLOSED

    def sasl(self, begin: str, goes_on: str, initial: bytes, respond: Callable[[bytes], bytes]) -> str:
        """The last line of an exchange without an initial response."""
        self.say(begin)
        first: bytes | None = initial
        while (line := self.line()).startswith(goes_on):
            challenge = b64decode(line.removeprefix(goes_on).strip())
            answer, first = (first, None) if first is not None else (respond(challenge), None)
            self.say(b64encode(answer).decode())
        return line


def status(response: Response) -> str:
    """A response in a few words: its status, and its body."""
    return f"{response.status} {response.body.decode('utf-8', 'replace')}"


def cookie(answer: Response, name: str = "pillarbox") -> str:
    """A cookie that was given, as it is shown."""
    return f"{PREFIX}{name}={answer.cookies[PREFIX + name].partition(';')[0]}"


def shown(client: HttpClient, cookies: str, **fields: str) -> str:
    """Who a request with these cookies is of."""
    got = client.ask("GET /jmap/session", {"Cookie": cookies, **fields})
    return status(got) if got.status != 200 else f"200 {got.body.decode().partition('username')[2][3:19]}"
