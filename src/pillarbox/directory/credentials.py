"""Credentials of accounts: a password (Argon2id and SCRAM keys in one row), and app passwords.

All SCRAM keys of an account share its salt and iteration count: a server must send both before it knows which
password the client will use, so app passwords work with SCRAM only this way. The salt of an account is the value that
was sent for its address before it existed (`scram_salt`), so salts reveal neither which accounts exist nor when they
were created.
"""

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pillarbox.directory import accounts, allowed_networks
from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import has_expired
from pillarbox.directory.password_hash import PasswordHash
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, KEY_OCTETS, SALT_OCTETS, KeyPair, ScramKeys
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Candidate:
    """The account of a login, and the hash its password must match; `None`: it has no password."""

    account: Account
    argon2: str | None = field(repr=False)


def set_password(tx: Transaction, account: AccountId, hashed: PasswordHash, *, now_ms: int) -> None:
    """Set the account's password, and end the sessions that another one has opened. App passwords stay."""
    if tx.row("SELECT 1 FROM passwords WHERE account = ?", (account,)):
        announce_withdrawal(tx)
    tx.execute(
        "INSERT INTO passwords VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
        " argon2 = excluded.argon2, stored_key = excluded.stored_key, server_key = excluded.server_key,"
        " changed_at_ms = excluded.changed_at_ms",
        (account, hashed.argon2, hashed.stored_key, hashed.server_key, now_ms),
    )


def find(tx: Transaction, login: str) -> Candidate | None:
    """The account of a login and its password hash; `None` also for a disabled account."""
    account = accounts.by_login(tx, login)
    if account is None or not account.enabled:
        return None
    return Candidate(account, tx.value("SELECT argon2 FROM passwords WHERE account = ?", (account.id,)))


OUTSIDE: Final = "outside of the networks of the app password"
"""For the log: why a right password was refused like a wrong one."""


def scram_keys(tx: Transaction, login: str, *, secret: bytes, address: str, now_ms: int) -> ScramKeys:
    """The keys for a SCRAM exchange of this login: those of its password and of its app passwords that have not
    expired, for whatever service. `address`: the client's. The proof of an app password that may not be used there
    is refused as a wrong one is: by then the client has not been told anything.

    For a login that does not exist (or is disabled, or has no password) they are keys that no password matches, with
    the salt that the login always has.
    """
    account = accounts.by_login(tx, login)
    if account is None:
        return ScramKeys(scram_salt(login, secret), DEFAULT_ITERATIONS, (_unmatchable_keys(login, secret),))
    salt, iterations = scram_parameters(tx, account.id)
    pairs = _key_pairs(tx, account.id, address=address, now_ms=now_ms) if account.enabled else ()
    return ScramKeys(salt, iterations, pairs or (_unmatchable_keys(login, secret),))


def scram_parameters(tx: Transaction, account: AccountId) -> tuple[bytes, int]:
    """The account's SCRAM salt and iteration count, for making new keys."""
    row = tx.row("SELECT scram_salt, scram_iterations FROM accounts WHERE id = ?", (account,))
    assert row is not None, "there is no such account"
    return row[0], row[1]


def scram_salt(login: str, secret: bytes) -> bytes:
    """The salt of a login: derived, so that it is the same before and after the account is created."""
    key = accounts.login_key(login).encode(errors="replace")
    return hashlib.blake2b(b"salt\0" + key, digest_size=SALT_OCTETS, key=secret).digest()


def _key_pairs(tx: Transaction, account: AccountId, *, address: str, now_ms: int) -> tuple[KeyPair, ...]:
    own = tx.rows("SELECT stored_key, server_key FROM passwords WHERE account = ?", (account,))
    apps = tx.rows(
        "SELECT stored_key, server_key, id, networks, expires_at_ms FROM app_passwords WHERE account = ?"
        " ORDER BY last_used_at_ms DESC",
        (account,),
    )
    fitting = (
        KeyPair(stored, server, identifier, partial(_outside, networks, address) if networks else None)
        for stored, server, identifier, networks, expires_at_ms in apps
        if not has_expired(expires_at_ms, now_ms=now_ms)
    )
    return (*(KeyPair(*row) for row in own), *fitting)


def _outside(networks: str, address: str) -> str:
    return "" if allowed_networks.permit(networks, address) else OUTSIDE


def _unmatchable_keys(login: str, secret: bytes) -> KeyPair:
    octets = hashlib.blake2b(b"keys\0" + login.encode(errors="replace"), digest_size=64, key=secret).digest()
    return KeyPair(octets[:KEY_OCTETS], octets[KEY_OCTETS:])
