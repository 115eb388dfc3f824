"""The table of addresses: each is claimed once, by an account, a group or an alias."""

from dataclasses import dataclass

from pillarbox.directory.domains import served
from pillarbox.directory.naming import NameRefused, local_key, parse_address
from pillarbox.directory.withdrawal import withdraw
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

CATCH_ALL = ""
"""The local part under which a domain's catch-all is kept: no real local part is empty."""

ACCOUNT, ALIAS, GROUP = "account", "alias", "group"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is kept: local part as compared, and the domain that is really served."""

    local: str
    domain: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What an address leads to."""

    kind: str
    account: AccountId | None = None
    group_id: int | None = None
    may_send: bool = True
    """Whether those it leads to may also write as it."""


def place(tx: Transaction, address: Address) -> Place:
    """Where this address is or would be kept. Raises `NameRefused` if its domain is not ours."""
    return Place(local_key(address.local), served(tx, address.domain).name)


def place_of(tx: Transaction, text: str) -> tuple[Place, str]:
    """The place of an address or of `@domain` (its catch-all), and its local part as written."""
    if text.startswith("@"):
        return Place(CATCH_ALL, served(tx, text[1:]).name), ""
    address = parse_address(text)
    return place(tx, address), address.local


def claim(tx: Transaction, at: Place, written: str, what: Claim) -> None:
    """Enter an address. Raises `NameRefused` where it is taken."""
    added = tx.execute(
        "INSERT INTO addresses (local, domain, written, kind, account, group_id, may_send)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (at.local, at.domain, written, what.kind, what.account, what.group_id, int(what.may_send)),
    )
    if not added:
        raise NameRefused(f"'{written}@{at.domain}' is already in use")


def release(tx: Transaction, at: Place, kind: str) -> None:
    """Free an address of this kind. Raises `NameRefused` where there is none."""
    freed = tx.execute(
        "DELETE FROM addresses WHERE local = ? AND domain = ? AND kind = ?", (at.local, at.domain, kind)
    )
    if not freed:
        raise NameRefused(f"there is no {kind} '{at.local}@{at.domain}'")
    withdraw(tx)
