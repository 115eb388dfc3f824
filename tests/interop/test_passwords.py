"""A password without TLS: only with `--plain`; in every protocol, by every mechanism.

And nothing that was said in clear before STARTTLS counts after it, in IMAP and POP3 as in SMTP.
"""

import base64
import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.imap import quoted, unknown
from tests.interop.smtp import connected, plain

pytestmark = pytest.mark.interop

MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")
SENDS_PASSWORD = ("PLAIN", "LOGIN")


class Lines:
    """A line-based session on a bare socket."""

    def __init__(self, provider: Demo, stream: socket.socket) -> None:
        self._house, self._stream = provider, stream
        self._octets = b""

    def line(self) -> bytes:
        while b"\r\n" not in self._octets:
            octets = self._stream.recv(65536)
            assert octets, "the server left"
            self._octets += octets
        line, _, self._octets = self._octets.partition(b"\r\n")
        return line

    def say(self, octets: bytes) -> bytes:
        self._stream.sendall(octets + b"\r\n")
        return self.line()

    def block(self) -> list[bytes]:
        lines = []
        while (line := self.line()) != b".":
            lines.append(line)
        return lines

    def handshake(self) -> None:
        assert not self._octets, self._octets
        self._stream = self._house.context().wrap_socket(self._stream, server_hostname="localhost")

    def close(self) -> None:
        self._stream.close()


@contextlib.contextmanager
def talking(provider: Demo, door: str) -> Iterator[Lines]:
    with contextlib.closing(
        Lines(provider, socket.create_connection((provider.host, provider.ports[door]), timeout=30))
    ) as session:
        assert session.line().startswith((b"+OK", b"* OK"))
        yield session


def responses(mechanism: str, person: Person) -> list[bytes]:
    """A client's responses, base64."""
    words = (
        [person.login, person.password] if mechanism == "LOGIN" else [f"\0{person.login}\0{person.password}"]
    )
    return [base64.b64encode(word.encode()) for word in words]


def test_imap_login(any_provider: Demo) -> None:
    person = any_provider.newcomer()
    with unknown(any_provider, "imap") as imap:
        offered = imap.greeting.arguments or b""
        assert (b"LOGINDISABLED" in offered) != any_provider.plain
        answer = imap.say(b"LOGIN %s %s" % (quoted(person.login), quoted(person.password)))
        assert answer.word == ("OK" if any_provider.plain else "NO")
        if not any_provider.plain:
            assert answer.code == "PRIVACYREQUIRED"
            assert imap.say(b"SELECT INBOX").word == "BAD"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_imap_authenticate(any_provider: Demo, mechanism: str) -> None:
    person = any_provider.newcomer()
    with unknown(any_provider, "imap") as imap:
        offered = (imap.greeting.arguments or b"").decode().split()
        assert (f"AUTH={mechanism}" in offered) == expected(any_provider, mechanism)
        for initial in (b" " + responses(mechanism, person)[0], b""):
            if not expected(any_provider, mechanism):
                assert imap.say(f"AUTHENTICATE {mechanism}".encode() + initial).word == "NO"
        if mechanism in SENDS_PASSWORD and any_provider.plain:
            tag = imap.start(f"AUTHENTICATE {mechanism}".encode())
            for response in responses(mechanism, person):
                imap.next()
                imap.send(response + b"\r\n")
            assert imap.finish(tag).word == "OK"


def expected(provider: Demo, mechanism: str) -> bool:
    """Whether it is offered without TLS: SCRAM shows no password, but there is nothing to bind it to."""
    return provider.plain and not mechanism.endswith("-PLUS")


def test_pop3_user_and_pass(any_provider: Demo) -> None:
    person = any_provider.newcomer()
    with talking(any_provider, "pop3") as session:
        session.say(b"CAPA")
        assert any(line.startswith(b"USER") for line in session.block()) == any_provider.plain
        said = session.say(b"USER " + person.login.encode())
        if said.startswith(b"+OK"):
            said = session.say(b"PASS " + person.password.encode())
        assert said.startswith(b"+OK") == any_provider.plain


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_pop3_auth(any_provider: Demo, mechanism: str) -> None:
    person = any_provider.newcomer()
    with talking(any_provider, "pop3") as session:
        session.say(b"CAPA")
        offered = next((line.split() for line in session.block() if line.startswith(b"SASL")), [])
        assert (mechanism.encode() in offered) == expected(any_provider, mechanism)
        said = session.say(f"AUTH {mechanism}".encode())
        assert said.startswith(b"+") == expected(any_provider, mechanism)
        if mechanism in SENDS_PASSWORD and any_provider.plain:
            for response in responses(mechanism, person):
                said = session.say(response)
            assert said.startswith(b"+OK")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_smtp_auth(any_provider: Demo, mechanism: str) -> None:
    person = any_provider.newcomer()
    with connected(any_provider, "submission") as smtp:
        offer = smtp.say("EHLO client.example").lines
        offered = next((line.split()[1:] for line in offer if line.startswith("AUTH ")), [])
        assert (mechanism in offered) == expected(any_provider, mechanism)
        if not expected(any_provider, mechanism):
            assert smtp.say(f"AUTH {mechanism} {plain(person)}").code in (504, 530, 538)
            assert smtp.say(f"AUTH {mechanism}").code in (504, 530, 538)
        if mechanism in SENDS_PASSWORD and any_provider.plain:
            reply = smtp.say(f"AUTH {mechanism}")
            for response in responses(mechanism, person):
                assert reply.code == 334
                reply = smtp.say(response)
            assert reply.code == 235


@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_other_servers_are_not_asked_for_passwords(any_provider: Demo, door: str) -> None:
    with connected(any_provider, door) as smtp:
        assert "AUTH" not in smtp.hello("LHLO" if door == "lmtp" else "EHLO")
        assert smtp.say(f"AUTH PLAIN {plain(any_provider.people[0])}").code in (502, 503, 504, 530, 538)


@pytest.mark.rfc("9051 §11.1", "MUST")
@pytest.mark.parametrize(
    "injected", [b"x LOGOUT\r\n", b"x NOOP\r\nx CAPABILITY\r\n", b"x LOGIN {2+}\r\nu0 {6}\r\n"]
)
def test_nothing_sent_in_clear_survives_starttls_in_imap(any_provider: Demo, injected: bytes) -> None:
    with talking(any_provider, "imap") as session:
        assert session.say(b"a STARTTLS\r\n" + injected.removesuffix(b"\r\n")).startswith(b"a OK")
        session.handshake()
        assert session.say(b"b NOOP").startswith(b"b OK")
        assert session.say(b"c STARTTLS").startswith((b"c BAD", b"c NO"))


@pytest.mark.rfc("2595 §4", "MUST")
@pytest.mark.parametrize("injected", [b"QUIT\r\n", b"CAPA\r\n", b"USER u0\r\nPASS x\r\n"])
def test_nothing_sent_in_clear_survives_stls_in_pop3(any_provider: Demo, injected: bytes) -> None:
    with talking(any_provider, "pop3") as session:
        assert session.say(b"STLS\r\n" + injected.removesuffix(b"\r\n")).startswith(b"+OK")
        session.handshake()
        assert session.say(b"STLS").startswith(b"-ERR")
        session.say(b"CAPA")
        assert b"STLS" not in session.block()


def test_a_login_name_sent_before_starttls_is_discarded(plain_provider: Demo) -> None:
    with talking(plain_provider, "pop3") as session:
        session.say(b"USER u0")
        session.say(b"STLS")
        session.handshake()
        assert session.say(b"PASS " + plain_provider.people[-1].password.encode()).startswith(b"-ERR")
