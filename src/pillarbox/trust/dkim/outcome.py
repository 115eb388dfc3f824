"""What was found of one DKIM signature."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.trust.results import MethodResult, Property, Result

METHOD: Final = "dkim"
MIN_PREFIX: Final = 8
"""Characters of `b=` by which a signature is told from others, at least (RFC 6008 §4)."""


class SignatureOutcome(Struct, frozen=True, gc=False):
    """The result for one signature. What is empty was not found, or was not valid."""

    result: Result
    """`pass` is a signature that covers the author, and the message as it is read; it may speak for its domain.

    `policy` is one that is right, but must not: it leaves a part of the body out (`l=`), or a second From, Date or
    Subject; its key is too short, or its algorithm no longer valid. `neutral` is one that was not or could not be
    verified, or that failed while the domain tests its keys (RFC 8601 §2.7.1).
    """
    reason: str = ""
    domain: str = ""
    """`d=`: who signs, as A-labels."""
    selector: str = ""
    identity: str = ""
    """`i=`, if there is one."""
    algorithm: str = ""
    """`a=`."""
    signature_text: str = ""
    """`b=`, without white space."""
    key_bits: int = 0
    test_mode: bool = False
    """The key says that the domain is testing (`t=y`)."""
    listed: str = ""
    """`h=`, in lower case and without white space."""
    covers_body: bool = False
    """No part of the body was left out."""
    covers_from: bool = False
    """No From field was left out."""

    @property
    def signed_names(self) -> tuple[str, ...]:
        """The names in `h=`."""
        return tuple(self.listed.split(":")) if self.listed else ()


def method_results(outcomes: Sequence[SignatureOutcome]) -> tuple[MethodResult, ...]:
    """The results for Authentication-Results (RFC 8601 §2.7.1); `none` for a message without a signature."""
    if not outcomes:
        return (MethodResult(METHOD, Result.NONE, reason="message not signed"),)
    octets = _prefix_octets([outcome.signature_text for outcome in outcomes])
    return tuple([_method_result(outcome, octets) for outcome in outcomes])


def _method_result(outcome: SignatureOutcome, prefix_octets: int) -> MethodResult:
    properties = (
        ("d", outcome.domain),
        ("i", outcome.identity),
        ("s", outcome.selector),
        ("a", outcome.algorithm),
        ("b", outcome.signature_text[:prefix_octets]),
    )
    return MethodResult(
        METHOD,
        outcome.result,
        outcome.domain,
        outcome.reason,
        tuple([Property("header", name, value) for name, value in properties if value]),
    )


def _prefix_octets(signatures: Sequence[str]) -> int:
    """How many characters tell them apart (RFC 6008 §4)."""
    octets, different = MIN_PREFIX, len(set(signatures))
    longest = max(map(len, signatures))
    while octets < longest and len({text[:octets] for text in signatures}) < different:
        octets *= 2
    return octets
