"""Accounts: each may log in and has mail.

An account's login is its first address, compared like any address. It may have more addresses of its own. Account
numbers are never reused, so a new account can never get the data of a removed one.
"""

from dataclasses import dataclass
from typing import Final

from pillarbox.directory.addresses import (
    ACCOUNT,
    CATCH_ALL,
    Target,
    address_key,
    delete_address,
    insert_address,
    parse_key,
)
from pillarbox.directory.naming import NameRefused, local_key, parse_address, shown_name
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Account:
    """One account."""

    id: AccountId
    login: str
    """The first address in the form for comparison: lower case, A-labels."""
    address: str
    """The first address as written when the account was created."""
    name: str
    """The owner's display name; may be empty."""
    quota_octets: int | None
    """Its own quota; `None` takes the domain's (see `quota`)."""
    enabled: bool
    """A disabled account can neither log in nor receive."""
    responds: bool = False
    """Its owner may be away, and mail is answered then (see `vacation`)."""


_COLUMNS = "id, login, address, name, quota_octets, enabled, responds"
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
    """Create an account. Raises `NameRefused` if the domain is not served or the address is in use.

    `scram_salt`: 16 octets that the account keeps for life (see `credentials`). The first account of a domain
    becomes its postmaster, so that `postmaster@` always has a reader (RFC 5321 §4.5.1).
    """
    written = parse_address(address)
    key = address_key(tx, written)
    account = AccountId(
        tx.value("UPDATE accounts_issued SET latest = latest + 1 WHERE series = 'account' RETURNING latest")
    )
    insert_address(tx, key, written.local, Target(ACCOUNT, account=account))
    login = str(Address(key.local, key.domain))
    tx.execute(
        "INSERT INTO accounts (id, login, domain, address, name, quota_octets, enabled, scram_salt,"
        " scram_iterations, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)",
        (
            account,
            login,
            key.domain,
            str(written),
            shown_name(name),
            quota_octets,
            scram_salt,
            DEFAULT_ITERATIONS,
            now_ms,
        ),
    )
    tx.execute(
        "UPDATE domains SET postmaster = ? WHERE name = ? AND postmaster IS NULL", (account, key.domain)
    )
    return Account(account, login, str(written), name, quota_octets, enabled=True)


def get(tx: Transaction, account: AccountId) -> Account | None:
    """An account by its number."""
    row = tx.row(f"SELECT {_COLUMNS} FROM accounts WHERE id = ?", (account,))  # noqa: S608  (constant)
    return _account(row) if row else None


def by_login(tx: Transaction, login: str) -> Account | None:
    """The account with this login: any of its own addresses, or a local part that only one account has.

    Never raises: `None` for what is not an address.
    """
    local, at, domain = login.rpartition("@")
    if not at:
        return _by_local(tx, domain)
    if not local:
        return None  # a catch-all is not a login
    try:
        name = domain_key(domain)
    except InvalidAddress:
        return None
    return at_address(tx, local_key(_unquoted(local)), name)


def at_address(tx: Transaction, local: str, domain: str) -> Account | None:
    """The account with this address of its own, in one look-up. Both parts are in the form for comparison."""
    row = tx.row(_AT_ADDRESS, (local, domain, domain))
    return _account(row) if row else None


def in_group(tx: Transaction, group: int) -> list[Account]:
    """The members of a group, by number."""
    sql = (
        f"SELECT {_JOINED} FROM group_members JOIN accounts ON accounts.id = group_members.account"  # noqa: S608  (constant)
        " WHERE group_members.group_id = ? ORDER BY accounts.id"
    )
    return [_account(row) for row in tx.rows(sql, (group,))]


def login_key(login: str) -> str:
    """A login in the form for comparison: logins that `by_login` treats alike give the same key."""
    local, _at, domain = login.rpartition("@")
    try:
        return str(Address(local_key(_unquoted(local)), domain_key(domain))) if local else local_key(domain)
    except InvalidAddress:
        return local_key(login)


def listing(tx: Transaction, *, after: int = 0, limit: int = 1000) -> list[Account]:
    """Accounts by number, beginning after number `after`."""
    sql = f"SELECT {_COLUMNS} FROM accounts WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608  (constant)
    return [_account(row) for row in tx.rows(sql, (after, limit))]


