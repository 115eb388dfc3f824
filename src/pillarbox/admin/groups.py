"""Groups of accounts, each with an address that delivers to all members."""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.admin import accounts, concerns
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, may
from pillarbox.directory import domains, groups, references
from pillarbox.directory.accounts import get
from pillarbox.directory.naming import NameRefused
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class GroupProfile:
    """A group as shown to the operator."""

    name: str
    address: str
    members: tuple[str, ...]
    """Logins."""


@may(DOMAIN_ADMINISTRATOR, of=(concerns.address("address"), concerns.members("members")))
def add(
    tx: Transaction, name: str, address: str, members: Sequence[str] = (), *, may_send: bool = True
) -> None:
    """Create a group with its first members, given by login. Raises `NameRefused`."""
    group = groups.create(tx, name, address, may_send=may_send)
    for login in members:
        groups.add_member(tx, group, accounts.find(tx, login).id)


@may(DOMAIN_ADMINISTRATOR, of=(concerns.group("name"), concerns.members("logins")))
def join(tx: Transaction, name: str, logins: Sequence[str]) -> None:
    """Add accounts as members. Raises `NameRefused`."""
    group = number(tx, name)
    for login in logins:
        groups.add_member(tx, group, accounts.find(tx, login).id)


@may(DOMAIN_ADMINISTRATOR, of=concerns.group("name"))
def leave(tx: Transaction, name: str, logins: Sequence[str]) -> None:
    """Remove members. Raises `NameRefused`, also for an account that is none."""
    group = number(tx, name)
    for login in logins:
        if not groups.remove_member(tx, group, accounts.find(tx, login).id):
            raise NameRefused(f"'{login}' is no member of '{name}'; to list all groups: pillarbox group list")


@may(DOMAIN_ADMINISTRATOR, of=concerns.group("name"))
def remove(tx: Transaction, name: str) -> list[str]:
    """Remove a group, not its members; return which aliases into its domain lead nowhere now. Raises `NameRefused`."""
    group = number(tx, name)
    address = groups.address_of(tx, group)
    groups.remove(tx, group, address)
    return references.dangling(tx, address)


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def listing(tx: Transaction, *, domain: str | None = None) -> list[GroupProfile]:
    """All groups, or those of one domain, by name. Raises `NameRefused`."""
    wanted = None if domain is None else f"@{domains.served(tx, domain).name}"
    found = ((group, name, groups.address_of(tx, group)) for group, name in groups.listing(tx))
    return [
        GroupProfile(name, address, tuple(_logins(tx, group)))
        for group, name, address in found
        if wanted is None or address.endswith(wanted)
    ]


def _logins(tx: Transaction, group: int) -> list[str]:
    found = (get(tx, member) for member in groups.members(tx, group))
    return [account.login for account in found if account]


@may(DOMAIN_ADMINISTRATOR, of=concerns.group("name"))
def number(tx: Transaction, name: str) -> int:
    """A group's number. Raises `NameRefused`."""
    found = groups.by_name(tx, name)
    if found is None:
        raise NameRefused(f"there is no group '{name}'; to list all groups: pillarbox group list")
    return found
