"""App passwords at every door: each scope, at each protocol, by each mechanism. Where one is not let in, it is in words
that a person can act on."""

import json
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from pillarbox.directory.sign_in import app_passwords
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.sasl.client import Credentials, choose
from tests.kit.provider import PEOPLE
from tests.kit.server import Server, serve

MECHANISMS: Final = ("SCRAM-SHA-256", "PLAIN", "LOGIN")
LOGIN: Final = PEOPLE[0]


class Line:
    """A client of a protocol of lines."""

    def __init__(self, server: Server, service: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.ports[service]), 20)
        self._reader = self._socket.makefile("rb")

    def say(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def line(self) -> str:
        return self._reader.readline().decode().rstrip("\r\n")

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


def by_sasl(there: Line, command: str, goes_on: str, mechanism: str, password: str) -> str:
    """The last line of an exchange without an initial response."""
    client = choose([mechanism], Credentials(LOGIN, password), nonce="c", binding=None, plain_allowed=True)
    assert client is not None
    initial = client.initial
    there.say(f"{command} {mechanism}")
    while (line := there.line()).startswith(goes_on):
        challenge = b64decode(line.removeprefix(goes_on).strip())
        answer, initial = (initial, None) if initial is not None else (client.respond(challenge), None)
        there.say(b64encode(answer).decode())
    return line


def imap(there: Line, way: str, password: str) -> str:
    there.line()
    if way in MECHANISMS:
        return by_sasl(there, "a AUTHENTICATE", "+ ", way, password)
    there.say(f'a LOGIN {LOGIN} "{password}"')
    return there.line()


def pop3(there: Line, way: str, password: str) -> str:
    there.line()
    if way in MECHANISMS:
        return by_sasl(there, "AUTH", "+ ", way, password)
    there.say(f"USER {LOGIN}")
    there.line()
    there.say(f"PASS {password}")
    return there.line()


def submission(there: Line, way: str, password: str) -> str:
    there.line()
    there.say("EHLO client.example")
    while there.line()[3] == "-":
        pass
    return by_sasl(there, "AUTH", "334 ", way, password)


def http(there: Line, way: str, password: str) -> str:
    """The status, what the client is asked for, and the sentence."""
    field = (
        f"Bearer {password}"
        if way == "Bearer"
        else f"Basic {b64encode(f'{LOGIN}:{password}'.encode()).decode()}"
    )
    there.say(f"GET /jmap/session HTTP/1.0\r\nHost: mail.one.example\r\nAuthorization: {field}\r\n")
    status, asked = there.line().split(" ")[1], list[str]()
    while line := there.line():
        if line.startswith("www-authenticate:"):
            asked.append(line.removeprefix("www-authenticate: "))
    detail = "" if status == "200" else str(json.loads(there.line())["detail"])
    return " | ".join((status, *asked, detail))


Door = tuple[str, Callable[[Line, str, str], str], tuple[str, ...], str, str, str]
DOORS: Final[dict[Scope, Door]] = {
    Scope.IMAP: (
        "imap",
        imap,
        ("command", *MECHANISMS),
        "a OK ",
        "a NO [AUTHENTICATIONFAILED] Authentication failed: {}",
        "a NO [AUTHENTICATIONFAILED] Authentication failed",
    ),
    Scope.POP3: (
        "pop3",
        pop3,
        ("command", *MECHANISMS),
        "+OK ",
        "-ERR [AUTH] Authentication failed: {}.",
        "-ERR [AUTH] Authentication failed.",
    ),
    Scope.SMTP: (
        "submission",
        submission,
        MECHANISMS,
        "235 2.7.0 ",
        "535 5.7.8 Authentication failed: {}",
        "535 5.7.8 Authentication failed",
    ),
    Scope.JMAP: ("http", http, ("Basic", "Bearer"), "200", "", ""),
}
"""By what is served: where, how it is logged in to, in which ways; and how the answers begin: let in, not for that, and
wrong."""
ASKED: Final = 'Basic realm="Pillarbox", charset="UTF-8" | Bearer realm="Pillarbox"'
OF_HTTP: Final = {
    "Basic": (f"401 | {ASKED} | Authentication failed: {{}}.", f"401 | {ASKED} | Authentication failed."),
    "Bearer": (
        '403 | Bearer realm="Pillarbox", error="insufficient_scope" | Authentication failed: {}.',
        '401 | Bearer realm="Pillarbox", error="invalid_token" | Authentication failed.',
    ),
}


def answer(server: Server, service: Scope, way: str, password: str) -> str:
    name, door, *_ = DOORS[service]
    there = Line(server, name)
    try:
        return door(there, way, password)
    finally:
        there.close()


def words(service: Scope, way: str) -> tuple[str, str]:
    """What is answered where the password is not for that, and where it is wrong."""
    return OF_HTTP[way] if service is Scope.JMAP else DOORS[service][4:]


@pytest.fixture(params=DOORS, ids=str)
def service(request: pytest.FixtureRequest) -> Scope:
    return Scope(request.param)


@pytest.fixture
def server(service: Scope) -> Iterator[Server]:
    with serve(DOORS[service][0]) as server:
        yield server


@pytest.mark.parametrize("scope", Scope, ids=str)
def test_every_scope_at_every_door(server: Server, service: Scope, scope: Scope) -> None:
    password = server.run(server.provider.app_password(0, scope))
    _, _, ways, let_in, *_ = DOORS[service]
    if service is not Scope.JMAP:
        offered = server.provider.authenticator.mechanisms(None, plain_allowed=True)
        assert {*ways} - {"command"} == {*offered}, "a mechanism that is not tried here"
    for way in ways:
        got = answer(server, service, way, password)
        if scope in (service, Scope.MAIL):
            assert got.startswith(let_in)
        else:
            assert got == words(service, way)[0].format(f"this app password is not for {service.upper()}")


@pytest.mark.parametrize("network", ["127.0.0.1", "192.0.2.0/24"])
def test_every_network_at_every_door(server: Server, service: Scope, network: str) -> None:
    provider = server.provider
    password = server.run(provider.app_password(0, Scope.MAIL, networks=(network,)))
    for way in DOORS[service][2]:
        got = answer(server, service, way, password)
        if network == "127.0.0.1":
            assert got.startswith(DOORS[service][3])
        else:
            assert got == words(service, way)[1] == answer(server, service, way, "aaaa-bbbb-cccc-dddd-eeee")
    server.run(provider.authenticator.settled())
    (listed,) = provider.world.database.read_now(app_passwords.listing, provider.accounts[0])
    used = (listed.last_used_address, listed.last_used_scope)
    assert used == (("127.0.0.1", service) if network == "127.0.0.1" else (None, None))


def test_what_may_only_read_at_every_door(server: Server, service: Scope) -> None:
    password = server.run(server.provider.app_password(0, Scope.MAIL, read_only=True))
    for way in DOORS[service][2]:
        got = answer(server, service, way, password)
        if service is Scope.SMTP:
            assert got == words(service, way)[0].format(
                "this app password is read-only, and may not send mail"
            )
        else:
            assert got.startswith(DOORS[service][3])
