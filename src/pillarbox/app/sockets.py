"""Listening sockets: bound before privileges are dropped and workers are forked, which inherit them."""

import errno
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pillarbox.server.listener import listening_socket

Sockets = Mapping[str, Sequence[socket.socket]]
"""Listening sockets by the name of their service."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and port to listen on."""

    host: str
    port: int
    optional: bool = False
    """Skipped where the machine has no addresses of this kind (IPv6 turned off)."""


class CannotListen(Exception):
    """A socket could not be bound. The text says why and what to do."""


def listen(endpoints: Mapping[str, Sequence[Endpoint]]) -> Sockets:
    """Listen on all of these. Raises `CannotListen`, with all sockets closed again."""
    sockets: dict[str, list[socket.socket]] = {}
    try:
        for name, places in endpoints.items():
            for place in places:
                if listening := _listen(name, place):
                    sockets.setdefault(name, []).append(listening)
    except CannotListen:
        close(sockets)
        raise
    return sockets


def _listen(name: str, place: Endpoint) -> socket.socket | None:
    try:
        return listening_socket(place.host, place.port)
    except OSError as failure:
        if place.optional and failure.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            return None
        where = f"{name}: can't listen on {place.host} port {place.port}"
        match failure.errno:
            case errno.EACCES:
                advice = (
                    "permission denied. Ports below 1024 need root, or AmbientCapabilities=CAP_NET_BIND_SERVICE in "
                    "the systemd unit; or set higher ports under [listen]"
                )
            case errno.EADDRINUSE:
                advice = f"address already in use. To see by whom: ss -ltnp 'sport = :{place.port}'"
            case _:
                advice = str(failure.strerror)
        raise CannotListen(f"{where}: {advice}") from failure


def listen_on(host: str, ports: Mapping[str, int]) -> Sockets:
    """Listen on these ports of one address. Raises OSError, with all sockets closed again."""
    sockets: dict[str, list[socket.socket]] = {}
    try:
        for name, port in ports.items():
            sockets[name] = [listening_socket(host, port)]
    except OSError as failure:
        close(sockets)
        raise OSError(failure.errno, f"{name}: {host} port {port}: {failure.strerror}") from failure
    return sockets


def close(sockets: Sockets) -> None:
    """Close all."""
    for of_service in sockets.values():
        for listening in of_service:
            listening.close()


def ports_of(sockets: Sockets) -> dict[str, int]:
    """The port each service listens on."""
    return {name: of_service[0].getsockname()[1] for name, of_service in sockets.items()}
