"""New names and addresses for accounts, groups and aliases; everything that belongs to them stays."""

from dataclasses import dataclass

from pillarbox.admin import accounts, concerns, groups
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, may
from pillarbox.directory import renaming
from pillarbox.directory.accounts import get, set_name
from pillarbox.directory.groups import address_of
from pillarbox.queue import control
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class Renamed:
    """What was changed."""

    old: str
    new: str
    keeps_address: bool
    """Mail for the old address still arrives."""
    aliases: tuple[str, ...] = ()
    """That led to the old address and lead to the new one."""
    queued: int = 0
    """Queued messages whose reports go to the new address."""


@may(DOMAIN_ADMINISTRATOR, of=(concerns.account("login"), concerns.address("address")))
def rename_account(tx: Transaction, login: str, address: str, *, keep_address: bool = False) -> Renamed:
    """Give an account another address and login. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    changed = renaming.rename_account(tx, account, address, keep_address=keep_address)
    renamed = get(tx, account.id)
    assert renamed is not None, "it was there"
    queued = 0
    if not keep_address:
        queued = control.readdress(tx, account.id, account.address, renamed.address)
    tx.touch(account.id)
    kept = keep_address and renamed.login != account.login
    return Renamed(account.login, renamed.login, kept, tuple(changed), queued)


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def rename_owner(tx: Transaction, login: str, name: str) -> None:
    """Change the name of an account's owner. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    set_name(tx, account.id, name)
    tx.touch(account.id)


@may(DOMAIN_ADMINISTRATOR, of=(concerns.group("name"), concerns.address("address")))
def rename_group(
    tx: Transaction, name: str, new: str | None, address: str | None = None, *, keep_address: bool = False
) -> list[Renamed]:
    """Give a group another name, another address, or both. Raises `NameRefused`."""
    group, changes = groups.number(tx, name), list[Renamed]()
    if new is not None:
        renaming.rename_group(tx, group, new)
        changes.append(Renamed(name, new, keeps_address=False))
    if address is not None:
        old = address_of(tx, group)
        changed = renaming.readdress_group(tx, group, old, address, keep_address=keep_address)
        changes.append(Renamed(old, address_of(tx, group), keep_address, tuple(changed)))
    return changes


@may(DOMAIN_ADMINISTRATOR, of=(concerns.address("address"), concerns.address("new")))
def rename_alias(tx: Transaction, address: str, new: str, *, keep_address: bool = False) -> Renamed:
    """Give an alias another address. Raises `NameRefused`."""
    changed = renaming.rename_alias(tx, address, new, keep_address=keep_address)
    return Renamed(address, new, keep_address, tuple(changed))
