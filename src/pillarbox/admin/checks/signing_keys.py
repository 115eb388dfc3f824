"""Whether the DNS has the records of signing keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.admin.dkim import KeyRecord
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.directory.naming import NameRefused
from pillarbox.dns import Answer, Failure, Outcome
from pillarbox.trust.signatures import tag_list
from pillarbox.world.resolver import Resolver


async def missing(resolver: Resolver, keys: Sequence[KeyRecord]) -> list[KeyRecord]:
    """Those of which the DNS does not have the record."""
    found = await asyncio.gather(*(resolver.txt(key.name) for key in keys))
    return [key for key, outcome in zip(keys, found, strict=True) if not _has(outcome, key)]


def refuse(keys: Sequence[KeyRecord], domain: str) -> None:
    """Raise `NameRefused` if there are any."""
    if keys:
        names = ", ".join(key.name for key in keys)
        raise NameRefused(
            f"the DNS has no record for the keys that are next: {names}. Set them first (pillarbox dkim records "
            f"{domain}), or --force"
        )


async def check(resolver: Resolver, domain: str, keys: Sequence[KeyRecord]) -> AsyncIterator[CheckResult]:
    """Check the records of a domain's keys."""
    if not any(key.state is KeyState.ACTIVE for key in keys):
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
    if isinstance(outcome, Failure):
        return warning(domain, f"{key.name} could not be looked up: {outcome.reason}", "Try again.")
    if _has(outcome, key):
        if isinstance(outcome, Answer) and len(outcome.records) > 1:
            what = f"{key.name} has {len(outcome.records)} records, so that receivers take none or any"
            return problem(domain, what, "Remove all but this one: pillarbox dkim records " + domain)
        return ok(domain, f"DKIM: {key.selector} ({key.algorithm}, {key.state})")
    if key.state is KeyState.RETIRED:
        what = f"the record of the retired key {key.selector} is gone, mail that it signed fails"
        return warning(domain, what, f"It should stay for two weeks: {key.zone_line}")
    what = f"the DNS has no record, or another one, for the key {key.selector} ({key.state})"
    make = warning if key.state is KeyState.NEXT else problem
    return make(domain, what, f"Set the record: {key.zone_line}")


def _has(outcome: Outcome[bytes], key: KeyRecord) -> bool:
    wanted = _public(key.text.encode())
    if wanted is None or not isinstance(outcome, Answer):
        return False
    return any(_public(text) == wanted for text in outcome.records)


def _public(record: bytes) -> tuple[str, bytes] | None:
    """The type and octets of the key in a record; others may write its tags in another way."""
    try:
        tags = tag_list.parse(record)
        return tags.get("k", "rsa"), tag_list.octets_of(tags, "p")
    except (tag_list.Malformed, KeyError):
        return None
