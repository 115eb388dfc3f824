"""Record types, and the four outcomes of a lookup."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct


class Kind(StrEnum):
    """The record types that are queried, named as in zone files."""

    __hash__ = (
        str.__hash__
    )  # that of `Enum` is a function of Python, and the cache hashes one at each look-up

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    TXT = "TXT"
    PTR = "PTR"
    TLSA = "TLSA"
    CNAME = "CNAME"
    """The alias itself, which is not followed."""


class Mx(Struct, frozen=True, gc=False):
    """A mail exchanger (RFC 1035 §3.3.9). An empty `exchange` is the null MX (RFC 7505 §3)."""

    preference: int
    exchange: str


class Tlsa(Struct, frozen=True, gc=False):
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching_type: int
    association: bytes


Record = str | bytes | Mx | Tlsa
"""Addresses and names are text; a TXT record is its strings joined."""
R = TypeVar("R", bound=Record, covariant=True)


class Answer(Struct, Generic[R], frozen=True, gc=False):
    """Records of the kind exist."""

    records: tuple[R, ...]
    ttl_s: int
    authenticated: bool = False
    """A trusted resolver has validated this by DNSSEC (the AD bit, RFC 4035 §3.2.3): records, and every alias on
    the way to them."""
    canonical_name: str = ""
    """The name at the end of a CNAME chain; empty without one. Where the chain is not authenticated as a whole, its
    beginning may be: `Kind.CNAME` tells (RFC 7672 §2.2.2)."""


class NoData(Struct, frozen=True, gc=False):
    """The name exists, without records of the kind (RFC 2308 §2.2)."""

    ttl_s: int
    authenticated: bool = False


class NxDomain(Struct, frozen=True, gc=False):
    """The name does not exist (RFC 2308 §2.1)."""

    ttl_s: int
    authenticated: bool = False


class Failure(Struct, frozen=True, gc=False):
    """The lookup failed: timeout, SERVFAIL, or an answer that does not validate. Try later."""

    reason: str


Outcome = Answer[R] | NoData | NxDomain | Failure


def with_ttl(outcome: Outcome[R], ttl_s: int) -> Outcome[R]:
    """The same outcome with another TTL."""
    match outcome:
        case Answer():
            return Answer(outcome.records, ttl_s, outcome.authenticated, outcome.canonical_name)
        case NoData():
            return NoData(ttl_s, outcome.authenticated)
        case NxDomain():
            return NxDomain(ttl_s, outcome.authenticated)
        case Failure():
            return outcome
