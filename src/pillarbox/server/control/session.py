"""One connection of the control channel: a request a line, answered in lines.

Whoever can connect may ask anything: the socket is for the server's user and root alone. An answer that is long is
made in slices, so that mail is served meanwhile, and waits for a command that reads slowly.
"""

from collections.abc import AsyncIterator, Callable, Collection
from typing import Final

from pillarbox.admin.control.messages import (
    Answer,
    End,
    Failed,
    NotUnderstood,
    Request,
    read_request,
    written,
)
from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.control.machine import ControlMachine, Line, TooLong
from pillarbox.server.connection import Activity, Connection

IDLE_S: Final = 60.0
"""How long a command may be silent, or not read."""
FLUSH_OCTETS: Final = 32 * 1024

Answering = Callable[[Request, Connection], AsyncIterator[Answer]]
"""Answers a request; gives way between slices. Raises `NotUnderstood`."""


class ControlSession:
    """See the module (a `server.connection.Session`)."""

    __slots__ = ("_answering", "_connection", "machine")

    def __init__(self, answering: Answering, connection: Connection) -> None:
        self._answering = answering
        self._connection = connection
        self.machine = ControlMachine()

    async def opened(self) -> None:
        """The command speaks first."""
        self._connection.set_deadline(IDLE_S)

    async def handle(self, event: Line | TooLong) -> None:
        """Answer one request."""
        if isinstance(event, TooLong):
            self._connection.write(written(Failed("the request is too long")))
            self._connection.close()
            return
        try:
            await self._answer(read_request(event.octets))
        except NotUnderstood as failure:
            self._connection.write(written(Failed(f"not understood: {failure}")))

    async def _answer(self, request: Request) -> None:
        lines: list[bytes] = []
        octets = 0
        async for answer in self._answering(request, self._connection):
            line = written(answer)
            lines.append(line)
            octets += len(line)
            if octets >= FLUSH_OCTETS:
                self._connection.write(b"".join(lines))
                lines.clear()
                octets = 0
                await self._connection.drain()
        self._connection.write(b"".join((*lines, written(End()))))

    def timed_out(self) -> bytes:
        """Nobody asks any more."""
        return b""

    def scarce(self) -> bytes:
        """No request is as long."""
        return written(Failed("memory is scarce"))

    def failed(self) -> bytes:
        """Our mistake."""
        return written(Failed("internal server error"))

    def ending(self) -> bytes:
        """The server stops."""
        return written(Failed("the server is stopping"))

    accounts: Collection[AccountId] = ()
    """An operator is no account."""
    logins: Collection[Login] = ()

    def revoked(self) -> bytes:
        """Never: there is no account."""
        return b""

    def kicked(self) -> bytes:
        """As `ending`."""
        return self.ending()

    def activity(self) -> Activity:
        """What an operator does is not shown to operators."""
        return Activity(state="control")

    def closed(self) -> None:
        """There is nothing to release."""
