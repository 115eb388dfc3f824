"""GNU SASL's client against our mechanisms, over TLS, in a server of a few lines that speaks just enough IMAP."""

import asyncio
import socket
import ssl
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.sasl.exchange import Challenge
from pillarbox.protocol.sasl.line import decode_initial, decode_response, encode_challenge
from pillarbox.server.connection import TlsState
from pillarbox.server.login.attempt import Attempt
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.clock import SystemClock
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.tls import authority
from pillarbox.world.tls.server import ServerTls
from tests.interop.programs import need
from tests.kit.people import person
from tests.kit.world import world_of

pytestmark = pytest.mark.interop

HOME = Client("127.0.0.1", Scope.IMAP)


class Imap:
    """CAPABILITY, STARTTLS and AUTHENTICATE on blocking sockets; the authenticator lives in `loop`."""

    def __init__(self, authenticator: Authenticator, tls: ServerTls, loop: asyncio.AbstractEventLoop) -> None:
        self.authenticator = authenticator
        self.certificates = tls
        self.loop = loop
        self.logged_in: list[str] = []
        self.secured: ssl.SSLSocket | None = None

    def serve_one(self, listener: socket.socket) -> None:
        """One connection, to its end; where we fail it is closed, so that the client does not wait."""
        connection, _peer = listener.accept()
        connection.settimeout(10)
        try:
            self._serve(connection)
        finally:
            connection.close()
            if self.secured:
                self.secured.close()

    def _serve(self, connection: socket.socket) -> None:
        connection.sendall(b"* OK ready\r\n")
        while line := _line(connection):
            tag, command, *arguments = [
                *line.split(),
                b"",
                b"",
            ]  # this client sends odd lines once it is logged in
            match command.upper():
                case b"STARTTLS":
                    connection.sendall(tag + b" OK go\r\n")
                    self.secured = self.certificates.context().wrap_socket(connection, server_side=True)
                    connection = self.secured
                case b"CAPABILITY":
                    offered = self.authenticator.mechanisms(self._state(connection), plain_allowed=False)
                    names = " ".join(f"AUTH={name}" for name in offered)
                    connection.sendall(b"* CAPABILITY IMAP4rev1 STARTTLS %s\r\n" % names.encode())
                    connection.sendall(tag + b" OK done\r\n")
                case b"AUTHENTICATE":
                    connection.sendall(
                        tag + self._authenticate(connection, [one for one in arguments if one]) + b"\r\n"
                    )
                case b"LOGOUT":
                    connection.sendall(tag + b" OK done\r\n")
                    break
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()
        except OSError:
            pass  # some clients just leave
        connection.close()

    def _authenticate(self, connection: socket.socket, arguments: list[bytes]) -> bytes:
        name = arguments[0].decode()
        attempt = self.authenticator.begin(name, HOME, self._state(connection), plain_allowed=False)
        assert attempt is not None
        step = self._respond(attempt, decode_initial(arguments[1]) if len(arguments) > 1 else None)
        while isinstance(step, Challenge):
            connection.sendall(b"+ " + encode_challenge(step.octets) + b"\r\n")
            step = self._respond(attempt, decode_response(_line(connection).rstrip(b"\r\n")))
        self.logged_in.append(type(step).__name__)
        return b" OK welcome" if self.logged_in[-1] == "Authenticated" else b" NO go away"

    def _respond(self, attempt: Attempt, octets: bytes | None) -> object:
        return asyncio.run_coroutine_threadsafe(attempt.respond(octets), self.loop).result(10)

    def _state(self, connection: socket.socket) -> TlsState | None:
        if not isinstance(connection, ssl.SSLSocket):
            return None
        binding = partial(self.certificates.channel_binding, connection)  # type: ignore[arg-type]  # as good as its object
        return TlsState("TLSv1.3", "", 256, binding)


def _line(connection: socket.socket) -> bytes:
    """Octet by octet: this is a test's server, and nothing may be read past STARTTLS."""
    line = b""
    while not line.endswith(b"\n") and (octet := connection.recv(1)):
        line += octet
    return line


async def login(folder: Path, mechanism: str, password: str, *options: str) -> tuple[bool, list[str]]:
    """Run gsasl; whether it succeeded, and the result of our side."""
    made = authority.ensure(folder, ["one.example"], now_ms=time.time_ns() // 1_000_000)
    database = memory_database([SCHEMA, STORE])
    database.write_now(person, "anna@one.example", "open sesame")
    authenticator = Authenticator(world_of(database, SystemClock(), entropy=SystemEntropy()))
    imap = Imap(authenticator, ServerTls([made.server]), asyncio.get_running_loop())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        served = asyncio.create_task(asyncio.to_thread(imap.serve_one, listener))
        command = [
            *(
                "gsasl",
                "--client",
                "--imap",
                f"--connect=127.0.0.1:{listener.getsockname()[1]}",
                "--starttls",
            ),
            *(f"--x509-ca-file={made.authority}", f"--mechanism={mechanism}", "--authentication-id=anna"),
            *(f"--password={password}", *options),
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        )
        await served
    await authenticator.close()
    await database.close()
    return b"authentication finished (server trusted)" in done.stderr + done.stdout, imap.logged_in


@pytest.fixture(autouse=True)
def installed() -> None:
    need("gsasl")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_gsasl_logs_in(tmp_path: Path, mechanism: str) -> None:
    options = ["--no-cb"] if mechanism == "SCRAM-SHA-256" else []
    assert asyncio.run(login(tmp_path, mechanism, "open sesame", *options)) == (True, ["Authenticated"])


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256-PLUS"])
def test_gsasl_with_a_wrong_password_does_not(tmp_path: Path, mechanism: str) -> None:
    assert asyncio.run(login(tmp_path, mechanism, "guess")) == (False, ["Failure"])
