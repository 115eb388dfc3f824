"""What a connection that we opened offers."""

import ssl
from dataclasses import dataclass, field
from typing import Protocol

READ_OCTETS = 64 * 1024
"""The most that one `read` returns; with as much waiting to be read, the peer is paused."""


class NetworkFailure(Exception):
    """No connection, or no longer: refused, unreachable, reset. The text is for the log."""


class TlsFailure(NetworkFailure):
    """Both sides did not come to a TLS connection; in plain text there may still be one."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address and a TCP port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsLayer:
    """The TLS that a connection runs in."""

    version: str
    """As OpenSSL writes it: `TLSv1.3`."""
    cipher: str
    bits: int
    """Secret bits of the cipher."""
    certificate: bytes | None = field(repr=False)
    """What the peer showed, in DER."""


class Stream(Protocol):
    """An open connection, in octets."""

    @property
    def peer(self) -> Endpoint:
        """The other end."""

    @property
    def tls(self) -> TlsLayer | None:
        """The TLS layer, if there is one."""

    def channel_binding(self, kind: str) -> bytes | None:
        """Channel binding data (see `tls.binding`), or `None` where it cannot be had."""

    async def read(self) -> bytes:
        """What has arrived, at least one octet; empty once the peer has finished.

        Raises `NetworkFailure`.
        """

    async def write(self, octets: bytes) -> None:
        """Send; returns once little enough is waiting to go out. Raises `NetworkFailure`."""

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Begin TLS as the client. `server_name` goes into SNI; a verifying context checks it.

        Raises `TlsFailure`, after which the connection is of no more use.
        """

    async def close(self) -> None:
        """Send what is left, then end the connection. Never raises."""

    def abort(self) -> None:
        """End the connection at once."""


class Network(Protocol):
    """The door."""

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Stream:
        """Open a TCP connection to an IP address, from the local one `source` where that is given.

        Raises `NetworkFailure`.
        """
