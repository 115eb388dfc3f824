"""Whether the DNS has the records of signing keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from pillarbox.admin import concerns
from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.admin.dkim import KeyRecord
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OWNER, may
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.directory.naming import NameRefused
from pillarbox.dns import Answer, Failure, Outcome
from pillarbox.trust.signatures import key_record, signature, tag_list
from pillarbox.trust.signatures.rejected import Rejected
from pillarbox.world.resolver import Resolver


class Lack(NamedTuple):
    """Others do not find a key."""

    key: KeyRecord
    reason: str
    dns_failed: bool
    """Nobody knows whether the record is there."""


@may(OWNER)
async def lacking(resolver: Resolver, keys: Sequence[KeyRecord]) -> list[Lack]:
    """The keys of which the DNS does not show the record."""
    found = await asyncio.gather(*(resolver.txt(key.name) for key in keys))
    lacks = [
        Lack(key, _lack(outcome, key), isinstance(outcome, Failure))
        for key, outcome in zip(keys, found, strict=True)
    ]
    return [lack for lack in lacks if lack.reason]


def refuse(lacks: Sequence[Lack], domain: str) -> None:
    """Raise `NameRefused` if there are any."""
    if lacks:
        reasons = "; ".join(lack.reason for lack in lacks)
        remedy = f"Set their records first (pillarbox dkim records {domain})"
        if all(lack.dns_failed for lack in lacks):
            remedy = "Try again"
        raise NameRefused(f"the DNS does not show the keys that are next: {reasons}. {remedy}, or --force")


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
async def check(resolver: Resolver, domain: str, keys: Sequence[KeyRecord]) -> AsyncIterator[CheckResult]:
    """Check the records of a domain's keys."""
    states = {key.state for key in keys}
    if KeyState.ACTIVE not in states and KeyState.NEXT in states:  # as after an upgrade
        remedy = "It does, an hour later at most, once the DNS has the records of its keys: pillarbox dkim records "
        yield problem(domain, "the domain signs no mail yet", remedy + domain)
    elif KeyState.ACTIVE not in states:
        yield problem(domain, "the domain has no signing key", f"Make some: pillarbox dkim new {domain}")
    for key in keys:
        if not key.text:
            what = f"the signing key {key.selector} ({key.state}) cannot be read"
            yield problem(domain, what, f"Remove it: pillarbox dkim retire {domain} {key.selector}")
    keys = [key for key in keys if key.text]
    found = await asyncio.gather(*(resolver.txt(key.name) for key in keys))
    for key, outcome in zip(keys, found, strict=True):
        yield _result(domain, key, outcome)


def _result(domain: str, key: KeyRecord, outcome: Outcome[bytes]) -> CheckResult:
    lack = _lack(outcome, key)
    if isinstance(outcome, Failure):
        return warning(domain, lack, "Try again.")
    if not lack:
        if isinstance(outcome, Answer) and len(outcome.records) > 1:
            what = f"{key.name} has {len(outcome.records)} records, so that receivers take none or any"
            return problem(domain, what, "Remove all but this one: pillarbox dkim records " + domain)
        return ok(domain, f"DKIM: {key.selector} ({key.algorithm}, {key.state})")
    if key.state is KeyState.RETIRED:
        what = f"the key {key.selector} was retired, and mail that it signed fails: {lack}"
        return warning(domain, what, f"It should stay for two weeks: {key.zone_line}")
    what = f"others cannot use the key {key.selector} ({key.state}): {lack}"
    make = warning if key.state is KeyState.NEXT else problem
    return make(domain, what, f"Set the record: {key.zone_line}")


def _lack(outcome: Outcome[bytes], key: KeyRecord) -> str:
    """Why others do not find the key; empty where they do."""
    if isinstance(outcome, Failure):
        return f"{key.name} could not be looked up: {outcome.reason}"
    if not isinstance(outcome, Answer):
        return f"there is no record at {key.name}"
    faults = [_fault(text, key) for text in outcome.records]
    return (
        "" if "" in faults else f"{key.name} {faults[0]}" if faults else f"there is no record at {key.name}"
    )


def _fault(record: bytes, key: KeyRecord) -> str:
    """Why a record is not the right one; others may write its tags in another way."""
    wanted = _public(key.text.encode())
    try:
        signature.suitable_key(key_record.parse(record), key.algorithm)
    except tag_list.Malformed as wrong:
        return f"is malformed: {wrong}"
    except Rejected as rejected:
        return f"has a record of which verifiers say: {rejected}"
    return "" if wanted and _public(record) == wanted else "has the record of another key"


def _public(record: bytes) -> tuple[str, bytes] | None:
    """The type and octets of the key in a record."""
    try:
        tags = tag_list.parse(record)
        return tags.get("k", "rsa"), tag_list.octets_of(tags, "p")
    except (tag_list.Malformed, KeyError):
        return None
