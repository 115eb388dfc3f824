"""Aliases: addresses that forward to others. `@domain` is the domain's catch-all."""

from collections.abc import Sequence

from pillarbox.admin import concerns
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, may
from pillarbox.directory import aliases, domains, references
from pillarbox.directory.aliases import Alias
from pillarbox.world.database import Transaction


@may(DOMAIN_ADMINISTRATOR, of=concerns.address("address"))
def add(tx: Transaction, address: str, targets: Sequence[str], *, may_send: bool = True) -> list[str]:
    """Create an alias; return targets that do not exist. Raises `NameRefused`, also for one that leads in a circle."""
    aliases.create(tx, address, targets, may_send=may_send)
    references.refuse_circle(tx, address)
    return references.missing_targets(tx, address)


@may(DOMAIN_ADMINISTRATOR, of=concerns.address("address"))
def set_targets(tx: Transaction, address: str, targets: Sequence[str]) -> list[str]:
    """Replace the targets of an alias; see `add`. Raises `NameRefused`."""
    aliases.set_targets(tx, address, targets)
    references.refuse_circle(tx, address)
    return references.missing_targets(tx, address)


@may(DOMAIN_ADMINISTRATOR, of=concerns.address("address"))
def remove(tx: Transaction, address: str) -> list[str]:
    """Remove an alias; return which aliases into its domain lead nowhere now. Raises `NameRefused`."""
    aliases.remove(tx, address)
    return references.dangling(tx, address)


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def listing(tx: Transaction, *, domain: str | None = None) -> list[Alias]:
    """All aliases, or those of one domain, by domain and address. Raises `NameRefused`."""
    names = (
        [entry.name for entry in domains.listing(tx) if entry.alias_of is None]
        if domain is None
        else [domain]
    )
    return [alias for name in names for alias in aliases.listing(tx, name)]
