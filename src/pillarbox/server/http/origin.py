"""Where a request comes from, and what it calls us."""

from msgspec import Struct

from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.forwarded import ForwardedWrong, forwarded
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.connection import Connection
from pillarbox.server.http.refusals import Refused
from pillarbox.server.networks import Networks


class Origin(Struct, frozen=True, gc=False):
    """How a request reached us."""

    address: str
    """The client's IP address: that of the peer, or the one that a trusted proxy names."""
    secure: bool
    """Whether the client has used TLS."""
    authority: str
    """Host and port that it asked; empty where it did not say. Not checked: anybody can write it."""
    by_proxy: bool = False
    """A trusted proxy has passed it on: the client is not at the other end of the connection."""


class Proxies:
    """The proxies that are trusted to say who asks (`http.trusted_proxies`)."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def origin(self, head: Head, connection: Connection) -> Origin:
        """Where this request comes from. Raises `Refused` where a trusted proxy tells what can't be read."""
        peer, secure = connection.peer.address, connection.tls is not None
        if not self._networks or peer not in self._networks:
            return Origin(peer, secure, head.authority)
        try:
            told = forwarded(head.fields, self._networks.__contains__)
        except ForwardedWrong as wrong:
            raise Refused(Problem(400, str(wrong))) from None
        return Origin(
            told.address or peer,
            told.scheme == "https" if told.scheme else secure,
            told.authority or head.authority,
            by_proxy=True,
        )
