"""The doors of a provider: each service's name, standard port, and whether TLS comes first.

Everything that lists services (ports, the ready file, set-up texts) is derived from this table.
"""

import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pillarbox.server.listener import listening_socket


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """One service that can be listened for."""

    name: str
    port: int
    """The registered port."""
    implicit_tls: bool
    busy: bytes
    """What a newcomer is told when there are too many."""


_SMTP_BUSY = b"421 4.3.2 Too many connections, try again later\r\n"
_IMAP_BUSY = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
_POP3_BUSY = b"-ERR [SYS/TEMP] Too many connections, try again later\r\n"

SERVICES: Final = {
    kind.name: kind
    for kind in (
        ServiceKind("smtp", 25, implicit_tls=False, busy=_SMTP_BUSY),
        ServiceKind("submission", 587, implicit_tls=False, busy=_SMTP_BUSY),
        ServiceKind("submissions", 465, implicit_tls=True, busy=_SMTP_BUSY),
        ServiceKind("lmtp", 24, implicit_tls=False, busy=_SMTP_BUSY),
        ServiceKind("imap", 143, implicit_tls=False, busy=_IMAP_BUSY),
        ServiceKind("imaps", 993, implicit_tls=True, busy=_IMAP_BUSY),
        ServiceKind("pop3", 110, implicit_tls=False, busy=_POP3_BUSY),
        ServiceKind("pop3s", 995, implicit_tls=True, busy=_POP3_BUSY),
    )
}
"""By name, in the order in which ports are given out. RFC 8314 §7 for the ones with implicit TLS."""

Doors = Mapping[str, list[socket.socket]]
"""Listening sockets by the name of their service."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and port to listen at."""

    host: str
    port: int
    optional: bool = False
    """Passed over where the machine has no such kind of address (IPv6 switched off)."""


class CannotListen(Exception):
    """An endpoint can't be had. The text says what to do."""


def open_doors(endpoints: Mapping[str, Sequence[Endpoint]]) -> dict[str, list[socket.socket]]:
    """Listen at all of these. Raises `CannotListen`, having let go of all."""
    doors: dict[str, list[socket.socket]] = {}
    try:
        for name, places in endpoints.items():
            for place in places:
                if door := _listen(name, place):
                    doors.setdefault(name, []).append(door)
    except CannotListen:
        close(doors)
        raise
    return doors


def _listen(name: str, place: Endpoint) -> socket.socket | None:
    try:
        return listening_socket(place.host, place.port)
    except OSError as failure:
        if place.optional and failure.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        where = f"{name} can't listen on port {place.port} of {place.host}"
        match failure.errno:
            case errno.EACCES:
                advice = (
                    "ports below 1024 need root, or systemd's AmbientCapabilities=CAP_NET_BIND_SERVICE, "
                    "or higher ports under [listen]"
                )
            case errno.EADDRINUSE:
                advice = f"something else does already; see who: ss -ltnp 'sport = :{place.port}'"
            case _:
                advice = str(failure.strerror)
        raise CannotListen(f"{where}: {advice}") from failure


def bind(host: str, ports: Mapping[str, int]) -> dict[str, list[socket.socket]]:
    """Listen on these ports of one address. Raises OSError, having let go of all."""
    doors: dict[str, list[socket.socket]] = {}
    try:
        for name, port in ports.items():
            doors[name] = [listening_socket(host, port)]
    except OSError:
        close(doors)
        raise
    return doors


def close(doors: Doors) -> None:
    """Let go of the sockets."""
    for sockets in doors.values():
        for door in sockets:
            door.close()


def ports_of(doors: Doors) -> dict[str, int]:
    """The port each service listens on."""
    return {name: sockets[0].getsockname()[1] for name, sockets in doors.items()}
