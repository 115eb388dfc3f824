"""What a server's responses mean (RFC 3501 §7, RFC 9051 §7), as values."""

from enum import Enum
from typing import NamedTuple

from pillarbox.mail.number_set import NumberSet


class Status(Enum):
    """How a status response begins (RFC 9051 §7.1)."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is read at every response

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    PREAUTH = "PREAUTH"
    BYE = "BYE"


class StatusResponse(NamedTuple):
    """A status response: its response code and human text."""

    status: Status
    code: str = ""
    """The response code's name in capitals: `UIDVALIDITY`; empty where there is none."""
    argument: str = ""
    """What follows the name in the brackets."""
    text: str = ""

    @property
    def number(self) -> int | None:
        """The code's argument where it is a number."""
        return (
            int(self.argument)
            if self.argument.isascii() and self.argument.isdecimal() and len(self.argument) <= 20
            else None
        )

    def __str__(self) -> str:
        """For people: one line."""
        return self.text or self.status.value


class CapabilityData(NamedTuple):
    """What the server offers, in capitals (RFC 9051 §7.2.2)."""

    names: frozenset[str]


class Listed(NamedTuple):
    """A mailbox in the reply to LIST or LSUB (RFC 9051 §7.3.1)."""

    name: bytes
    """As it came: it is sent back like this."""
    delimiter: str
    """Between levels; empty where the names have no levels."""
    attributes: frozenset[str]
    """In lower case: `\\noselect`."""
    subscribed_only: bool = False
    """A reply to LSUB."""


class Namespaces(NamedTuple):
    """NAMESPACE (RFC 2342 §5): prefixes of the user's own mailboxes, of other users', and of shared ones."""

    personal: tuple[bytes, ...]
    others: tuple[bytes, ...]


class Exists(NamedTuple):
    """How many messages the mailbox has."""

    messages: int


class Found(NamedTuple):
    """A part of a search's result, or all of it."""

    numbers: NumberSet


class MailboxStatus(NamedTuple):
    """STATUS: its items by name in capitals (RFC 9051 §7.3.4)."""

    name: bytes
    items: dict[str, int]


class Fetched(NamedTuple):
    """What a FETCH response tells of a message; a message's content came before, in pieces.

    Without a UID nothing of it is to be used: the response was not understood, or not asked for.
    """

    uid: int | None
    flags: tuple[str, ...] | None = None
    size: int | None = None
    """RFC822.SIZE, in octets."""
    internal_date_ms: int | None = None
    header: bytes | None = None
    """The fields asked for by BODY[HEADER.FIELDS ...]."""
    has_content: bool = False
    """BODY[] came, in pieces before this; or, where it is short, as `content`."""
    content: bytes | None = None
    object_id: str = ""
    """X-GM-MSGID of Gmail."""
    labels: tuple[bytes, ...] = ()
    """X-GM-LABELS of Gmail."""


Data = Listed | Namespaces | Exists | Found | MailboxStatus | Fetched | StatusResponse
"""What an untagged response tells, where that is of use here."""
