"""Which TLSA records to ask for, and what they demand of a connection (RFC 7672 §2).

The addresses of a host are looked up first, by whoever connects; their outcome says by its DNSSEC state which names
may have TLSA records. Where the records cannot be found out, the host must not be used: who can suppress an answer
could otherwise have the mail sent in plain text.
"""

from typing import Any

from msgspec import Struct

from pillarbox.dns import Answer, Failure, Kind, Outcome, Tlsa, normal_name
from pillarbox.trust.dane.records import MAX_RECORDS, usable
from pillarbox.trust.questions import Asking, look_up


class NextHop(Struct, frozen=True, gc=False):
    """The domain whose mail is delivered, and how its hosts were found."""

    domain: str
    secure: bool
    """DNSSEC authenticates the answer that named the hosts: the MX records, or that there are none."""
    expanded: str = ""
    """The domain at the end of its CNAME chain; empty without one."""


class NoDane(Struct, frozen=True, gc=False):
    """DANE does not apply to the host."""


class Encrypt(Struct, frozen=True):
    """TLS is demanded, with any certificate: no TLSA record is usable (RFC 7672 §2.2)."""

    base: str
    """The TLSA base domain, which is the name for SNI."""
    records: tuple[Tlsa, ...] = ()
    """For a report."""


class Authenticate(Struct, frozen=True):
    """TLS is demanded, and the server's certificates have to match a record."""

    base: str
    """See `Encrypt`."""
    records: tuple[Tlsa, ...]
    """Usable ones, the strongest of each kind."""
    names: tuple[str, ...]
    """Reference identifiers for usage 2 (RFC 7672 §3.2.2)."""
    domain_secure: bool
    """The host is one of the domain's for certain; otherwise only the host is authenticated (RFC 7672 §2.2.1)."""


class Deferred(Struct, frozen=True, gc=False):
    """It cannot be found out now: the host must not be used (RFC 7672 §2.1.2)."""

    reason: str


DaneVerdict = NoDane | Encrypt | Authenticate | Deferred


def dane_verdict(host: str, port: int, addresses: Outcome[str], hop: NextHop) -> Asking[DaneVerdict]:
    """What DANE demands of a connection to this host and port.

    `addresses`: what the DNS says of the host's addresses (RFC 7672 §2.2.2).
    """
    host = normal_name(host)
    bases = yield from _base_domains(host, addresses)
    if isinstance(bases, Deferred):
        return bases
    for base in bases:
        found: Outcome[Any] = yield from look_up(f"_{port}._tcp.{base}", Kind.TLSA)
        if isinstance(found, Failure):
            return Deferred(f"the TLSA records of {base} cannot be looked up: {found.reason}")
        if isinstance(found, Answer) and found.authenticated and found.records:
            return _demanded(found.records, base, host, hop)
    return NoDane()


def _base_domains(host: str, addresses: Outcome[str]) -> Asking[tuple[str, ...] | Deferred]:
    """Candidates for the TLSA base domain, the preferred one first (RFC 7672 §2.2.2, §2.2.3)."""
    if isinstance(addresses, Failure):
        # Whoever connects may have got an answer before, so this is no host that mail cannot reach all the same
        return Deferred(f"the addresses of {host} cannot be looked up: {addresses.reason}")
    if not isinstance(addresses, Answer):
        return ()
    target = normal_name(addresses.canonical_name)
    if addresses.authenticated:
        return (target, host) if target and target != host else (host,)
    if not target:
        # Name servers of unsigned zones fail at TLSA queries, so they are not asked.
        return ()
    # RFC 7672 §2.1.3: only a query for the alias itself tells whether its zone is signed
    alias: Outcome[Any] = yield from look_up(host, Kind.CNAME)
    if isinstance(alias, Failure):
        return Deferred(f"the alias {host} cannot be looked up: {alias.reason}")
    return (host,) if isinstance(alias, Answer) and alias.authenticated else ()


def _demanded(records: tuple[Any, ...], base: str, host: str, hop: NextHop) -> DaneVerdict:
    found = [record for record in records if isinstance(record, Tlsa)]
    usable_records = usable(found)
    if not usable_records:
        return Encrypt(base, tuple(found[:MAX_RECORDS]))
    return Authenticate(base, usable_records, _reference_names(base, host, hop), hop.secure)


def _reference_names(base: str, host: str, hop: NextHop) -> tuple[str, ...]:
    """RFC 7672 §3.2.2."""
    names = [base]
    if hop.secure or host == normal_name(hop.domain):
        names += [normal_name(hop.domain), normal_name(hop.expanded)]
    return tuple(dict.fromkeys(filter(None, names)))
