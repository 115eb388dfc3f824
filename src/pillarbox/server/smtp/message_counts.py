"""How many messages came, and what became of them: counted where they are answered."""

from typing import Final

from pillarbox.delivery.refusal import Refused
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.refusals import reply_to
from pillarbox.world.shared.metrics import Family, Metrics

MESSAGES: Final = Family(
    name="messages_received",
    sentence="Messages that came by SMTP and LMTP, to their end.",
    labels=(
        ("service", tuple(role.value for role in Role)),
        ("result", ("accepted", "refused", "deferred")),
    ),
)


class MessageCounts:
    """The counters of one service."""

    __slots__ = ("accepted", "deferred", "refused")

    def __init__(self, metrics: Metrics, role: Role) -> None:
        self.accepted = metrics.count(MESSAGES, role.value, "accepted")
        self.refused = metrics.count(MESSAGES, role.value, "refused")
        self.deferred = metrics.count(MESSAGES, role.value, "deferred")

    def not_accepted(self, refused: Refused) -> None:
        """One was refused, for good or for now."""
        (self.deferred if reply_to(refused).transient else self.refused).value += 1
