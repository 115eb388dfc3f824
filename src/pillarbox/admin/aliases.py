"""Aliases: addresses that forward to others. `@domain` is the domain's catch-all."""

from collections.abc import Sequence

from pillarbox.directory import aliases, domains
from pillarbox.directory.aliases import Alias
from pillarbox.world.database import Transaction


def add(tx: Transaction, address: str, targets: Sequence[str], *, may_send: bool = True) -> None:
    """Create an alias. Raises `NameRefused`."""
    aliases.create(tx, address, targets, may_send=may_send)


def set_targets(tx: Transaction, address: str, targets: Sequence[str]) -> None:
    """Replace the targets of an alias. Raises `NameRefused`."""
    aliases.set_targets(tx, address, targets)


def remove(tx: Transaction, address: str) -> None:
    """Remove an alias. Raises `NameRefused`."""
    aliases.remove(tx, address)


def listing(tx: Transaction, *, domain: str | None = None) -> list[Alias]:
    """All aliases, or those of one domain, by domain and address. Raises `NameRefused`."""
    names = (
        [entry.name for entry in domains.listing(tx) if entry.alias_of is None]
        if domain is None
        else [domain]
    )
    return [alias for name in names for alias in aliases.listing(tx, name)]
