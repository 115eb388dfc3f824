"""The vocabulary of checks: stage, evidence, finding, verdict."""

from abc import ABC, abstractmethod
from enum import Enum, IntEnum, auto
from typing import Any, ClassVar, Final

from msgspec import Struct, field

from pillarbox.config.schema import Config
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.pieces import Rest
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.mail.address import Address
from pillarbox.reports.observed import Observation
from pillarbox.trust.results import MethodResult
from pillarbox.world.world import World


class Stage(Enum):
    """When a check concludes. A refusal is the answer to what is named here."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    CONNECT = auto()
    """The connection: the client's address is known."""
    GREETING = auto()
    """EHLO: its name as well."""
    SENDER = auto()
    """MAIL: the envelope, but for its recipients."""
    RECIPIENT = auto()
    """RCPT: one more recipient, which exists."""
    DATA = auto()
    """The message. Header fields can be added up to here."""


class Evidence(Struct):
    """What is known at a stage; it grows from stage to stage."""

    origin: Origin
    envelope: Envelope | None = None
    """From SENDER on."""
    begun: dict[str, Any] = field(default_factory=dict)
    """What checks have begun at MAIL and conclude later, by their names."""
    recipient: Address | None = None
    """At RECIPIENT: the one that was just named."""
    top: bytes = b""
    """At DATA: the message without our trace fields, or where it has more, its first `TOP_OCTETS` and all of its header
    (`reception.body`)."""
    rest: Rest | None = None
    """At DATA: what follows the top; `None` where it has not come yet, since no check needs it."""


class Decision(IntEnum):
    """What a finding demands; of several, the greatest counts."""

    ACCEPT = 0
    QUARANTINE = 1
    """The message is accepted and placed in Junk. At CONNECT: every message of the session;
    at GREETING: until the client greets again."""
    DEFER = 2
    """Refused for now: 451."""
    REJECT = 3
    """Refused permanently: 550."""


class Finding(Struct, frozen=True, gc=False):
    """What a check found."""

    decision: Decision = Decision.ACCEPT
    status: str = "7.1"
    """With DEFER and REJECT: the enhanced status code without its class (RFC 3463)."""
    text: str = "Rejected by policy"
    """With DEFER and REJECT: a sentence for the sender, in ASCII."""
    remark: str = ""
    """A comment in the Received field."""
    fields: tuple[bytes, ...] = ()
    """Header fields to add on top, each with its CRLF."""
    result: str = ""
    """For the log, under the check's name."""
    authentication: tuple[MethodResult, ...] = ()
    """Kept with the message, so that programs can show it."""
    observation: Observation | None = None
    """What is reported to the author's domain, which asks for it."""


NOTHING_FOUND: Final = Finding()


class Verdict(Struct, frozen=True, gc=False):
    """The findings about a message, folded."""

    decision: Decision = Decision.ACCEPT
    refused: Refused | None = None
    """With DEFER and REJECT: the refusal."""
    remarks: tuple[str, ...] = ()
    fields: tuple[bytes, ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    """Check and result."""
    authentication: tuple[MethodResult, ...] = ()
    observation: Observation | None = None

    def with_finding(self, name: str, finding: Finding) -> "Verdict":
        """The verdict after one more finding, of the check of this name."""
        if finding is NOTHING_FOUND:
            return self
        decision, refused = self.decision, self.refused
        if finding.decision > decision:
            decision = finding.decision
            if decision > Decision.QUARANTINE:
                refused = _refused(finding)
        return Verdict(
            decision,
            refused,
            (*self.remarks, finding.remark) if finding.remark else self.remarks,
            self.fields + finding.fields,
            (*self.results, (name, finding.result)) if finding.result else self.results,
            self.authentication + finding.authentication,
            finding.observation or self.observation,
        )


NO_VERDICT: Final = Verdict()
"""Before any check has concluded."""


def _refused(finding: Finding) -> Refused:
    rejected = finding.decision is Decision.REJECT
    reason = Reason.REJECTED_BY_CHECK if rejected else Reason.DEFERRED_BY_CHECK
    return Refused(reason, finding.status, finding.text)


class Check(ABC):
    """One check; see the skeleton in the package's docstring."""

    name: ClassVar[str]
    """Names its result in the log."""
    sources: ClassVar[frozenset[Source]] = frozenset({Source.PUBLIC})
    """The mail it applies to."""

    @classmethod
    def applies(cls, config: Config) -> bool:  # noqa: ARG003 (most checks always do)
        """Whether the configuration wants this check at all."""
        return True

    def __init__(self, world: World, config: Config) -> None:  # noqa: B027 (a check may need neither)
        """Made once per process."""

    def begin(self, evidence: Evidence) -> None:  # noqa: B027 (most checks have nothing to start early)
        """MAIL was received: start slow work."""

    def abandon(self, evidence: Evidence) -> None:  # noqa: B027
        """The message is over, judged or not: end what was begun at MAIL. Called once or several times."""

    def needs_body(self, top: bytes) -> bool:  # noqa: ARG002 (most checks do not)
        """Whether, at DATA, a large message with this top is to be there whole."""
        return False

    @abstractmethod
    async def conclude(self, evidence: Evidence) -> Finding:
        """The finding, at the stage of the check's row."""
