"""Checks of the names that other providers and mail programs look up: MX, A, AAAA, PTR, SPF, DMARC."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator

from pillarbox.admin import dns_records
from pillarbox.admin.checks.policies import dmarc_mistake
from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.dns import Answer, Failure, Mx, NoData, NxDomain, Outcome
from pillarbox.world.resolver import Resolver

MAX_RECORDS = 20
"""Addresses of a host, and hosts of a domain, that are looked at."""


async def host(resolver: Resolver, hostname: str) -> AsyncIterator[CheckResult]:
    """Check this host's name: its addresses, and that each has a PTR record for it."""
    found = await resolver.addresses(hostname)
    match found:
        case Failure(reason):
            yield _unanswered(hostname, reason)
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
            return _unanswered(subject, reason)
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


async def domain(resolver: Resolver, name: str, hostname: str) -> AsyncIterator[CheckResult]:
    """Check a domain that is served here; all its lookups are made side by side."""
    mx, *policies = await asyncio.gather(
        _exchangers(resolver, name, hostname),
        _policy(resolver, name, name, "SPF", b"v=spf1", dns_records.spf(name)),
        _policy(resolver, name, f"_dmarc.{name}", "DMARC", b"v=DMARC1", dns_records.dmarc(name)),
    )
    for result in (*mx, *policies):
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
            return _unanswered(name, reason)
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


async def _policy(
    resolver: Resolver, domain: str, name: str, title: str, prefix: bytes, wanted: dns_records.WantedRecord
) -> CheckResult:
    found = await resolver.txt(name)
    match found:
        case Failure(reason):
            return _unanswered(name, reason)
        case Answer():
            policies = [text for text in found.records if text.lower().startswith(prefix.lower())]
            if len(policies) == 1:
                text = policies[0].decode("ascii", "replace")
                if title == "DMARC" and (mistake := dmarc_mistake(text)):
                    found_wrong = f"the DMARC record means nothing to others: {mistake} ({text})"
                    return problem(domain, found_wrong, f"Correct it, for example: {wanted.zone_line}")
                return ok(domain, f"{title}: {text}")
            if policies:
                # RFC 7208 §4.5, RFC 7489 §6.6.3: several records count as an error or as none
                return problem(domain, f"there are {len(policies)} {title} records", "Remove all but one.")
    return warning(domain, f"there is no {title} record; {wanted.why}", f"Set the record: {wanted.zone_line}")


def _unanswered(subject: str, reason: str) -> CheckResult:
    return problem(
        subject,
        f"the DNS lookup failed: {reason}",
        "Check that this machine reaches its name servers (/etc/resolv.conf), or set [resolver] servers.",
    )
