"""Which mechanisms there are, and which may be offered on a connection.

The table is in the order of preference, which is the order in which they are offered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.protocol.sasl.exchange import Exchange, Mechanism
from pillarbox.protocol.sasl.login import login
from pillarbox.protocol.sasl.plain import plain
from pillarbox.protocol.sasl.scram import ChannelBinding, scram


@dataclass(frozen=True, slots=True)
class Offer:
    """A mechanism we speak."""

    name: str
    begin: Callable[[str, ChannelBinding | None], Mechanism]
    needs_binding: bool = False
    """Only where the TLS connection can be bound to."""


OFFERS = (
    Offer("SCRAM-SHA-256-PLUS", lambda nonce, channel: scram(nonce, channel, plus=True), needs_binding=True),
    Offer("SCRAM-SHA-256", lambda nonce, channel: scram(nonce, channel, plus=False)),
    Offer("PLAIN", lambda _nonce, _channel: plain()),
    Offer("LOGIN", lambda _nonce, _channel: login()),
)
_BY_NAME = {offer.name: offer for offer in OFFERS}


def offered(*, tls: bool, plain_allowed: bool, binding: bool) -> tuple[str, ...]:
    """The mechanisms to announce, best first.

    Without TLS nothing is offered unless the owner allows plain text: even SCRAM would leave the
    session that follows open to be taken over (RFC 8314 §4.1). `binding`: the TLS connection can give
    channel binding data (RFC 5802 §6 asks to offer -PLUS only then).
    """
    if not tls and not plain_allowed:
        return ()
    return tuple(offer.name for offer in OFFERS if not offer.needs_binding or (tls and binding))


def start(name: str, *, nonce: str, channel: ChannelBinding | None) -> Exchange | None:
    """Begin an exchange, or `None` for a mechanism we do not speak.

    The caller has checked that the mechanism is among those `offered`. `nonce` is fresh, printable
    US-ASCII without commas; `channel` is given exactly where -PLUS was offered.
    """
    offer = _BY_NAME.get(name.upper())
    if offer is None or (offer.needs_binding and channel is None):
        return None
    return Exchange(offer.name, offer.begin(nonce, channel))
