"""One connection of a metrics collector: a request, a response, and its end."""

from collections.abc import Awaitable, Collection
from typing import Final, Protocol

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.metrics.machine import Malformed, MetricsMachine, Scrape, response
from pillarbox.server.connection import Activity, Connection

REQUEST_S: Final = 10.0
"""How long a collector may take to ask, and to read the answer."""
PATH: Final = b"/metrics"


class Answering(Protocol):
    """Makes the response."""

    def __call__(self, accept: str, *, head_only: bool) -> Awaitable[bytes]:
        """The response with all metrics, in a format that is accepted."""


class MetricsSession:
    """See the module (a `server.connection.Session`)."""

    __slots__ = ("_answering", "_connection", "machine")

    def __init__(self, answering: Answering, connection: Connection) -> None:
        self._answering = answering
        self._connection = connection
        self.machine = MetricsMachine()

    async def opened(self) -> None:
        """The collector speaks first."""
        self._connection.set_deadline(REQUEST_S)

    async def handle(self, event: Scrape | Malformed) -> None:
        """Answer the one request."""
        match event:
            case Malformed(status):
                octets = response(status)
            case Scrape(b"GET" | b"HEAD", path, accept) if path == PATH:
                octets = await self._answering(accept, head_only=event.method == b"HEAD")
            case Scrape(b"GET" | b"HEAD"):
                octets = response(404, b"See /metrics\n", head_only=event.method == b"HEAD")
            case _:
                octets = response(405)
        self._connection.write(octets)
        self._connection.close()

    def timed_out(self) -> bytes:
        """RFC 9110 §15.5.9, where a request was begun."""
        return response(408) if self.machine.buffered else b""

    def scarce(self) -> bytes:
        """No request is as long."""
        return response(503)

    def failed(self) -> bytes:
        """Our mistake."""
        return response(500)

    def ending(self) -> bytes:
        """The server stops."""
        return b""

    accounts: Collection[AccountId] = ()
    """A collector is no account."""
    logins: Collection[Login] = ()

    def revoked(self) -> bytes:
        """Never: there is no account."""
        return b""

    def kicked(self) -> bytes:
        """As `ending`."""
        return b""

    def activity(self) -> Activity:
        """Nothing that lasts."""
        return Activity()

    def closed(self) -> None:
        """There is nothing to release."""
