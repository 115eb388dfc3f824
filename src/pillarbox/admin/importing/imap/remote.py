"""What must be known of the other server, and of the account there."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

IMAPS_PORT: Final = 993
IMAP_PORT: Final = 143


class Encryption(Enum):
    """How the connection is protected."""

    TLS = "TLS from the start"
    STARTTLS = "STARTTLS"
    NONE = "no TLS"
    """Password and mail can be read on the way: only where the operator says so."""


@dataclass(frozen=True, slots=True)
class Password:
    """A password."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """An OAuth 2.0 access token."""

    text: str = field(repr=False)


class SecretUnavailable(Exception):
    """The password or token can't be had. The text says why."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A server, and the account there."""

    host: str
    port: int
    login: str
    secret: Callable[[], Password | Token] = field(repr=False)
    """Called before each login, so that a token may be renewed. Raises `SecretUnavailable`."""
    encryption: Encryption
    tls: ssl.SSLContext = field(repr=False)

    @property
    def key(self) -> str:
        """What names it in the rows of what was imported: the same in each run.

        The usual ports of a host are one server, by TLS or STARTTLS; behind another one may be another (a tunnel).
        """
        host = self.host.lower()
        usual = self.port in (IMAP_PORT, IMAPS_PORT)
        return f"{self.login}@{host}" if usual else f"{self.login}@{host}:{self.port}"
