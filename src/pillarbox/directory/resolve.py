"""Address resolution: where mail for an address goes, and who may send from it.

An address is looked up as given; then without its detail (`anna+shops` as `anna`, RFC 5233 §1); then as the domain's
catch-all. Aliases are followed until accounts or remote addresses are reached. Always true: one resolution visits no
address twice and no more than `MAX_ADDRESSES`, so loops end.
"""

from dataclasses import dataclass, field
from typing import Literal

from pillarbox.directory import accounts, aliases, groups
from pillarbox.directory.accounts import Account
from pillarbox.directory.addresses import ACCOUNT, CATCH_ALL, AddressKey
from pillarbox.directory.domains import Domain, get, has_addresses, stands_for
from pillarbox.directory.naming import local_key
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction

MAX_ADDRESSES = 2000
"""Addresses visited for one recipient; further ones are ignored."""
# RFC 5321 §4.5.1: postmaster is always accepted. RFC 2142 §4: so should abuse be.
_REQUIRED_LOCAL_PARTS = frozenset({"postmaster", "abuse"})


class LeadsToMany(Exception):
    """The address leads to more addresses and accounts than are to be read together."""


@dataclass(frozen=True, slots=True)
class Local:
    """The address is local: deliver to these accounts, and forward to these addresses."""

    accounts: tuple[Account, ...]
    forwards: tuple[Address, ...] = ()
    detail: str | None = None
    """What followed the separator in the resolved address."""
    own: bool = field(default=False, compare=False)
    """It is an address of the account itself, so the result holds until it is withdrawn (see `withdrawal`)."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The domain is not served here."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The domain is served here, but mail for this address can't be delivered."""

    reason: Literal["no such address", "disabled", "no target"]


