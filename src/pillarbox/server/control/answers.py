"""The answers of a worker to an operator."""

import ipaddress
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, assert_never

import pillarbox
from pillarbox.admin.control.messages import (
    Answer,
    GetSessions,
    GetStatus,
    Kick,
    Kicked,
    NotUnderstood,
    Request,
    Selection,
    Session,
    WorkerStatus,
)
from pillarbox.directory.accounts import login_key
from pillarbox.server.connection import Connection
from pillarbox.server.control.session import ControlSession
from pillarbox.server.listener import Listener, OpenSession
from pillarbox.server.pulse import Pulse
from pillarbox.server.pump.owner import OwnedConnection
from pillarbox.world.world import World

SLICE_SESSIONS: Final = 50
"""Sessions looked at until others are served: some milliseconds."""
MAX_LOGINS: Final = 100
"""Accounts with most sessions that a status names."""
MAX_RECENT: Final = 20
_TEXT_CHARACTERS: Final = 200
"""Of what a client says about itself."""


class ControlService:
    """Answers for one worker."""

    def __init__(self, world: World, pulse: Pulse, listeners: Callable[[], Sequence[Listener]]) -> None:
        """`listeners`: all that serve clients."""
        self._world = world
        self._pulse = pulse
        self._listeners = listeners

    def session(self, connection: Connection) -> ControlSession:
        """A session for a new connection."""
        return ControlSession(self.answers, connection)

    async def answers(self, request: Request, asking: Connection) -> AsyncIterator[Answer]:
        """Answer a request; `asking` gives way between slices. Raises `NotUnderstood`."""
        match request:
            case GetStatus():
                yield await self._status(asking)
            case GetSessions(selection):
                async for _, session in self._selected(selection, asking):
                    yield session
            case Kick(selection):
                kicked = 0
                async for connection, _ in self._selected(selection, asking):
                    connection.kick()
                    kicked += 1
                if kicked:
                    self._world.telemetry.event("sessions ended by the administrator", sessions=kicked)
                yield Kicked(kicked)
            case _:
                assert_never(request)

    async def _selected(
        self, selection: Selection, asking: Connection
    ) -> AsyncIterator[tuple[OwnedConnection, Session]]:
        wanted = matching(selection)
        looked_at = 0
        for listener in self._listeners():
            for connection in listener.connections:
                looked_at += 1
                if looked_at % SLICE_SESSIONS == 0:
                    await asking.give_way()
                found = listener.described(connection)
                if found is not None and wanted(session := _session(found)):
                    yield connection, session

    async def _status(self, asking: Connection) -> WorkerStatus:
        world, shared = self._world, self._world.shared
        logins: Counter[str] = Counter()
        async for _, session in self._selected(Selection(), asking):
            if session.login:
                logins[session.login] += 1
        shared.metrics.publish()
        return WorkerStatus(
            worker=shared.worker,
            pid=os.getpid(),
            version=pillarbox.__version__,
            server_pid=shared.workers.server_pid,
            server_started_at_ms=shared.workers.server_started_at_ms,
            lag_s=round(self._pulse.lag_s, 4),
            longest_lag_s=round(self._pulse.longest_lag_s, 4),
            memory_octets=world.memory.used_octets,
            memory_limit_octets=world.memory.limit_octets,
            resident_octets=resident_octets(),
            connections={listener.service.name: listener.open_connections for listener in self._listeners()},
            logins=dict(logins.most_common(MAX_LOGINS)),
            damaged=len(world.damaged),
            workers=tuple(shared.workers.rows()),
            recent=tuple(shared.recent.all()[-MAX_RECENT:]),
            totals=dict(self._totals()),
        )

    def _totals(self) -> Iterator[tuple[str, float]]:
        """What was counted at all: series of one number that is not zero."""
        table = self._world.shared.metrics.table
        for sample in table.totals() if table is not None else ():
            if len(sample.numbers) == 1 and sample.numbers[0]:
                yield " ".join((sample.family.name, *sample.values)), sample.numbers[0]


def _session(found: OpenSession) -> Session:
    activity, traffic = found.activity, found.traffic
    return Session(
        id=f"{os.getpid()}.{found.service}.{found.number}",
        service=found.service,
        address=found.peer.address,
        port=found.peer.port,
        login=activity.login,
        state=activity.state[:_TEXT_CHARACTERS],
        command=activity.command,
        client=activity.client[:_TEXT_CHARACTERS],
        tls=found.tls,
        open_s=round(found.open_s, 1),
        silent_s=traffic.silent_s if traffic else None,
        received_octets=traffic.received_octets if traffic else None,
        sent_octets=traffic.sent_octets if traffic else None,
    )


def matching(selection: Selection) -> Callable[[Session], bool]:
    """Whether a session is one of those selected. Raises `NotUnderstood`."""
    try:
        network = ipaddress.ip_network(selection.network, strict=False) if selection.network else None
    except ValueError as failure:
        raise NotUnderstood(str(failure)) from None
    login = login_key(selection.login) if selection.login else ""

    def wanted(session: Session) -> bool:
        return (
            (not selection.ids or session.id in selection.ids)
            and session.login == (login or session.login)
            and session.service.startswith(selection.service)
            and (network is None or _address(session.address) in network)
        )

    return wanted


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(text.partition("%")[0] or "0.0.0.0")  # noqa: S104 - of a UNIX socket: none
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed  # a listener for both has IPv4 clients at IPv6 addresses


def resident_octets() -> int:
    """The resident set of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
