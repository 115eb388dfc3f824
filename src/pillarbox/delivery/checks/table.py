"""The list of checks: which concludes at which stage, in this order."""

from collections.abc import Mapping
from typing import Final

from pillarbox.delivery.checks.authentication import Authentication
from pillarbox.delivery.checks.check import Check, Stage
from pillarbox.delivery.checks.sender_domain import SenderDomain

Table = Mapping[Stage, tuple[type[Check], ...]]

CHECKS: Final[Table] = {
    Stage.CONNECT: (),
    Stage.GREETING: (),
    Stage.SENDER: (),
    Stage.RECIPIENT: (),
    Stage.DATA: (SenderDomain, Authentication),
}
