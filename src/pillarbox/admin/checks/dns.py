"""Checks of the names that other providers and mail programs look up: MX, A, AAAA, PTR.

The policies of a name as a sender are in `sender_policies.py`.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from itertools import chain

from pillarbox.admin import concerns, dns_records
from pillarbox.admin.checks import sender_policies
from pillarbox.admin.checks.result import CheckResult, ok, problem, unanswered, warning
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OWNER, may
from pillarbox.dns import Answer, Failure, Mx, NoData, NxDomain, Outcome
from pillarbox.world.resolver import Resolver

MAX_RECORDS = 20
"""Addresses of a host, and hosts of a domain, that are looked at."""


@may(OWNER)
async def host(resolver: Resolver, hostname: str, *, is_domain: bool = False) -> AsyncIterator[CheckResult]:
    """Check this host's name: its addresses, that each has a PTR record for it, and its policies as a sender.

    `is_domain`: it is a domain as well, whose policies `domain` checks.
    """
    found = await resolver.addresses(hostname)
    match found:
        case Failure(reason):
            yield unanswered(hostname, reason)
        case NoData() | NxDomain():
            line = dns_records.for_host(hostname)[0].zone_line
            yield problem(hostname, "the name has no address", f"Set the record: {line}")
        case Answer():
            if found.canonical_name:
                # RFC 2181 §10.3, RFC 5321 §5.1: an MX record may not point to an alias
                yield problem(
                    hostname,
                    f"the name is an alias (CNAME) of {found.canonical_name}",
                    "Set address records instead: an MX record may not point to an alias.",
                )
            for result in await asyncio.gather(
                *(_address(resolver, hostname, address) for address in found.records[:MAX_RECORDS])
            ):
                yield result
            if not is_domain:
                for result in await sender_policies.of_host(resolver, hostname):
                    yield result


async def _address(resolver: Resolver, hostname: str, address: str) -> CheckResult:
    subject = f"{hostname} {address}"
    if not ipaddress.ip_address(address).is_global:
        return warning(
            subject,
            "the address can't be reached from the Internet",
            "To receive mail from the Internet the name needs a public address.",
        )
    names = await resolver.ptr(address)
    match names:
        case Failure(reason):
            return unanswered(subject, reason)
        case Answer() if hostname in (name.lower() for name in names.records):
            return ok(subject, "the address has a PTR record for the name")
        case Answer():
            answer = f"the PTR record of the address is {', '.join(names.records)}"
        case _:
            answer = "the address has no PTR record"
    return problem(
        subject,
        answer,
        f"Have your provider set the PTR record to {hostname}: many servers refuse mail without it.",
    )


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("name"))
async def domain(resolver: Resolver, name: str, hostname: str) -> AsyncIterator[CheckResult]:
    """Check a domain that is served here; all its lookups are made side by side."""
    mx, *policies = await asyncio.gather(
        _exchangers(resolver, name, hostname),
        sender_policies.spf(resolver, dns_records.spf(name)),
        sender_policies.dmarc(resolver, name),
        sender_policies.tls_reports(resolver, name),
    )
    for result in (*mx, *chain(*policies)):
        yield result


async def _exchangers(resolver: Resolver, name: str, hostname: str) -> list[CheckResult]:
    found = await resolver.mx(name)
    results = [_named(name, hostname, found)]
    if isinstance(found, Answer):
        others = sorted({mx.exchange.lower() for mx in found.records} - {hostname, "", "."})[:MAX_RECORDS]
        results += filter(None, await asyncio.gather(*(_target(resolver, name, one) for one in others)))
    return results


async def _target(resolver: Resolver, name: str, exchange: str) -> CheckResult | None:
    """What is wrong with another host that an MX record names."""
    match await resolver.addresses(exchange):
        case Answer(canonical_name=alias) if alias:
            # RFC 2181 §10.3, RFC 5321 §5.1
            what = f"the MX record names {exchange}, an alias (CNAME) of {alias}"
            return problem(
                name, what, f"Name {alias} in the MX record, or give {exchange} addresses of its own."
            )
        case NoData() | NxDomain():
            return problem(
                name, f"the MX record names {exchange}, which has no address", "Correct the record."
            )
    return None


def _named(name: str, hostname: str, found: Outcome[Mx]) -> CheckResult:
    wanted = dns_records.for_domain(name, hostname)[0].zone_line
    match found:
        case Failure(reason):
            return unanswered(name, reason)
        case Answer() if any(mx.exchange.lower() == hostname for mx in found.records):
            return ok(name, "the MX record names this host")
        case Answer():
            return problem(
                name, f"the MX records name other hosts: {_listed(found.records)}", f"Set: {wanted}"
            )
        case NoData():
            # RFC 5321 §5.1: without MX records the domain's own address is used
            return problem(name, "the domain has no MX record", f"Set the record: {wanted}")
        case NxDomain():
            return problem(name, "the domain does not exist", f"Register it, then set: {wanted}")


def _listed(records: tuple[Mx, ...]) -> str:
    return ", ".join(mx.exchange or "nowhere (null MX)" for mx in records)
