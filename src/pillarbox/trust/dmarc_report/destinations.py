"""Where a report may be sent (RFC 9990 §4): whoever is outside the organization has to have agreed to it.

What the DNS does not answer counts as not agreed: without this check, anybody could be flooded.
"""

from typing import Final

from msgspec import Struct

from pillarbox.dns import Answer, Kind
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.trust.dmarc.record import Record, Target, parse
from pillarbox.trust.dmarc.tree_walk import Walker
from pillarbox.trust.questions import Asking, look_up

MAX_DESTINATIONS: Final = 5
"""Addresses to which one report is sent."""
MAX_RECORDS: Final = 32
"""TXT records of an answer that are looked at."""
MAX_NAME_OCTETS: Final = 253


class Destination(Struct, frozen=True, gc=False):
    """An address that wants a report."""

    address: str
    max_octets: int | None = None
    """The largest one that is wanted."""


def destinations(domain: str, record: Record) -> Asking[tuple[Destination, ...]]:
    """Those of a policy record at `domain` that may be sent to, in its order."""
    walker, found = Walker(), dict[str, Destination]()
    for target in record.aggregate_targets:
        if len(found) >= MAX_DESTINATIONS:
            break
        host = _host(target)
        if not host:
            continue
        if host == domain or (yield from _same_organization(walker, domain, host)):
            agreed: tuple[Target, ...] = (target,)
        else:
            agreed = yield from _agreed(domain, host, target)
        for one in agreed:
            found.setdefault(one.address, Destination(one.address, one.max_octets))
    return tuple(found.values())[:MAX_DESTINATIONS]


def _same_organization(walker: Walker, domain: str, host: str) -> Asking[bool]:
    if domain.rpartition(".")[2] != host.rpartition(".")[2]:
        return False
    ours = (yield from walker.walk(domain)).organization
    return bool(ours) and (yield from walker.walk(host)).organization == ours


def _agreed(domain: str, host: str, target: Target) -> Asking[tuple[Target, ...]]:
    """The target, or what the host wants instead; nothing where it has not agreed."""
    name = f"{domain}._report._dmarc.{host}"
    if len(name) > MAX_NAME_OCTETS:
        return ()
    outcome = yield from look_up(name, Kind.TXT)
    texts = outcome.records[:MAX_RECORDS] if isinstance(outcome, Answer) else ()
    records = [record for text in texts if isinstance(text, bytes) and (record := parse(text))]
    if not records:
        return ()
    instead = next((record.aggregate_targets for record in records if record.aggregate_targets), ())
    if not instead:
        return (target,)
    # Who names another host gets nothing, to prevent loops
    return instead if all(_host(one) == host for one in instead) else ()


def _host(target: Target) -> str:
    try:
        return domain_key(Address.parse(target.address).domain) if target.address else ""
    except InvalidAddress:
        return ""
