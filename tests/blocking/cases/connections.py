"""Connections as such: that are reset at once, that end before they begin, that only pretend to speak TLS."""

import socket
import struct
import time
from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import SMTP_REPLY, last_line

RESETS: Final = 3000
BURST: Final = 900
FINISHED: Final = 400
RECORDS: Final = 200
SERVICES: Final = ("smtp", "imap", "imaps", "pop3s")
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 seconds: `close` sends a reset."""


def _opened(target: Target, service: str) -> socket.socket:
    return socket.create_connection((target.provider.host, target.provider.ports[service]), 60)


def resets(target: Target) -> str:
    """Connect and reset, as fast as that goes."""
    for number in range(RESETS):
        with _opened(target, SERVICES[number % len(SERVICES)]) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    return target.imap_command(b"NOOP")


def burst(target: Target) -> str:
    """Begin very many connections to the port with implicit TLS in one moment, and reset all in another."""
    address = target.provider.host, target.provider.ports["imaps"]
    with ExitStack() as stack:
        begun = [stack.enter_context(socket.socket()) for _ in range(BURST)]
        for connection in begun:
            connection.setblocking(False)
            connection.connect_ex(address)
        time.sleep(1)
        for connection in begun:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            connection.close()
    return target.imap_command(b"NOOP")


def finished_first(target: Target) -> str:
    """Send all commands at once, end one's own direction, and read nothing."""
    login = f'a LOGIN "{target.victim.login}" "{target.victim.password}"\r\n'.encode()
    with ExitStack() as stack:
        for _ in range(FINISHED):
            connection = stack.enter_context(_opened(target, "imap"))
            connection.sendall(login + b"b SELECT INBOX\r\nc IDLE\r\n")
            connection.shutdown(socket.SHUT_WR)
        return target.imap_command(b"NOOP")


def records(target: Target) -> str:
    """Records of TLS that are no handshake: empty ones, warnings, a ClientHello of 16 MiB."""
    floods = (
        b"\x16\x03\x01\x00\x00" * 10_000,
        b"\x15\x03\x01\x00\x02\x01\x00" * 10_000,
        b"\x16\x03\x01\x40\x00\x01\xff\xff\xfc" + b"z" * 60_000,
        b"GET / HTTP/1.1\r\n\r\n" * 3000,
    )
    with ExitStack() as stack:
        for number in range(RECORDS):
            stack.enter_context(target.wire("imaps")).send(floods[number % len(floods)])
        with target.smtp() as wire:
            return last_line(wire.exchange(b"NOOP\r\n", SMTP_REPLY))


CASES: Final = (
    Case(f"{RESETS} connections that are reset at once", "nothing is kept of them", resets),
    Case(
        f"{BURST} connections with TLS that begin at once, and are reset at once",
        "500 of an address; in turns",
        burst,
    ),
    Case(f"{FINISHED} sessions that end their direction first", "IDLE ends with the input", finished_first),
    Case(f"{RECORDS} floods of TLS records that are no handshake", "the limits of OpenSSL; 30 s", records),
)
