"""Roles: what an account may do beyond its own things. Everybody is a user, and needs no row for that.

A role belongs to the account, whatever its login, and ends with the account or the domain. Roles are read in the
transaction that they permit (`admin.permissions`), so one that is revoked permits nothing from then on.
"""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction


class Role(StrEnum):
    """A role that is granted."""

    OWNER = "owner"
    """Of the whole provider: all domains, and who has which role."""
    DOMAIN = "domain"
    """Administrator of one domain; somebody may have this role for several."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What roles an account has."""

    owner: bool
    domains: frozenset[str]
    """Those that it administers; without roles, none."""


@dataclass(frozen=True, slots=True)
class Granted:
    """A role of an account."""

    account: AccountId
    role: Role
    domain: str
    """A domain that is served, in lower-case A-labels; empty for an owner."""
    granted_at_ms: int


def grant(tx: Transaction, account: AccountId, role: Role, domain: str, *, now_ms: int) -> bool:
    """Grant a role; returns whether it is new. `domain` is empty for an owner, else the name of a served one."""
    assert bool(domain) == (role == Role.DOMAIN), "an owner is that of all domains"
    added = tx.execute(
        "INSERT INTO roles (account, role, domain, granted_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (account, role.value, domain, now_ms),
    )
    return added > 0


def revoke(tx: Transaction, account: AccountId, role: Role, domain: str) -> bool:
    """Revoke a role; returns whether the account had it."""
    return (
        tx.execute(
            "DELETE FROM roles WHERE account = ? AND role = ? AND domain = ?", (account, role.value, domain)
        )
        > 0
    )


def standing(tx: Transaction, account: AccountId) -> Standing:
    """The roles of an account."""
    rows = tx.rows("SELECT role, domain FROM roles WHERE account = ?", (account,))
    return Standing(
        owner=(Role.OWNER.value, "") in rows,
        domains=frozenset(domain for role, domain in rows if role == Role.DOMAIN.value),
    )


def listing(tx: Transaction) -> list[Granted]:
    """All roles: owners first, then by domain and account."""
    rows = tx.rows(
        "SELECT account, role, domain, granted_at_ms FROM roles ORDER BY role DESC, domain, account"
    )
    return [Granted(account, Role(role), domain, at_ms) for account, role, domain, at_ms in rows]


def has_other_owner(tx: Transaction, account: AccountId) -> bool:
    """Whether somebody else is owner as well, and could sign in as that: accounts that are disabled do not count."""
    found = tx.value(
        "SELECT 1 FROM roles JOIN accounts ON accounts.id = roles.account"
        " WHERE roles.role = ? AND roles.domain = '' AND accounts.enabled = 1 AND accounts.id <> ? LIMIT 1",
        (Role.OWNER.value, account),
    )
    return found is not None


def remove_domain(tx: Transaction, domain: str) -> None:
    """Nobody administers this domain any more: whoever serves it next grants anew."""
    tx.execute("DELETE FROM roles WHERE role = ? AND domain = ?", (Role.DOMAIN.value, domain))


def reach(tx: Transaction, account: AccountId) -> frozenset[str]:
    """The domains in which an account has an address, or is the postmaster: whoever has its password has these."""
    rows = tx.rows(
        "SELECT domain FROM accounts WHERE id = ? UNION SELECT domain FROM addresses WHERE account = ?"
        " UNION SELECT name FROM domains WHERE postmaster = ?",
        (account, account, account),
    )
    return frozenset(name for (name,) in rows)
