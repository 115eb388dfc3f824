"""Whether name servers validate by DNSSEC, and say so honestly: what DANE depends on (RFC 7672 §2.1.3).

Each is asked for a name that is signed, one that is not, and one whose signature is wrong. A server that validates
gives the first as authenticated, the second as not, and refuses the third.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pillarbox.dns import Answer, Failure, Outcome
from pillarbox.world.resolver.servers import NameServer


@dataclass(frozen=True, slots=True)
class ProbeNames:
    """Names with addresses (A) that others keep."""

    signed: str = "isc.org"
    unsigned: str = "google.com"
    bogus: str = "dnssec-failed.org"
    """Signed wrongly on purpose, for tests of this kind."""


NAMES: Final = ProbeNames()


class Validation(StrEnum):
    """What a name server does."""

    VALIDATES = "validates by DNSSEC"
    """What it says is authenticated counts."""
    UNTRUSTED = "validates by DNSSEC, but the path to it is not trusted"
    NOT_VALIDATING = "does not validate by DNSSEC"
    DECEPTIVE = "says that answers are authenticated which are not"
    UNKNOWN = "gives no answers to judge by"
    """The network may be down."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A name server, and what it does."""

    server: NameServer
    validation: Validation


def judged(signed: Outcome[Any], unsigned: Outcome[Any], bogus: Outcome[Any]) -> Validation:
    """What a server does that answers the three questions so."""
    if any(isinstance(one, Answer) and one.authenticated for one in (unsigned, bogus)):
        return Validation.DECEPTIVE
    if isinstance(bogus, Answer):
        return Validation.NOT_VALIDATING
    if not isinstance(signed, Answer) or isinstance(unsigned, Failure):
        return Validation.UNKNOWN
    return Validation.VALIDATES if signed.authenticated else Validation.NOT_VALIDATING
