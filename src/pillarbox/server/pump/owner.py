"""The interfaces between a pump and the owner of its connection."""

import ssl
from collections.abc import Collection
from typing import Any, Protocol

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import Activity, Connection, Peer, Session
from pillarbox.server.pump.alarms import Alarms
from pillarbox.server.pump.transport import Traffic
from pillarbox.server.pump.turns import Turns
from pillarbox.world.memory import MemoryBudget


class OwnedConnection(Connection, Protocol):
    """A connection as its owner sees it: a `Pump`."""

    @property
    def working(self) -> bool:
        """Whether a handler is at work and not merely waiting for the peer to read."""

    @property
    def accounts(self) -> Collection[AccountId]:
        """The accounts that the session acts for."""

    @property
    def logins(self) -> Collection[Login]:
        """The same, each with the password that was given."""

    @property
    def activity(self) -> Activity:
        """What the session is doing."""

    @property
    def traffic(self) -> Traffic | None:
        """What went over the connection; `None` where the system does not say."""

    def end(self) -> None:
        """Say that the server goes away, and close; a handler at work finishes its event first."""

    def revoke(self) -> None:
        """End a session whose login is no longer good: `end` with other words, and a short limit."""

    def kick(self) -> None:
        """End a session on an operator's order, as `revoke`."""


class ConnectionOwner(Protocol):
    """Admits connections, offers TLS, and is notified how connections end: `Listener`."""

    buffer: memoryview
    """The read buffer that all connections of the loop share."""
    turns: Turns
    """How all connections of the loop share it."""
    alarms: Alarms
    """The deadlines of its connections."""
    memory: MemoryBudget
    """What connections may hold together."""
    handshake_s: float
    linger_s: float
    """How long a closing connection may take to send its last octets, and to read what the peer still
    sends: closing on unread octets would reset the connection and lose our final reply."""
    implicit_tls: bool

    def admit(self, connection: OwnedConnection) -> Session[Any] | bytes:
        """A session for the new connection, or what to say when turning it away."""

    def released(self, connection: OwnedConnection) -> None:
        """An admitted connection has ended and its session is closed."""

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for the next handshake, or `None` where TLS is not offered."""

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data of an established TLS layer."""

    def timed_out(self) -> None:
        """The deadline of a connection has passed."""

    def injected(self, octets: int) -> None:
        """So many octets were sent in plain text after STARTTLS."""

    def handshake_failed(self, error: BaseException) -> None:
        """A TLS handshake has failed."""

    def failed(self, peer: Peer, error: Exception) -> None:
        """A session raised: our mistake, to be logged."""
