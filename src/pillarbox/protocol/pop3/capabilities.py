"""The capabilities of the server, as CAPA lists them (RFC 2449 §5): one row for each capability.

RFC 2449 §5: what is announced before logging in is announced afterwards too; only STLS is not, since its
own definition says so (RFC 2595 §9: "Announced states: AUTHORIZATION").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pillarbox.protocol.pop3.machine import Machine
from pillarbox.protocol.pop3.states import State


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the connection and the configuration allow, as things are now."""

    tls_active: bool
    """The connection is encrypted."""
    tls_available: bool
    """STLS can be offered."""
    passwords_allowed: bool
    """USER and PASS are accepted."""
    mechanisms: tuple[str, ...]
    """SASL mechanisms that are accepted, best first."""


Row = Callable[[Conditions, Machine], bool]


def _always(_conditions: Conditions, _machine: Machine) -> bool:
    return True


def _stls(conditions: Conditions, machine: Machine) -> bool:
    return conditions.tls_available and machine.state is not State.TRANSACTION and not machine.utf8


CAPABILITIES: Final[tuple[tuple[str, Row], ...]] = (
    ("TOP", _always),  # RFC 1939 §7
    ("UIDL", _always),  # RFC 1939 §7
    ("USER", lambda conditions, _: conditions.passwords_allowed),  # RFC 2449 §6.2
    (
        "SASL",
        lambda conditions, _: bool(conditions.mechanisms),
    ),  # RFC 5034 §3; its arguments are the mechanisms
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


def offered(conditions: Conditions, machine: Machine) -> list[bytes]:
    """The lines of a CAPA reply."""
    offered = [tag for tag, applies in CAPABILITIES if applies(conditions, machine)]
    return [" ".join((tag, *(conditions.mechanisms if tag == "SASL" else ()))).encode() for tag in offered]
