"""What is known of a message besides its octets: its origin and its envelope (RFC 5321 §2.3.1)."""

from enum import Enum

from msgspec import Struct

from pillarbox.directory.accounts import Account
from pillarbox.protocol.smtp.commands import Body, FutureRelease, Return
from pillarbox.protocol.smtp.path import ReversePath


class Source(Enum):
    """Whose mail it is. This decides which rules and checks apply."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    PUBLIC = "public"
    """Another provider's server, not authenticated: accepted for our own recipients only."""
    SUBMISSION = "submission"
    """An account of ours that has logged in: accepted for any recipient, under the rules of `delivery.submission`."""
    TRUSTED = "trusted"
    """A trusted program nearby, by LMTP: accepted for our own recipients only."""


class Origin(Struct, frozen=True, gc=False, kw_only=True):
    """Where a message comes from."""

    source: Source
    service: str
    """By which service, as the log names it: `smtp`, `submission`, `lmtp`."""
    protocol: str = ""
    """Transmission type of the Received field (RFC 3848 §1): `ESMTPS`."""
    client_name: str = ""
    """What the client calls itself in EHLO; empty until it has done so."""
    client_address: str = ""
    """IP address; empty where there is none."""
    server_address: str = ""
    """Our own IP address on this connection."""
    cipher: str | None = None
    """Cipher suite of TLS, as OpenSSL names it."""
    account: Account | None = None
    """The account that submits; set if and only if the source is `SUBMISSION`."""


class Envelope(Struct, frozen=True, gc=False):
    """The parameters of MAIL, whatever protocol the message comes by. Recipients are added one by one."""

    reverse_path: ReversePath
    size_octets: int | None = None
    """Octets the message is said to have (RFC 1870 §3)."""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    require_tls: bool = False
    returns: Return | None = None
    envelope_id: str | None = None
    """ENVID, as xtext (RFC 3461 §4.4)."""
    release: FutureRelease | None = None
    """Not before then it leaves (RFC 4865); for submissions only."""
