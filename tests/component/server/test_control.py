"""The control channel of a worker: who is connected, what a worker says of itself, and ending sessions."""

import asyncio
import contextlib
import imaplib
import json
import poplib
import smtplib
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from pillarbox.admin.control.client import ask
from pillarbox.admin.control.messages import (
    GetSessions,
    GetStatus,
    Kick,
    Kicked,
    Request,
    Selection,
    Session,
    WorkerStatus,
)
from pillarbox.app.control import ControlSockets, listen_for_control
from pillarbox.protocol.control.machine import MAX_REQUEST_OCTETS
from pillarbox.server.control.answers import ControlService
from pillarbox.server.pulse import Pulse
from pillarbox.world.telemetry import MemoryTelemetry
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server, serve


class Controlled:
    """A server with a control channel."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.sockets = ControlSockets(folder, 1, MemoryTelemetry())
        self.pulse: Pulse | None = None
        server.run(self._listen())

    async def _listen(self) -> None:
        world, bound = self.server.provider.world, self.sockets.of(0)
        assert bound is not None
        self.pulse = Pulse(world.clock, world.shared.metrics, lambda: world.shared.workers.beat(0))
        service = ControlService(world, self.pulse, lambda: [*self.server.listeners.values()])
        self.listener = await listen_for_control(bound, service, world, self.server.provider)

    def ask(self, request: Request) -> list[object]:
        (reply,) = ask(self.folder, request)
        assert not reply.silent
        return [*reply.answers]

    def sessions(self, selection: Selection = Selection()) -> list[Session]:  # noqa: B008 - immutable
        return [answer for answer in self.ask(GetSessions(selection)) if isinstance(answer, Session)]

    def connect(self) -> socket.socket:
        (name,) = (path.name for path in self.folder.iterdir())
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(str(self.folder / name))
        return connection

    def close(self) -> None:
        self.server.run(self.listener.drain(1))
        self.sockets.close()


@pytest.fixture
def controlled(tmp_path: Path) -> Iterator[Controlled]:
    with serve("imap", "smtp", "pop3") as server:
        there = Controlled(server, tmp_path / "control")
        yield there
        there.close()


@contextlib.contextmanager
def clients(there: Controlled) -> Iterator[tuple[imaplib.IMAP4, smtplib.SMTP, poplib.POP3]]:
    ports = there.server.ports
    imap = imaplib.IMAP4("127.0.0.1", ports["imap"], timeout=20)
    smtp = smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=20)
    pop3 = poplib.POP3("127.0.0.1", ports["pop3"], timeout=20)
    try:
        yield imap, smtp, pop3
    finally:
        for close in (imap.shutdown, smtp.close, pop3.close):
            close()


def log_in(imap: imaplib.IMAP4, pop3: poplib.POP3) -> None:
    imap.login(PEOPLE[0], PASSWORD)
    pop3.user(PEOPLE[1])
    pop3.pass_(PASSWORD)


def test_sessions_say_who_where_since_when_and_what(controlled: Controlled) -> None:
    with clients(controlled) as (imap, smtp, pop3):
        log_in(imap, pop3)
        imap.xatom("ID", '("name" "Test" "version" "7")')
        imap.select()
        smtp.ehlo("client.example")
        found = {session.service: session for session in controlled.sessions()}
    assert [
        (one.login, one.state, one.command, one.client)
        for one in (found["imap"], found["smtp"], found["pop3"])
    ] == [
        (PEOPLE[0], "selected INBOX", "SELECT", "Test 7"),
        ("", "idle", "", "client.example"),
        (PEOPLE[1], "transaction", "PASS", ""),
    ]
    imap_session = found["imap"]
    assert imap_session.address == "127.0.0.1"
    assert imap_session.tls == ""
    assert imap_session.open_s >= 0
    assert (imap_session.received_octets or 0) > len("LOGIN")
    assert (imap_session.sent_octets or 0) > 100


@pytest.mark.parametrize(
    ("selection", "services"),
    [
        (Selection(), {"imap", "pop3", "smtp"}),
        (Selection(login=PEOPLE[0].upper()), {"imap"}),
        (Selection(login="nobody@one.example"), set()),
        (Selection(service="pop"), {"pop3"}),
        (Selection(network="127.0.0.0/8"), {"imap", "pop3", "smtp"}),
        (Selection(network="127.0.0.1", service="smtp"), {"smtp"}),
        (Selection(network="192.0.2.0/24"), set()),
        (Selection(network="2001:db8::/32"), set()),
        (Selection(ids=("1.imap.1",)), set()),
    ],
)
def test_sessions_are_selected(controlled: Controlled, selection: Selection, services: set[str]) -> None:
    with clients(controlled) as (imap, _, pop3):
        log_in(imap, pop3)
        assert {session.service for session in controlled.sessions(selection)} == services


def test_sessions_end_with_the_words_of_their_protocols(controlled: Controlled) -> None:
    with clients(controlled) as (imap, smtp, pop3):
        log_in(imap, pop3)
        assert controlled.ask(Kick(Selection())) == [Kicked(3)]
        with pytest.raises(imaplib.IMAP4.abort, match="Disconnected by the administrator"):
            imap.noop()
        assert smtp.getreply() == (
            421,
            b"4.3.2 mail.one.example Disconnected by the administrator, closing connection",
        )
        with pytest.raises(poplib.error_proto, match="Disconnected by the administrator"):
            pop3.noop()
    names = [name for name, _ in controlled.server.provider.telemetry.events]
    assert "sessions ended by the administrator" in names


def test_one_session_is_ended_by_its_id_and_others_stay(controlled: Controlled) -> None:
    with clients(controlled) as (imap, smtp, pop3):
        log_in(imap, pop3)
        (target,) = controlled.sessions(Selection(service="imap"))
        assert controlled.ask(Kick(Selection(ids=(target.id,)))) == [Kicked(1)]
        with pytest.raises(imaplib.IMAP4.abort):
            imap.noop()
        assert smtp.noop()[0] == 250
        assert pop3.noop().startswith(b"+OK")
        assert controlled.ask(Kick(Selection(ids=(target.id,)))) == [Kicked(0)]


def test_a_worker_tells_how_it_is(controlled: Controlled) -> None:
    with clients(controlled) as (imap, _, pop3):
        log_in(imap, pop3)
        (status,) = controlled.ask(GetStatus())
    assert isinstance(status, WorkerStatus)
    assert status.connections == {"imap": 1, "smtp": 1, "pop3": 1}
    assert status.logins == {PEOPLE[0]: 1, PEOPLE[1]: 1}
    assert status.memory_limit_octets == 256 * 1024 * 1024
    assert status.resident_octets > 1024 * 1024
    assert [row.worker for row in status.workers] == [0]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"hello\n", "not understood"),
        (b"\n", "not understood"),
        (b'{"type":"sessions","selection":{"network":"a/b"}}\n', "does not appear to be"),
        (b"x" * (MAX_REQUEST_OCTETS + 1), "too long"),
    ],
)
def test_what_is_no_request_is_refused_in_words(controlled: Controlled, said: bytes, why: str) -> None:
    with controlled.connect() as connection:
        connection.sendall(said)
        answer = json.loads(connection.makefile("rb").readline())
    assert answer["type"] == "failed"
    assert why in answer["why"]


def test_requests_are_answered_in_their_order(controlled: Controlled) -> None:
    with controlled.connect() as connection:
        connection.sendall(b'{"type":"sessions"}\n{"type":"status"}\n{"type":"sessions"}\n')
        lines = connection.makefile("rb")
        kinds = [json.loads(lines.readline())["type"] for _ in range(4)]
    assert kinds == ["end", "worker", "end", "end"]


def test_a_server_that_stops_says_so(controlled: Controlled) -> None:
    with controlled.connect() as connection:
        connection.sendall(b'{"type":"sessions"}\n')
        lines = connection.makefile("rb")
        lines.readline()
        controlled.server.run(controlled.listener.drain(1))
        assert b"the server is stopping" in lines.readline()


def test_where_sockets_cannot_be_made_the_log_says_so(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("a file is in the way")
    telemetry = MemoryTelemetry()
    sockets = ControlSockets(tmp_path / "control", 2, telemetry)
    assert [sockets.of(0), sockets.of(1)] == [None, None]
    assert telemetry.events[0][0] == "control channel not opened"
    sockets.close()


def test_the_pulse_publishes_and_knows_the_longest_lag(controlled: Controlled) -> None:
    pulse = controlled.pulse
    assert pulse is not None

    async def beats() -> None:
        beating: Callable[[], Awaitable[None]] = pulse.run
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(beating(), 0.7)

    controlled.server.run(beats())
    assert controlled.server.provider.world.shared.workers.beats(0) == 2
    assert pulse.longest_lag_s >= pulse.lag_s >= 0
