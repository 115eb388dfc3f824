"""A DNS with DMARC records, and what DMARC says of a message in it."""

from collections.abc import Mapping

from pillarbox.dns import Failure, Kind
from pillarbox.trust.dmarc import Evaluation, Identifier, evaluate
from tests.kit.asking import Answers

SILENT = Failure("SERVFAIL")
DnsOfRecords = Mapping[str, str | tuple[str, ...] | Failure]
"""By domain: its policy record, or several, or that it cannot be looked up."""


def dns(records: DnsOfRecords, exists: tuple[str, ...] = ()) -> Answers:
    """`exists`: domains that have an address as well."""
    zone = {(name, Kind.A): ("192.0.2.1",) for name in exists}
    policies = {
        (f"_dmarc.{domain}", Kind.TXT): (
            found
            if isinstance(found, Failure)
            else tuple(text.encode() for text in ((found,) if isinstance(found, str) else found))
        )
        for domain, found in records.items()
    }
    return Answers({**zone, **policies})


def dkim(domain: str, *, known: bool = True) -> Identifier:
    return Identifier("dkim", domain, known)


def spf(domain: str, *, known: bool = True) -> Identifier:
    return Identifier("spf", domain, known)


def judged(
    author: str, *identifiers: Identifier, records: DnsOfRecords, exists: tuple[str, ...] = ()
) -> Evaluation:
    return dns(records, exists).to(evaluate(author, identifiers))
