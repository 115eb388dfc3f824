"""Aliases: addresses that forward to other addresses, local or remote.

An alias has one or more targets. `@domain` is the domain's catch-all: it receives mail for all other local parts.
Targets are stored as addresses, not as accounts, so an alias may point to one that is created later (`references` tells
of those that do not exist); loops are harmless, because `resolve` never visits an address twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.directory.addresses import (
    ALIAS,
    CATCH_ALL,
    AddressKey,
    Target,
    delete_address,
    insert_address,
    parse_key,
)
from pillarbox.directory.naming import NameRefused, parse_address
from pillarbox.mail.address import Address
from pillarbox.world.database.transaction import Transaction

MAX_TARGETS = 1000
"""Targets of one alias; more than that is a mailing list."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias and its targets."""

    address: str
    """As written; `@domain` for a catch-all."""
    targets: tuple[str, ...]
    may_send: bool
    """Whether the accounts it delivers to may also send from it."""


def create(tx: Transaction, address: str, targets: Sequence[str], *, may_send: bool = True) -> None:
    """Create an alias, or with `@domain` a catch-all. Raises `NameRefused`."""
    key, written = parse_key(tx, address)
    insert_address(tx, key, written, Target(ALIAS, may_send=may_send))
    _put_targets(tx, key, targets)


def set_targets(tx: Transaction, address: str, targets: Sequence[str]) -> None:
    """Replace the targets of an alias. Raises `NameRefused`."""
    key, _written = parse_key(tx, address)
    kind = tx.value("SELECT kind FROM addresses WHERE local = ? AND domain = ?", (key.local, key.domain))
    if kind != ALIAS:
        raise NameRefused(f"there is no alias '{address}'")
    tx.execute("DELETE FROM alias_targets WHERE local = ? AND domain = ?", (key.local, key.domain))
    _put_targets(tx, key, targets)


def remove(tx: Transaction, address: str) -> None:
    """Remove an alias. Raises `NameRefused`."""
    key, _written = parse_key(tx, address)
    delete_address(tx, key, ALIAS)
    tx.execute("DELETE FROM alias_targets WHERE local = ? AND domain = ?", (key.local, key.domain))


def listing(tx: Transaction, domain: str) -> list[Alias]:
    """The aliases of a domain, by address."""
    key, _written = parse_key(tx, f"@{domain}")
    rows = tx.rows(
        "SELECT local, written, may_send FROM addresses WHERE domain = ? AND kind = 'alias' ORDER BY local",
        (key.domain,),
    )
    return [
        Alias(
            f"@{key.domain}" if local == CATCH_ALL else str(Address(written, key.domain)),
            tuple(targets(tx, AddressKey(local, key.domain))),
            bool(may_send),
        )
        for local, written, may_send in rows
    ]


def targets(tx: Transaction, key: AddressKey) -> list[str]:
    """The targets of the alias with this key, as addresses, in order."""
    rows = tx.rows(
        "SELECT target FROM alias_targets WHERE local = ? AND domain = ? ORDER BY position",
        (key.local, key.domain),
    )
    return [target for (target,) in rows]


def _put_targets(tx: Transaction, key: AddressKey, wanted: Sequence[str]) -> None:
    if not wanted:
        raise NameRefused("an alias needs a target")
    if len(wanted) > MAX_TARGETS:
        raise NameRefused(f"an alias has at most {MAX_TARGETS} targets")
    addresses = dict.fromkeys(str(parse_address(target)) for target in wanted)
    tx.execute_many(
        "INSERT INTO alias_targets VALUES (?, ?, ?, ?)",
        [(key.local, key.domain, position, target) for position, target in enumerate(addresses)],
    )
