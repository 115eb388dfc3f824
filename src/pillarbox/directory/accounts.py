"""Accounts: who may log in, and has a store of mail.

An account's login is its first address, compared like any address. It may have further addresses of its
own. Numbers are never given twice, so what belonged to a removed account can never fall to a new one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.directory.addresses import ACCOUNT, CATCH_ALL, Claim, claim, place, place_of, release
from pillarbox.directory.naming import NameRefused, local_key, parse_address
from pillarbox.directory.withdrawal import withdraw
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    id: AccountId
    login: str
    """The first address as it is compared: lower case, A-labels."""
    address: str
    """The first address as it was written when the account was made."""
    name: str
    """What to call the owner; may be empty."""
    quota_octets: int | None
    """Its own quota; `None` takes the domain's (see `quota`)."""
    enabled: bool
    """A disabled account can neither log in nor receive."""


_COLUMNS = "id, login, address, name, quota_octets, enabled"
_JOINED = ", ".join(f"accounts.{column}" for column in _COLUMNS.split(", "))
_AT_ADDRESS = (
    f"SELECT {_JOINED} FROM addresses JOIN accounts ON accounts.id = addresses.account"  # noqa: S608  (constant)
    " WHERE addresses.kind = 'account' AND addresses.local = ? AND addresses.domain ="
    " COALESCE((SELECT alias_of FROM domains WHERE name = ?), ?)"
)


def create(
    tx: Transaction,
    address: str,
    *,
    scram_salt: bytes,
    now_ms: int,
    name: str = "",
    quota_octets: int | None = None,
) -> Account:
    """Make an account. Raises `NameRefused` if the domain is not served or the address is taken.

    `scram_salt`: 16 octets that stay with the account for life (see `credentials`). The first account of
    a domain becomes its postmaster, so that `postmaster@` is always read (RFC 5321 §4.5.1).
    """
    written = parse_address(address)
    at = place(tx, written)
    account = AccountId(
        tx.value("UPDATE accounts_issued SET latest = latest + 1 WHERE series = 'account' RETURNING latest")
    )
    claim(tx, at, written.local, Claim(ACCOUNT, account=account))
    login = str(Address(at.local, at.domain))
    tx.execute(
        "INSERT INTO accounts (id, login, domain, address, name, quota_octets, enabled, scram_salt,"
        " scram_iterations, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
        (account, login, at.domain, str(written), name, quota_octets, scram_salt, DEFAULT_ITERATIONS, now_ms),
    )
    tx.execute(
        "UPDATE domains SET postmaster = ? WHERE name = ? AND postmaster IS NULL", (account, at.domain)
    )
    return Account(account, login, str(written), name, quota_octets, enabled=True)


def get(tx: Transaction, account: AccountId) -> Account | None:
    """An account by its number."""
    row = tx.row(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account,))  # noqa: S608  (constant)
    return _account(row) if row else None


def by_login(tx: Transaction, login: str) -> Account | None:
    """The account that this login names: any address of its own, or a local part that names just one.

    Never raises: what is no address is nobody's login.
    """
    local, at, domain = login.rpartition("@")
    if not at:
        return _by_local(tx, domain)
    if not local:
        return None  # a catch-all is nobody's login
    try:
        name = domain_key(domain)
    except InvalidAddress:
        return None
    return at_address(tx, local_key(_unquoted(local)), name)


def at_address(tx: Transaction, local: str, domain: str) -> Account | None:
    """The account whose own address this is, in one look-up. Both parts are as they are compared."""
    row = tx.row(_AT_ADDRESS, (local, domain, domain))
    return _account(row) if row else None


def login_key(login: str) -> str:
    """A login as it is compared: what `by_login` takes to be the same gives the same key."""
    local, _at, domain = login.rpartition("@")
    try:
        return str(Address(local_key(_unquoted(local)), domain_key(domain))) if local else local_key(domain)
    except InvalidAddress:
        return local_key(login)


def listing(tx: Transaction, *, after: int = 0, limit: int = 1000) -> list[Account]:
    """Accounts in the order of their numbers, from the one that follows number `after`."""
    sql = f"SELECT {_COLUMNS} FROM accounts WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  (constant)
    return [_account(row) for row in tx.rows(sql, (after, limit))]


def addresses_of(tx: Transaction, account: AccountId) -> list[str]:
    """The account's own addresses as they were written, the login's first."""
    rows = tx.rows(
        "SELECT local, written, domain FROM addresses WHERE account = ? AND kind = 'account'"
        " ORDER BY domain, local",
        (account,),
    )
    login = tx.value("SELECT login FROM accounts WHERE id = ?", (account,))
    ordered = sorted(rows, key=lambda row: str(Address(row[0], row[2])) != login)
    return [
        f"@{domain}" if local == CATCH_ALL else str(Address(written, domain))
        for local, written, domain in ordered
    ]


def add_address(tx: Transaction, account: AccountId, address: str) -> None:
    """Give an account one more address of its own. Raises `NameRefused`."""
    if get(tx, account) is None:
        raise NameRefused("there is no such account")
    at, written = place_of(tx, address)
    claim(tx, at, written, Claim(ACCOUNT, account=account))


def remove_address(tx: Transaction, account: AccountId, address: str) -> None:
    """Take an address from an account; not the one it logs in with. Raises `NameRefused`."""
    at, _written = place_of(tx, address)
    found = get(tx, account)
    if found is None or found.login == str(Address(at.local, at.domain)):
        raise NameRefused(f"'{address}' is the login of the account")
    owner = tx.value("SELECT account FROM addresses WHERE local = ? AND domain = ?", (at.local, at.domain))
    if owner != account:
        raise NameRefused(f"'{address}' is not an address of the account")
    release(tx, at, ACCOUNT)


def set_enabled(tx: Transaction, account: AccountId, *, enabled: bool) -> None:
    """Let an account log in and receive, or stop it. Its mail stays."""
    tx.execute("UPDATE accounts SET enabled = ? WHERE id = ?", (int(enabled), account))
    withdraw(tx)


def revoked(tx: Transaction, accounts: Iterable[AccountId]) -> set[AccountId]:
    """Which of these may no longer be logged in: they are disabled, or gone."""
    return {one for one in accounts if not ((found := get(tx, one)) and found.enabled)}


def remove(tx: Transaction, account: AccountId) -> None:
    """Forget the account, its addresses, credentials and memberships. Its mail is the store's to remove."""
    for table in ("addresses", "group_members", "passwords", "app_passwords", "known_clients"):
        tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608  (names from above)
    tx.execute("UPDATE domains SET postmaster = NULL WHERE postmaster = ?", (account,))
    tx.execute("DELETE FROM accounts WHERE id = ?", (account,))
    withdraw(tx)


def _by_local(tx: Transaction, local: str) -> Account | None:
    if not local:
        return None
    rows = tx.rows(
        f"SELECT {_JOINED} FROM addresses JOIN accounts ON accounts.id = addresses.account"  # noqa: S608  (constant)
        " WHERE addresses.kind = 'account' AND addresses.local = ? LIMIT 2",
        (local_key(local),),
    )
    return _account(rows[0]) if len(rows) == 1 else None


def _unquoted(local: str) -> str:
    if local.startswith('"'):
        try:
            return Address.parse(f"{local}@invalid").local
        except InvalidAddress:
            return local
    return local


def _account(row: tuple[int, str, str, str, int | None, int]) -> Account:
    identifier, login, address, name, quota_octets, enabled = row
    return Account(AccountId(identifier), login, address, name, quota_octets, bool(enabled))