Resolution = Local | Remote | Unknown


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of `addresses`, with how it was found."""

    key: AddressKey
    kind: str
    account: AccountId | None
    group_id: int | None
    may_send: bool
    detail: str | None


@dataclass(slots=True)
class _Reached:
    """What was reached while following aliases and groups."""

    accounts: dict[AccountId, Account] = field(default_factory=dict)
    forwards: dict[str, Address] = field(default_factory=dict)
    visited: set[AddressKey] = field(default_factory=set)
    disabled: bool = False
    most: int | None = None
    """Addresses and members that may be read; `None`: as many as there are."""

    def count(self, more: int) -> None:
        """So many are to be read. Raises `LeadsToMany`."""
        if self.most is not None:
            self.most -= more
            if self.most < 0:
                raise LeadsToMany


def recipient(tx: Transaction, address: Address, *, most: int | None = None) -> Resolution:
    """Where mail for this address goes. Raises `LeadsToMany` where that is found by way of more than `most` addresses
    and members."""
    local = local_key(address.local)
    # Most mail is for an account's own address, for which one look-up suffices.
    own = accounts.at_address(tx, local, compared_domain(address)) if local else None
    if own is not None and own.enabled:
        return Local((own,), own=True)
    domain = served_domain(tx, address)
    if domain is None:
        if has_addresses(tx, compared_domain(address)):  # which a domain keeps from being removed
            raise ValuesDamaged(
                f"domain {compared_domain(address)} has addresses and no row: pillarbox fsck tells what to do"
            )
        return Remote()
    entry = _find(tx, domain, local)
    if entry is None:
        return Unknown("no such address")
    reached = _Reached(most=most)
    _follow(tx, entry, reached)
    if reached.accounts or reached.forwards:
        return Local(tuple(reached.accounts.values()), tuple(reached.forwards.values()), entry.detail)
    return Unknown("disabled" if reached.disabled else "no target")


def may_send_as(tx: Transaction, account: AccountId, address: Address) -> bool:
    """Whether the account may use this address as sender.

    Allowed are its own addresses, with any detail; and aliases and groups that deliver to it, where they permit that.
    """
    domain = served_domain(tx, address)
    if domain is None:
        return False
    entry = _find(tx, domain, local_key(address.local))
    if entry is None or not entry.may_send:
        return False
    if entry.kind == ACCOUNT:
        return entry.account == account
    reached = _Reached()
    _follow(tx, entry, reached)
    return account in reached.accounts


def served_domain(tx: Transaction, address: Address) -> Domain | None:
    """The domain in which this address is looked up, or `None` if it is not served."""
    domain = get(tx, compared_domain(address))
    if domain is None or domain.alias_of is None:
        return domain
    return stands_for(tx, domain.name, domain.alias_of)


def entry_key(tx: Transaction, address: Address) -> AddressKey | Remote | None:
    """The entry that this address is answered by; `None` if there is none, `Remote` if its domain is not served."""
    domain = served_domain(tx, address)
    if domain is None:
        return Remote()
    entry = _find(tx, domain, local_key(address.local))
    return entry.key if entry else None


def compared_domain(address: Address) -> str:
    """The domain in the form for comparison; empty for a literal, which is not served."""
    try:
        return domain_key(address.domain)
    except InvalidAddress:
        return ""  # an address not made by parsing; its domain is not served


def _find(tx: Transaction, domain: Domain, local: str) -> _Entry | None:
    found = _entry(tx, AddressKey(local, domain.name), None)
    if found:
        return found
    if domain.separator:
        stem, separator, detail = local.partition(domain.separator)
        if separator and stem:
            found = _entry(tx, AddressKey(stem, domain.name), detail)
            if found:
                return found
    if local in _REQUIRED_LOCAL_PARTS and domain.postmaster is not None:
        return _Entry(
            AddressKey(local, domain.name), ACCOUNT, domain.postmaster, None, may_send=True, detail=None
        )
    return _entry(tx, AddressKey(CATCH_ALL, domain.name), None)


def _entry(tx: Transaction, key: AddressKey, detail: str | None) -> _Entry | None:
    row = tx.row(
        "SELECT kind, account, group_id, may_send FROM addresses WHERE local = ? AND domain = ?",
        (key.local, key.domain),
    )
    if row is None:
        return None
    kind, account, group_id, may_send = row
    return _Entry(key, kind, account, group_id, bool(may_send), detail)


def _follow(tx: Transaction, first: _Entry, reached: _Reached) -> None:
    waiting = [first]
    while waiting and len(reached.visited) < MAX_ADDRESSES:
        entry = waiting.pop(0)
        if entry.key in reached.visited:
            continue
        reached.visited.add(entry.key)
        reached.count(1)
        match entry.kind:
            case "account":
                account = None if entry.account is None else accounts.get(tx, entry.account)
                if account is None:
                    raise _damaged(entry)
                _reach(account, reached)
            case "group":
                if entry.group_id is None:
                    raise _damaged(entry)
                if reached.most is not None:
                    reached.count(groups.count_members(tx, entry.group_id))
                for member in accounts.in_group(tx, entry.group_id):
                    _reach(member, reached)
            case "alias":
                waiting += _targets(tx, entry, reached)
            case _:
                raise _damaged(entry)


def _damaged(entry: _Entry) -> ValuesDamaged:
    """No sender is told that there is no such address, because its row is damaged."""
    return ValuesDamaged(
        f"the row of {entry.key.local}@{entry.key.domain} is damaged: pillarbox fsck tells what to do"
    )


def _targets(tx: Transaction, alias: _Entry, reached: _Reached) -> list[_Entry]:
    local_targets = []
    targets = aliases.targets(tx, alias.key)
    if not targets:
        raise _damaged(alias)
    reached.count(len(targets))
    for text in targets:
        try:
            target = Address.parse(text)
        except InvalidAddress:
            raise _damaged(alias) from None
        domain = served_domain(tx, target)
        if domain is None:
            reached.forwards.setdefault(target.key, target)
            continue
        entry = _find(tx, domain, local_key(target.local))
        if entry:
            local_targets.append(entry)
    return local_targets


def _reach(account: Account, reached: _Reached) -> None:
    if account.enabled:
        reached.accounts.setdefault(account.id, account)
    else:
        reached.disabled = True
