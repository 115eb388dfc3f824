"""`[limits]`: what clients and other servers may take."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from pillarbox.config.options import Count, Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for clients and other servers. Each is answered with the error that its protocol has for it."""

    message_octets: Annotated[
        Annotated[int, Meta(ge=65_536)],
        Description("The largest message that is accepted, by SMTP, LMTP or IMAP APPEND.", "octets"),
    ] = 50 * 1024 * 1024
    recipients: Annotated[
        Annotated[int, Meta(ge=100)],
        Description("Recipients of one message (RFC 5321 asks for at least 100).", "recipients"),
    ] = 1000
    connections: Annotated[Count, Description("Open connections to one service.", "connections")] = 20_000
    memory_octets: Annotated[
        Annotated[int, Meta(ge=16 * 1024 * 1024)],
        Description(
            "What messages under way may take of the memory of one worker; three eighths of it are for "
            "strangers. Beyond it clients wait, then they are told to try "
            "again later. The pages of the database that a worker keeps in memory take up to as much again.",
            "octets",
        ),
    ] = 256 * 1024 * 1024
    connections_per_address: Annotated[
        Count,
        Description("Open connections to one service from one IPv4 address or IPv6 /64.", "connections"),
    ] = 500
