"""The table of capabilities, from which CAPABILITY, the greeting, ENABLE and the documentation derive.

A new extension is a row here, a row in `command_table` with its grammar, and its handler.
Always true: IMAP4rev2 and IMAP4rev1 are announced in every state (RFC 9051 §6.1.1), LITERAL+ and never
LITERAL- with it (RFC 7888 §3), and a capability does not come or go because of ENABLE (RFC 5161 §3.1).
"""

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Final


class Announced(Enum):
    """When a capability is in the list."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    ALWAYS = "always"
    BEFORE_LOGIN = "before login"
    BEFORE_TLS = "before TLS, while STARTTLS is offered"
    NO_LOGIN = "before login, while LOGIN is not allowed"
    WITH_JMAP = "after login, where the same credential is good for JMAP"


@dataclass(frozen=True, slots=True)
class Row:
    """A capability and the RFC that defines it."""

    name: bytes
    rfc: str
    announced: Announced = Announced.ALWAYS
    enables: tuple[bytes, ...] = ()
    """What ENABLE of it switches on; nothing for all that needs no enabling (RFC 5161 §3.1)."""


CAPABILITIES: Final = (
    Row(b"IMAP4rev2", "9051", enables=(b"IMAP4REV2",)),
    Row(b"IMAP4rev1", "3501"),
    Row(b"STARTTLS", "9051 §6.2.1", Announced.BEFORE_TLS),
    Row(b"LOGINDISABLED", "9051 §6.2.3", Announced.NO_LOGIN),
    Row(b"SASL-IR", "4959", Announced.BEFORE_LOGIN),
    Row(b"LITERAL+", "7888"),
    Row(b"ID", "2971"),
    Row(b"ENABLE", "5161"),
    Row(b"IDLE", "2177"),
    Row(b"NAMESPACE", "2342"),
    Row(b"CHILDREN", "3348"),
    Row(b"LIST-EXTENDED", "5258"),
    Row(b"LIST-STATUS", "5819"),
    Row(b"SPECIAL-USE", "6154"),
    Row(b"CREATE-SPECIAL-USE", "6154"),
    Row(b"STATUS=SIZE", "8438"),
    Row(b"UNSELECT", "3691"),
    Row(b"UIDPLUS", "4315"),
    Row(b"MOVE", "6851"),
    Row(b"MULTIAPPEND", "3502"),
    Row(b"BINARY", "3516"),
    Row(b"REPLACE", "8508"),
    Row(b"ESEARCH", "4731"),
    Row(b"SEARCHRES", "5182"),
    Row(b"WITHIN", "5032"),
    Row(b"CONDSTORE", "7162", enables=(b"CONDSTORE",)),
    # RFC 7162 §3.2.3: enabling QRESYNC enables CONDSTORE
    Row(b"QRESYNC", "7162", enables=(b"QRESYNC", b"CONDSTORE")),
    Row(b"INPROGRESS", "9585"),
    Row(b"OBJECTID", "8474"),
    Row(b"SAVEDATE", "8514"),
    Row(b"PREVIEW", "8970"),
    Row(b"UTF8=ACCEPT", "6855", enables=(b"UTF8=ACCEPT",)),
    Row(b"JMAPACCESS", "9698", Announced.WITH_JMAP),
)

ENABLING: Final = {row.name.upper(): row for row in CAPABILITIES if row.enables}
"""What ENABLE understands, by upper-case name."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which conditions a client may log in; they change when TLS begins."""

    tls_available: bool = False
    """Whether STARTTLS is offered: never once TLS is active."""
    passwords_allowed: bool = True
    """Whether LOGIN is allowed (RFC 9051 §11.7: not without TLS, unless the operator says so)."""
    mechanisms: tuple[str, ...] = ()
    """SASL mechanisms to announce and to accept, in order of preference."""
    jmap: bool = False
    """Whether the credential that the client has logged in with is good for JMAP (RFC 9698 §3)."""


@lru_cache(maxsize=64)
def with_jmap(conditions: Conditions) -> Conditions:
    """The same, with JMAP. Equal ones are one object: every session keeps its own."""
    return replace(conditions, jmap=True)


@lru_cache(maxsize=64)
def offered(conditions: Conditions, *, authenticated: bool, append_limit: int) -> tuple[bytes, ...]:
    """The capability list in this state, in the table's order, then AUTH= and APPENDLIMIT=."""
    absent = {
        Announced.BEFORE_LOGIN: authenticated,
        Announced.BEFORE_TLS: authenticated or not conditions.tls_available,
        Announced.NO_LOGIN: authenticated or conditions.passwords_allowed,
        Announced.WITH_JMAP: not conditions.jmap,
    }
    names = [row.name for row in CAPABILITIES if not absent.get(row.announced)]
    if not authenticated:
        names += [b"AUTH=" + mechanism.encode() for mechanism in conditions.mechanisms]
    # RFC 7889 §2: one limit for all mailboxes is announced in the capability itself
    return (*names, b"APPENDLIMIT=%d" % append_limit)
