"""What proves a login: a password (Argon2id and SCRAM keys in one row), and app passwords.

All SCRAM keys of an account share its salt and its rounds: a server must name both before it knows which
password the client will use, so this is what lets app passwords work with SCRAM. The salt is made with
the account, as the very value that was shown for its address while nobody had it (`scram_salt`), so
watching salts tells neither who exists nor when somebody came to exist.
"""

import hashlib
from dataclasses import dataclass, field

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope, opens
from pillarbox.directory.password_hash import PasswordHash
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, KEY_OCTETS, SALT_OCTETS, KeyPair, ScramKeys
from pillarbox.world.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that a login names, and the hash its password must open; `None`: it has none."""

    account: Account
    argon2: str | None = field(repr=False)


def set_password(tx: Transaction, account: AccountId, hashed: PasswordHash, *, now_ms: int) -> None:
    """Give the account this password instead of any it had. App passwords stay."""
    tx.execute(
        "INSERT INTO passwords VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
        " argon2 = excluded.argon2, stored_key = excluded.stored_key, server_key = excluded.server_key,"
        " changed_at_ms = excluded.changed_at_ms",
        (account, hashed.argon2, hashed.stored_key, hashed.server_key, now_ms),
    )


def find(tx: Transaction, login: str) -> Candidate | None:
    """Whom a login names and what would prove it; a disabled account is nobody."""
    account = accounts.by_login(tx, login)
    if account is None or not account.enabled:
        return None
    return Candidate(account, tx.value("SELECT argon2 FROM passwords WHERE account = ?", (account.id,)))


def scram_keys(tx: Transaction, login: str, *, secret: bytes, scope: Scope, now_ms: int) -> ScramKeys:
    """The keys for a SCRAM exchange of this login: its password's and those of fitting app passwords.

    For a login that does not exist (or is disabled, or has no password) the keys are such that nothing
    opens them, with the salt that the login always had and would have.
    """
    account = accounts.by_login(tx, login)
    if account is None:
        return ScramKeys(scram_salt(login, secret), DEFAULT_ITERATIONS, (_unopenable(login, secret),))
    salt, iterations = scram_parameters(tx, account.id)
    pairs = _key_pairs(tx, account.id, scope=scope, now_ms=now_ms) if account.enabled else ()
    return ScramKeys(salt, iterations, pairs or (_unopenable(login, secret),))


def scram_parameters(tx: Transaction, account: AccountId) -> tuple[bytes, int]:
    """The account's SCRAM salt and rounds, which new keys for it must be made with."""
    row = tx.row("SELECT scram_salt, scram_iterations FROM accounts WHERE id = ?", (account,))
    assert row is not None, "there is no such account"
    return row[0], row[1]


def scram_salt(login: str, secret: bytes) -> bytes:
    """The salt of a login: derived, so that it is the same before and after the account is made."""
    key = accounts.login_key(login).encode(errors="replace")
    return hashlib.blake2b(b"salt\0" + key, digest_size=SALT_OCTETS, key=secret).digest()


def _key_pairs(tx: Transaction, account: AccountId, *, scope: Scope, now_ms: int) -> tuple[KeyPair, ...]:
    own = tx.rows("SELECT stored_key, server_key FROM passwords WHERE account = ?", (account,))
    apps = tx.rows(
        "SELECT stored_key, server_key, id, scopes, expires_at_ms FROM app_passwords WHERE account = ?"
        " ORDER BY last_used_at_ms DESC",
        (account,),
    )
    fitting = (
        KeyPair(stored, server, identifier)
        for stored, server, identifier, scopes, expires_at_ms in apps
        if opens(scopes, expires_at_ms, scope=scope, now_ms=now_ms)
    )
    return (*(KeyPair(*row) for row in own), *fitting)


def _unopenable(login: str, secret: bytes) -> KeyPair:
    octets = hashlib.blake2b(b"keys\0" + login.encode(errors="replace"), digest_size=64, key=secret).digest()
    return KeyPair(octets[:KEY_OCTETS], octets[KEY_OCTETS:])