def addresses_of(tx: Transaction, account: AccountId) -> list[str]:
    """The account's own addresses as written, its login first."""
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
    """Add an address to an account. Raises `NameRefused`."""
    if get(tx, account) is None:
        raise NameRefused("there is no such account")
    key, written = parse_key(tx, address)
    insert_address(tx, key, written, Target(ACCOUNT, account=account))


def remove_address(tx: Transaction, account: AccountId, address: str) -> None:
    """Remove an address from an account, except its login. Raises `NameRefused`."""
    key, _written = parse_key(tx, address)
    found = get(tx, account)
    if found is None or found.login == str(Address(key.local, key.domain)):
        raise NameRefused(f"'{address}' is the login of the account")
    owner = tx.value("SELECT account FROM addresses WHERE local = ? AND domain = ?", (key.local, key.domain))
    if owner != account:
        raise NameRefused(f"'{address}' is not an address of the account")
    delete_address(tx, key, ACCOUNT)


def set_name(tx: Transaction, account: AccountId, name: str) -> None:
    """Change the owner's display name. Raises `NameRefused`."""
    tx.execute("UPDATE accounts SET name = ? WHERE id = ?", (shown_name(name), account))


def renamed_since(tx: Transaction, account: AccountId, created_at_ms: int) -> Account | None:
    """The account with this number, if it is the same one, whatever its login: for data of another time."""
    row = tx.row(
        f"SELECT {_COLUMNS} FROM accounts WHERE id = ? AND created_at_ms = ?",  # noqa: S608  (constant)
        (account, created_at_ms),
    )
    return _account(row) if row else None


def created_at_ms(tx: Transaction, account: AccountId) -> int:
    """When the account was created, in ms since 1970."""
    at_ms: int = tx.value("SELECT created_at_ms FROM accounts WHERE id = ?", (account,))
    return at_ms


def set_enabled(tx: Transaction, account: AccountId, *, enabled: bool) -> None:
    """Enable or disable an account. A disabled account can neither log in nor receive; its mail stays, and links for
    a new password or a recovery address end."""
    tx.execute("UPDATE accounts SET enabled = ? WHERE id = ?", (int(enabled), account))
    if not enabled:  # who has it by then is to sign in anew
        for table in ("browser_sessions", "sign_in_steps", "reset_links", "recovery_confirmations"):
            tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608  (names from above)
    announce_withdrawal(tx)


def remove(tx: Transaction, account: AccountId) -> None:
    """Remove the account, its addresses, credentials and memberships. The store removes its mail."""
    for table in (
        "addresses",
        "group_members",
        "passwords",
        "app_passwords",
        "foreign_passwords",
        "former_marks",
        "totp_secrets",
        "totp_setups",
        "recovery_codes",
        "browser_sessions",
        "sign_in_steps",
        "passkeys",
        "passkey_handles",
        "roles",
        "known_clients",
        "sign_ins",
        "devices",
        "device_notices",
        "identities",
        "identity_counters",
        "vacation_responses",
        "vacation_senders",
        "reset_links",
        "recovery_addresses",
        "recovery_confirmations",
        "recovery_mails",
    ):
        tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608  (names from above)
    # RFC 5321 §4.5.1: the next account of the domain reads postmaster's mail, if there is one
    tx.execute(
        "UPDATE domains SET postmaster = (SELECT min(id) FROM accounts WHERE domain = domains.name AND id <> ?)"
        " WHERE postmaster = ?",
        (account, account),
    )
    tx.execute("DELETE FROM accounts WHERE id = ?", (account,))
    announce_withdrawal(tx)


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


_STATES: Final = (0, 1)


def _account(row: tuple[int, str, str, str, int | None, int, int]) -> Account:
    identifier, login, address, name, quota_octets, enabled, responds = row
    if enabled not in _STATES:  # nobody is refused mail, or let in, by a damaged row
        raise ValuesDamaged(f"the state of account {identifier} is damaged: pillarbox fsck --repair mends it")
    return Account(AccountId(identifier), login, address, name, quota_octets, bool(enabled), responds == 1)
