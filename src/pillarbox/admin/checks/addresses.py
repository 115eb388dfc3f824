"""Checks of the addresses in the database: what leads nowhere or in a circle, and whether the domain is known."""

from collections.abc import Iterator

from pillarbox.admin.checks.result import CheckResult, ok, problem
from pillarbox.admin.permissions import OWNER, may
from pillarbox.directory import domains, references
from pillarbox.world.database import Transaction


@may(OWNER)
def addresses(tx: Transaction, domain: str) -> Iterator[CheckResult]:
    """Check aliases, groups and postmasters, and that the configured domain is served."""
    if domains.get(tx, domain) is None:
        yield problem(
            domain,
            "the configured domain is not in the database",
            f"Serve it: pillarbox domain add {domain}; or set `domain` in the configuration to one that is.",
        )
    found = list(references.faults(tx))
    for fault in found:
        yield problem(fault.address, fault.what, fault.remedy)
    if not found:
        yield ok("addresses", "all aliases, groups and postmasters lead to somebody")
