"""What the server can do, as CAPA lists it (RFC 2449 §5): one row for each capability.

RFC 2449 §5: what is announced before logging in is announced afterwards too; only STLS is not, since its
own definition says so (RFC 2595 §9: "Announced states: AUTHORIZATION").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.pop3.machine import Machine, State


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a client may come in over this connection as it now stands."""

    tls_available: bool
    """TLS could be started now."""
    passwords: bool
    """USER and PASS are accepted."""
    mechanisms: tuple[str, ...]
    """SASL mechanisms that are accepted, best first."""


Row = Callable[[Terms, Machine], bool]


def _always(_terms: Terms, _machine: Machine) -> bool:
    return True


def _stls(terms: Terms, machine: Machine) -> bool:
    return terms.tls_available and machine.state is not State.TRANSACTION and not machine.utf8


CAPABILITIES: Final[tuple[tuple[str, Row], ...]] = (
    ("TOP", _always),  # RFC 1939 §7
    ("UIDL", _always),  # RFC 1939 §7
    ("USER", lambda terms, _: terms.passwords),  # RFC 2449 §6.2
    ("SASL", lambda terms, _: bool(terms.mechanisms)),  # RFC 5034 §3; its arguments are the mechanisms
    ("STLS", _stls),  # RFC 2595 §4
    ("RESP-CODES", _always),  # RFC 2449 §6.4
    ("AUTH-RESP-CODE", _always),  # RFC 3206 §6
    ("PIPELINING", _always),  # RFC 2449 §6.6
    ("EXPIRE NEVER", _always),  # RFC 2449 §6.7: nothing is deleted that was not asked for
    ("UTF8 USER", _always),  # RFC 6856 §2
    ("LANG", _always),  # RFC 6856 §3
    ("IMPLEMENTATION Pillarbox", _always),  # RFC 2449 §6.9
)
"""LOGIN-DELAY (RFC 2449 §6.5) is left out: there is none. APOP has no capability, and would need stored
passwords."""


def capabilities(terms: Terms, machine: Machine) -> list[bytes]:
    """The lines of a CAPA reply."""
    shown = [tag for tag, applies in CAPABILITIES if applies(terms, machine)]
    return [" ".join((tag, *(terms.mechanisms if tag == "SASL" else ()))).encode() for tag in shown]
