"""The interface of an outgoing connection."""

import ssl
from dataclasses import dataclass, field
from typing import Protocol

READ_OCTETS = 64 * 1024
"""The most that one `read` returns; with so much unread, the peer is paused."""


class NetworkFailure(Exception):
    """The connection could not be made, or is lost: refused, unreachable, reset. The text is for the log."""


class TlsFailure(NetworkFailure):
    """The TLS handshake failed; a new connection in plain text may succeed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP address and a TCP port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsLayer:
    """The TLS parameters of a connection."""

    version: str
    """As OpenSSL writes it: `TLSv1.3`."""
    cipher: str
    bits: int
    """Secret bits of the cipher."""
    certificate: bytes | None = field(repr=False)
    """The peer's certificate, in DER."""


class Stream(Protocol):
    """An open connection, in octets."""

    @property
    def peer(self) -> Endpoint:
        """The other end."""

    @property
    def tls(self) -> TlsLayer | None:
        """The TLS layer, if there is one."""

    def channel_binding(self, kind: str) -> bytes | None:
        """Channel binding data (see `tls.binding`), or `None` if there is none."""

    def presented_chain(self) -> tuple[bytes, ...]:
        """The peer's certificates in DER as it sent them, its own first, whether or not they were verified; empty
        without TLS.
        """

    async def read(self) -> bytes:
        """What has arrived, at least one octet; empty at the end of the stream.

        Raises `NetworkFailure`.
        """

    async def write(self, octets: bytes) -> None:
        """Send; waits while too much is buffered. Raises `NetworkFailure`."""

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Begin TLS as the client. `server_name` goes into SNI; a verifying context checks it.

        Raises `TlsFailure`, after which the connection is unusable.
        """

    async def close(self) -> None:
        """Send what is buffered, then close the connection. Never raises."""

    def abort(self) -> None:
        """Close the connection at once."""


class Network(Protocol):
    """Opens connections."""

    async def connect(self, address: str, port: int, *, source: str | None = None) -> Stream:
        """Open a TCP connection to an IP address, from the local address `source` if given.

        Raises `NetworkFailure`.
        """
