"""Granting and revoking roles: owners of the provider, and administrators of domains."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.admin import accounts, concerns
from pillarbox.admin.concerns import Concern, OfMachine, Thing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, OWNER, may
from pillarbox.directory import accounts as directory_accounts
from pillarbox.directory import domains, roles
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.roles import Granted, Role
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """A role of an account, as it is shown."""

    login: str
    role: Role
    domain: str
    """Empty for an owner."""
    granted_at_ms: int


@may(OWNER)
def grant(tx: Transaction, login: str, role: Role, domain: str | None = None, *, now_ms: int) -> RoleProfile:
    """Grant a role; `domain` is that of an administrator. Raises `NameRefused`, also where the account has it."""
    account = accounts.find(tx, login)
    name = _domain(tx, role, domain)
    if not roles.grant(tx, account.id, role, name, now_ms=now_ms):
        raise NameRefused(f"'{account.login}' {_is(role, name)} already")
    return RoleProfile(account.login, role, name, now_ms)


def _last_owner(tx: Transaction, login: str, role: Role) -> Iterator[Thing]:
    if role == Role.OWNER:
        found = directory_accounts.by_login(tx, login)
        if found is not None and not roles.has_other_owner(tx, found.id):
            yield OfMachine("to revoke the role of the last owner")


_LAST_OWNER: Final = Concern("another owner remains", ("login", "role"), _last_owner)


@may(OWNER, of=_LAST_OWNER)
def revoke(tx: Transaction, login: str, role: Role, domain: str | None = None) -> bool:
    """Revoke a role; returns whether there is another owner. Raises `NameRefused`, also where the account has none."""
    account = accounts.find(tx, login)
    name = _domain(tx, role, domain)
    if not roles.revoke(tx, account.id, role, name):
        raise NameRefused(f"'{account.login}' has no such role; to list all roles: pillarbox role list")
    return roles.has_other_owner(tx, account.id)


@may(OWNER)
def listing(tx: Transaction) -> list[RoleProfile]:
    """All roles: owners first, then by domain."""
    found = ((granted, directory_accounts.get(tx, granted.account)) for granted in roles.listing(tx))
    return [_profile(granted, account) for granted, account in found if account is not None]


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def of_account(tx: Transaction, login: str) -> list[RoleProfile]:
    """The roles of one account. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    return [_profile(granted, account) for granted in roles.listing(tx) if granted.account == account.id]


def _profile(granted: Granted, account: Account) -> RoleProfile:
    return RoleProfile(account.login, granted.role, granted.domain, granted.granted_at_ms)


def _domain(tx: Transaction, role: Role, domain: str | None) -> str:
    if role == Role.OWNER:
        if domain:
            raise NameRefused("an owner is owner of the whole provider, not of a domain")
        return ""
    if not domain:
        raise NameRefused("an administrator needs a domain")
    return domains.served(tx, domain).name


def _is(role: Role, domain: str) -> str:
    return "is an owner" if role == Role.OWNER else f"administers {domain}"
