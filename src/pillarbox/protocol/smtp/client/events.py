"""What the client machine reports to its driver."""

from dataclasses import dataclass
from typing import NamedTuple

from pillarbox.protocol.smtp.client.envelope import Outcome
from pillarbox.protocol.smtp.client.replies import Reply


@dataclass(frozen=True, slots=True)
class StartHandshake:
    """The server waits for the TLS handshake."""


@dataclass(frozen=True, slots=True)
class TlsRefused:
    """The server announced STARTTLS and then refused it; the connection stays as it was."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Ready:
    """A transaction may begin."""


@dataclass(frozen=True, slots=True)
class SendContent:
    """The server takes the message; at least one recipient was accepted."""


class Finished(NamedTuple):
    """How the transaction ended, in the order of the envelope's recipients."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection cannot be used any more. `reply`: the server's last reply, if that ended it.
    `session_refused`: the server refused the session before any mail, so another server may be tried."""

    text: str
    reply: Reply | None = None
    session_refused: bool = False


Event = StartHandshake | TlsRefused | Ready | SendContent | Finished | Ended
