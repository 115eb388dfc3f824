"""The mechanisms, and which of them may be offered on a connection.

The table is in order of preference, which is the order in which they are offered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.protocol.sasl.exchange import Exchange, Mechanism
from pillarbox.protocol.sasl.login import login
from pillarbox.protocol.sasl.plain import plain
from pillarbox.protocol.sasl.scram import ChannelBinding, scram


@dataclass(frozen=True, slots=True)
class Supported:
    """A supported mechanism."""

    name: str
    begin: Callable[[str, ChannelBinding | None], Mechanism]
    needs_binding: bool = False
    """Offered only if the TLS connection has channel binding data."""


MECHANISMS = (
    Supported(
        "SCRAM-SHA-256-PLUS", lambda nonce, channel: scram(nonce, channel, plus=True), needs_binding=True
    ),
    Supported("SCRAM-SHA-256", lambda nonce, channel: scram(nonce, channel, plus=False)),
    Supported("PLAIN", lambda _nonce, _channel: plain()),
    Supported("LOGIN", lambda _nonce, _channel: login()),
)
_BY_NAME = {mechanism.name: mechanism for mechanism in MECHANISMS}


def offered(*, tls: bool, plain_allowed: bool, binding: bool) -> tuple[str, ...]:
    """The mechanisms to announce, best first.

    Without TLS nothing is offered unless plain text is allowed: even after SCRAM the session could be
    hijacked (RFC 8314 §4.1). `binding`: the TLS connection has channel binding data (RFC 5802 §6 asks to offer
    -PLUS only then).
    """
    if not tls and not plain_allowed:
        return ()
    return tuple(
        mechanism.name for mechanism in MECHANISMS if not mechanism.needs_binding or (tls and binding)
    )


def start(name: str, *, nonce: str, channel: ChannelBinding | None) -> Exchange | None:
    """Begin an exchange, or `None` for an unsupported mechanism.

    The caller has checked that the mechanism is among those `offered`. `nonce` is fresh, printable
    US-ASCII without commas; `channel` is given exactly if -PLUS was offered.
    """
    mechanism = _BY_NAME.get(name.upper())
    if mechanism is None or (mechanism.needs_binding and channel is None):
        return None
    return Exchange(mechanism.name, mechanism.begin(nonce, channel))
