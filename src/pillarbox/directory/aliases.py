"""Aliases: addresses that lead to other addresses, ours or anybody's.

An alias has one or more targets. `@domain` is the domain's catch-all: it takes what no other address
there takes. Targets are kept as addresses, not as accounts, so an alias may point to what is made later;
loops do no harm, because `resolve` never enters an address twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.directory.addresses import ALIAS, CATCH_ALL, Claim, Place, claim, place_of, release
from pillarbox.directory.naming import NameRefused, parse_address
from pillarbox.mail.address import Address
from pillarbox.world.database.transaction import Transaction

MAX_TARGETS = 1000
"""Targets of one alias; more than that is a mailing list."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias and where it leads."""

    address: str
    """As written; `@domain` for a catch-all."""
    targets: tuple[str, ...]
    may_send: bool
    """Whether the accounts it leads to may also write as it."""


def create(tx: Transaction, address: str, targets: Sequence[str], *, may_send: bool = True) -> None:
    """Make an alias, or with `@domain` a catch-all. Raises `NameRefused`."""
    at, written = place_of(tx, address)
    claim(tx, at, written, Claim(ALIAS, may_send=may_send))
    _put_targets(tx, at, targets)


def set_targets(tx: Transaction, address: str, targets: Sequence[str]) -> None:
    """Let an alias lead elsewhere. Raises `NameRefused`."""
    at, _written = place_of(tx, address)
    kind = tx.value("SELECT kind FROM addresses WHERE local = ? AND domain = ?", (at.local, at.domain))
    if kind != ALIAS:
        raise NameRefused(f"there is no alias '{address}'")
    tx.execute("DELETE FROM alias_targets WHERE local = ? AND domain = ?", (at.local, at.domain))
    _put_targets(tx, at, targets)


def remove(tx: Transaction, address: str) -> None:
    """Remove an alias. Raises `NameRefused`."""
    at, _written = place_of(tx, address)
    release(tx, at, ALIAS)
    tx.execute("DELETE FROM alias_targets WHERE local = ? AND domain = ?", (at.local, at.domain))


def listing(tx: Transaction, domain: str) -> list[Alias]:
    """The aliases of a domain, by address."""
    at, _written = place_of(tx, f"@{domain}")
    rows = tx.rows(
        "SELECT local, written, may_send FROM addresses WHERE domain = ? AND kind = 'alias' ORDER BY local",
        (at.domain,),
    )
    return [
        Alias(
            f"@{at.domain}" if local == CATCH_ALL else str(Address(written, at.domain)),
            tuple(targets(tx, Place(local, at.domain))),
            bool(may_send),
        )
        for local, written, may_send in rows
    ]


def targets(tx: Transaction, at: Place) -> list[str]:
    """Where the alias kept at this place leads, as addresses, in order."""
    rows = tx.rows(
        "SELECT target FROM alias_targets WHERE local = ? AND domain = ? ORDER BY position",
        (at.local, at.domain),
    )
    return [target for (target,) in rows]


def _put_targets(tx: Transaction, at: Place, wanted: Sequence[str]) -> None:
    if not wanted:
        raise NameRefused("an alias needs a target")
    if len(wanted) > MAX_TARGETS:
        raise NameRefused(f"an alias has at most {MAX_TARGETS} targets")
    addresses = dict.fromkeys(str(parse_address(target)) for target in wanted)
    tx.execute_many(
        "INSERT INTO alias_targets VALUES (?, ?, ?, ?)",
        [(at.local, at.domain, position, target) for position, target in enumerate(addresses)],
    )
