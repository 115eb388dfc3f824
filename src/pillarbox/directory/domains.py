"""The domains that are served.

A domain is served, or is an alias of one that is: then its addresses resolve like the same local parts of that
domain. An alias of an alias is refused, so one step is always enough.
"""

from dataclasses import dataclass

from pillarbox.directory import dkim_keys, roles
from pillarbox.directory.naming import NameRefused, domain_name
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction

DEFAULT_SEPARATOR = "+"
"""Between a local part and its detail (RFC 5233 §1): `anna+shops@` reaches `anna@`."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A served domain. `name` is in lower-case A-labels."""

    name: str
    alias_of: str | None
    separator: str
    """Empty: no sub-addressing."""
    quota_octets: int | None
    """The quota of accounts without one of their own; `None` is no limit."""
    postmaster: AccountId | None
    """The account for `postmaster@` and `abuse@` unless these addresses exist."""


_COLUMNS = "name, alias_of, separator, quota_octets, postmaster"


def create(
    tx: Transaction,
    name: str,
    *,
    now_ms: int,
    alias_of: str | None = None,
    separator: str = DEFAULT_SEPARATOR,
    quota_octets: int | None = None,
) -> Domain:
    """Serve a domain, or make it an alias of one that is served. Raises `NameRefused`."""
    key = domain_name(name)
    target = None if alias_of is None else domain_name(alias_of)
    if get(tx, key):
        raise NameRefused(f"'{key}' is already served")
    if target is not None:
        _check_alias(tx, target)
    tx.execute(
        "INSERT INTO domains (name, alias_of, separator, quota_octets, created_at_ms) VALUES (?, ?, ?, ?, ?)",
        (key, target, separator, quota_octets, now_ms),
    )
    return Domain(key, target, separator, quota_octets, None)


def get(tx: Transaction, name: str) -> Domain | None:
    """A domain by its name in lower-case A-labels."""
    row = tx.row(f"SELECT {_COLUMNS} FROM domains WHERE name = ?", (name,))  # noqa: S608  (constant)
    return Domain(*row) if row else None


def listing(tx: Transaction) -> list[Domain]:
    """All domains, by name."""
    return [Domain(*row) for row in tx.rows(f"SELECT {_COLUMNS} FROM domains ORDER BY name")]  # noqa: S608  (constant)


def names(tx: Transaction) -> list[str]:
    """The names of all domains; a damaged one is left out, `fsck` tells of it."""
    rows = tx.rows("SELECT name FROM domains ORDER BY name")
    return [name for (name,) in rows if isinstance(name, str)]


def count_accounts(tx: Transaction, name: str) -> int:
    """The number of accounts whose login is in this domain."""
    count: int = tx.value("SELECT COUNT(*) FROM accounts WHERE domain = ?", (name,))
    return count


def account_numbers(tx: Transaction, name: str) -> list[AccountId]:
    """The accounts whose login is in this domain."""
    return [AccountId(number) for (number,) in tx.rows("SELECT id FROM accounts WHERE domain = ?", (name,))]


def set_separator(tx: Transaction, name: str, separator: str) -> None:
    """Change the separator of sub-addresses; empty turns them off. Raises `NameRefused`."""
    if not tx.execute("UPDATE domains SET separator = ? WHERE name = ?", (separator, domain_name(name))):
        raise NameRefused(f"'{name}' is not served here")


def set_postmaster(tx: Transaction, name: str, account: AccountId) -> None:
    """Set the account for `postmaster@` and `abuse@`. Raises `NameRefused`."""
    if not tx.execute("UPDATE domains SET postmaster = ? WHERE name = ?", (account, domain_name(name))):
        raise NameRefused(f"'{name}' is not served here")


def postmaster_login(tx: Transaction, name: str) -> str | None:
    """The login of the account for `postmaster@`."""
    login: str | None = tx.value(
        "SELECT a.login FROM domains d JOIN accounts a ON a.id = d.postmaster WHERE d.name = ?", (name,)
    )
    return login


def has_addresses(tx: Transaction, name: str) -> bool:
    """Whether there are addresses of this domain, in the form for comparison."""
    return tx.value("SELECT 1 FROM addresses WHERE domain = ? LIMIT 1", (name,)) is not None


def remove(tx: Transaction, name: str) -> None:
    """Stop serving a domain that has no addresses and no aliases any more. Raises `NameRefused`."""
    key = domain_name(name)
    left = tx.rows("SELECT local, kind FROM addresses WHERE domain = ? ORDER BY local LIMIT 4", (key,))
    if left:
        told = [f"{local}@{key} ({kind})" for local, kind in left[:3]] + ["..."] * (len(left) > 3)
        raise NameRefused(f"'{key}' still has addresses: {', '.join(told)}. Remove them first")
    if tx.value("SELECT 1 FROM domains WHERE alias_of = ?", (key,)):
        raise NameRefused(f"'{key}' still has alias domains")
    if not tx.execute("DELETE FROM domains WHERE name = ?", (key,)):
        raise NameRefused(f"'{key}' is not served here")
    dkim_keys.remove_all(tx, key)
    roles.remove_domain(tx, key)
    announce_withdrawal(tx)


def served(tx: Transaction, name: str) -> Domain:
    """The domain that addresses of `name` belong to, after domain aliases. Raises `NameRefused` if not served."""
    domain = get(tx, domain_name(name))
    if domain is None:
        raise NameRefused(f"'{name}' is not served here")
    if domain.alias_of is None:
        return domain
    return stands_for(tx, domain.name, domain.alias_of)


def stands_for(tx: Transaction, name: str, alias_of: str) -> Domain:
    """The domain that an alias domain stands for, which can't be removed before it. Raises `ValuesDamaged`."""
    real = get(tx, alias_of)
    if real is None:
        raise ValuesDamaged(
            f"domain {name} stands for {alias_of}, which is not served: pillarbox fsck tells what to do"
        )
    return real


def _check_alias(tx: Transaction, target: str) -> None:
    real = get(tx, target)
    if real is None:
        raise NameRefused(f"'{target}' is not served here")
    if real.alias_of is not None:
        raise NameRefused(f"'{target}' is itself an alias, of '{real.alias_of}'")
