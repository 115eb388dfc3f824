"""The table of addresses: each belongs to one account, group or alias."""

from dataclasses import dataclass

from pillarbox.directory.domains import served
from pillarbox.directory.naming import NameRefused, local_key, parse_address
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

CATCH_ALL = ""
"""The local part of a domain's catch-all: real local parts are not empty."""

ACCOUNT, ALIAS, GROUP = "account", "alias", "group"


@dataclass(frozen=True, slots=True)
class AddressKey:
    """The key of an address: local part in the form for comparison, and domain after domain aliases."""

    local: str
    domain: str


@dataclass(frozen=True, slots=True)
class Target:
    """The target of an address."""

    kind: str
    account: AccountId | None = None
    group_id: int | None = None
    may_send: bool = True
    """Whether the accounts it delivers to may also send from it."""


def address_key(tx: Transaction, address: Address) -> AddressKey:
    """The key of this address. Raises `NameRefused` if its domain is not served."""
    return AddressKey(local_key(address.local), served(tx, address.domain).name)


def parse_key(tx: Transaction, text: str) -> tuple[AddressKey, str]:
    """The key of an address or of `@domain` (its catch-all), and its local part as written."""
    if text.startswith("@"):
        return AddressKey(CATCH_ALL, served(tx, text[1:]).name), ""
    address = parse_address(text)
    return address_key(tx, address), address.local


def insert_address(tx: Transaction, key: AddressKey, written: str, target: Target) -> None:
    """Insert an address. Raises `NameRefused` if it is in use."""
    added = tx.execute(
        "INSERT INTO addresses (local, domain, written, kind, account, group_id, may_send)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (key.local, key.domain, written, target.kind, target.account, target.group_id, int(target.may_send)),
    )
    if not added:
        raise NameRefused(f"'{written}@{key.domain}' is already in use")


def delete_address(tx: Transaction, key: AddressKey, kind: str) -> None:
    """Delete an address of this kind. Raises `NameRefused` if there is none."""
    deleted = tx.execute(
        "DELETE FROM addresses WHERE local = ? AND domain = ? AND kind = ?", (key.local, key.domain, kind)
    )
    if not deleted:
        raise NameRefused(f"there is no {kind} '{key.local}@{key.domain}'")
    announce_withdrawal(tx)
