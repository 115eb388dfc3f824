"""What the machine reports to its driver."""

from dataclasses import dataclass

from pillarbox.protocol.imap.client.reader import ContentPiece
from pillarbox.protocol.imap.client.responses import Data, StatusResponse


@dataclass(frozen=True, slots=True)
class StartHandshake:
    """The server waits for the TLS handshake."""


@dataclass(frozen=True, slots=True)
class TlsRefused:
    """The server refused STARTTLS; the connection stays as it was."""

    response: StatusResponse


@dataclass(frozen=True, slots=True)
class Ready:
    """Commands may be sent."""


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """The server refused the login; the connection stays as it was."""

    response: StatusResponse
    challenge: bytes
    """The last challenge: OAUTHBEARER and XOAUTH2 tell in it why (RFC 7628 §3.2.2)."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command has ended."""

    tag: int
    response: StatusResponse


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection can't be used any more. `response`: BYE, where the server said it."""

    text: str
    response: StatusResponse | None = None


Event = StartHandshake | TlsRefused | Ready | LoginRefused | Completed | Ended | ContentPiece | Data
