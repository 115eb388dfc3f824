"""Record types, and the four outcomes of a lookup."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar


class Kind(StrEnum):
    """The record types that are queried, named as in zone files."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    TXT = "TXT"
    PTR = "PTR"
    TLSA = "TLSA"


@dataclass(frozen=True, slots=True)
class Mx:
    """A mail exchanger (RFC 1035 §3.3.9). An empty `exchange` is the null MX (RFC 7505 §3)."""

    preference: int
    exchange: str


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching_type: int
    association: bytes


Record = str | bytes | Mx | Tlsa
"""Addresses and names are text; a TXT record is its strings joined."""
R = TypeVar("R", bound=Record, covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """Records of the kind exist."""

    records: tuple[R, ...]
    ttl_s: int
    authenticated: bool = False
    """A trusted resolver has validated this by DNSSEC (the AD bit, RFC 4035 §3.2.3)."""
    canonical_name: str = ""
    """The name at the end of a CNAME chain; empty without one."""


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists, without records of the kind (RFC 2308 §2.2)."""

    ttl_s: int
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class NxDomain:
    """The name does not exist (RFC 2308 §2.1)."""

    ttl_s: int
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The lookup failed: timeout, SERVFAIL, or an answer that does not validate. Try later."""

    reason: str


Outcome = Answer[R] | NoData | NxDomain | Failure


def with_ttl(outcome: Outcome[R], ttl_s: int) -> Outcome[R]:
    """The same outcome with another TTL."""
    return outcome if isinstance(outcome, Failure) else replace(outcome, ttl_s=ttl_s)
