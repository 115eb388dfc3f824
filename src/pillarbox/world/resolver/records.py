"""What can be asked of the DNS, and the four things that can come back."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, TypeVar


class Kind(StrEnum):
    """The record types we ask for, named as in zone files."""

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
"""Addresses and names are text, a TXT record is its strings joined."""
R = TypeVar("R", bound=Record, covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """There are such records."""

    records: tuple[R, ...]
    ttl_s: int
    authenticated: bool = False
    """A resolver that we trust has validated this by DNSSEC (the AD bit, RFC 4035 §3.2.3)."""
    canonical_name: str = ""
    """Where aliases (CNAME) led; empty if there were none."""


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists, without such records (RFC 2308 §2.2)."""

    ttl_s: int
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class NxDomain:
    """The name does not exist (RFC 2308 §2.1)."""

    ttl_s: int
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Nobody could tell, now: time-out, SERVFAIL, or an answer that does not validate. Try later."""

    reason: str


Outcome = Answer[R] | NoData | NxDomain | Failure


def with_ttl(outcome: Outcome[R], ttl_s: int) -> Outcome[R]:
    """The same outcome, good for so long."""
    return outcome if isinstance(outcome, Failure) else replace(outcome, ttl_s=ttl_s)
