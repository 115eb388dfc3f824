"""Conditions of an SMTP machine, for tests of the protocol alone."""

from typing import Any

from pillarbox.protocol.smtp.capabilities import Conditions, Role

MESSAGE_OCTETS = 50 * 1024 * 1024


def conditions(role: Role, **others: Any) -> Conditions:
    """With limits as a provider may have them."""
    return Conditions(
        **{"role": role, "message_octets": MESSAGE_OCTETS, "recipients": 1000, "transactions": 100, **others}
    )
