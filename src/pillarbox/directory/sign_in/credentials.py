"""Credentials of accounts: a password (Argon2id and SCRAM keys in one row), and app passwords.

All SCRAM keys of an account share its salt and iteration count: a server must send both before it knows which
password the client will use, so app passwords work with SCRAM only this way. The salt of an account is the value that
was sent for its address before it existed (`scram_salt`), so salts reveal neither which accounts exist nor when they
were created.

A hash that another server has made stands in the place of the password until the first login with it (`upgrade`).
Until then the account has no SCRAM keys of its own, so SCRAM answers as for an account without a password.
"""

import hashlib
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import (
    allowed_networks,
    app_passwords,
    browser_sessions,
    recovery_addresses,
    reset_links,
    sign_in_steps,
)
from pillarbox.directory.sign_in.app_passwords import Matched, has_expired
from pillarbox.directory.sign_in.credential_marks import Own, Reason, mark, own_password
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, KEY_OCTETS, SALT_OCTETS, KeyPair, ScramKeys
from pillarbox.world.database.transaction import Transaction

NOBODY: Final = AccountId(0)
"""No account has this number. What is asked for an account is asked for nobody as well where a login is unknown, so
that this takes as long."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The account of a login, and the hash its password must match; without either of them it has no password."""

    account: Account
    argon2: str | None = field(repr=False)
    foreign: str | None = field(default=None, repr=False)
    """Of another server (`directory.sign_in.foreign_hash`)."""
    second_factor: bool = False
    """The account has one: its own password alone lets nobody in (`second_factors`)."""

    @property
    def hashed(self) -> str:
        """The hash; empty where there is none."""
        return self.argon2 or self.foreign or ""

    @property
    def mark(self) -> str:
        """The mark of the password (`credential_marks`)."""
        return mark(self.hashed)


def set_password(
    tx: Transaction,
    account: AccountId,
    hashed: PasswordHash,
    *,
    now_ms: int,
    keep_sessions: bool = False,
    staying: str = "",
) -> None:
    """Set the account's password. App passwords stay. Sessions that were opened with another password end, and browser
    sessions but for one (`staying`, its id), unless they are kept."""
    _retire(tx, account, keep_sessions=keep_sessions, staying=staying)
    tx.execute("DELETE FROM foreign_passwords WHERE account = ?", (account,))
    _store(tx, account, hashed, now_ms=now_ms)


def set_foreign(
    tx: Transaction, account: AccountId, hashed: str, *, now_ms: int, keep_sessions: bool = False
) -> None:
    """Set a hash that `foreign_hash.read` has accepted in the place of the account's password."""
    _retire(tx, account, keep_sessions=keep_sessions)
    tx.execute("DELETE FROM passwords WHERE account = ?", (account,))
    tx.execute(
        "INSERT INTO foreign_passwords (account, hash, changed_at_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET hash = excluded.hash, changed_at_ms = excluded.changed_at_ms",
        (account, hashed, now_ms),
    )


def upgrade(tx: Transaction, account: AccountId, foreign: str, hashed: PasswordHash, *, now_ms: int) -> bool:
    """Replace a hash by ones of our own for the same password, if it is still the hash of the account; returns whether
    it was. Sessions and what else was made with the password stay."""
    candidate = _candidate(tx, account)
    if candidate != (None, foreign):
        return False
    tx.execute("DELETE FROM foreign_passwords WHERE account = ?", (account,))
    _remember(tx, account, mark(foreign), Reason.UPGRADED)
    _store(tx, account, hashed, now_ms=now_ms)
    return True


def has_imported(tx: Transaction, account: AccountId, hashed: str) -> bool:
    """Whether this hash was set already, and stands, or was upgraded at a login since."""
    row = tx.row(
        "SELECT 1 FROM former_marks WHERE account = ? AND mark = ? AND reason = ?",
        (account, mark(hashed), Reason.UPGRADED.value),
    )
    return row is not None or _candidate(tx, account) == (None, hashed)


def is_current(tx: Transaction, account: AccountId, shown: str) -> bool:
    """Whether the password with this mark is still the account's, its hash replaced or not."""
    argon2, foreign = _candidate(tx, account)
    if (stored := argon2 or foreign) and mark(stored) == shown:
        return True
    row = tx.row(
        "SELECT 1 FROM former_marks WHERE account = ? AND mark = ? AND reason = ?",
        (account, shown, Reason.UPGRADED.value),
    )
    return row is not None


def _retire(tx: Transaction, account: AccountId, *, keep_sessions: bool, staying: str = "") -> None:
    """Before the password is another one: its sessions are kept, or end. What was begun with it ends anyway, and a
    link for a new one. So does one that would confirm a recovery address: whoever had the password may have entered
    it, and could set another one by it."""
    sign_in_steps.drop_all(tx, account)
    reset_links.end(tx, account)
    recovery_addresses.forget_waiting_of(tx, account)
    if not keep_sessions:
        browser_sessions.end_all(tx, account, but=staying)
        tx.execute("DELETE FROM former_marks WHERE account = ?", (account,))
        if _candidate(tx, account) != (None, None):
            announce_withdrawal(tx)
        return
    tx.execute("UPDATE former_marks SET reason = ? WHERE account = ?", (Reason.KEPT.value, account))
    argon2, foreign = _candidate(tx, account)
    if stored := argon2 or foreign:
        _remember(tx, account, mark(stored), Reason.KEPT)


def _remember(tx: Transaction, account: AccountId, former: str, reason: Reason) -> None:
    tx.execute(
        "INSERT INTO former_marks (account, mark, reason) VALUES (?, ?, ?)"
        " ON CONFLICT (account, mark) DO UPDATE SET reason = excluded.reason",
        (account, former, reason.value),
    )


def _store(tx: Transaction, account: AccountId, hashed: PasswordHash, *, now_ms: int) -> None:
    tx.execute(
        "INSERT INTO passwords VALUES (?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
        " argon2 = excluded.argon2, stored_key = excluded.stored_key, server_key = excluded.server_key,"
        " changed_at_ms = excluded.changed_at_ms",
        (account, hashed.argon2, hashed.stored_key, hashed.server_key, now_ms),
    )


def find(tx: Transaction, login: str) -> Candidate | None:
    """The account of a login and its password hash; `None` also for a disabled account."""
    return of_login(tx, login)[1]


def find_proven(
    tx: Transaction, login: str, stored_key: bytes, number: int | None
) -> tuple[Candidate, Matched | None] | None:
    """Whoever has shown by SCRAM that they know the password with this key: the account's own (`number` is None), or
    the app password with this number. `None` where the password is another one by now, or the account is disabled:
    between its first message and its last, an exchange takes as long as the client wants."""
    account, own = _of_login(tx, login)
    if account is None or not account.enabled:
        return None
    candidate = _candidate_of(account, own)
    if number is None:
        return (candidate, None) if own.stored_key == stored_key else None
    # Numbers are used again
    held = tx.row("SELECT 1 FROM app_passwords WHERE id = ? AND stored_key = ?", (number, stored_key))
    matched = app_passwords.find(tx, account.id, number) if held else None
    return (candidate, matched) if matched else None


def of_login(tx: Transaction, login: str) -> tuple[Account | None, Candidate | None]:
    """The account of a login, also of one that is disabled; and what `find` finds. As many statements for each
    login."""
    account, own = _of_login(tx, login)
    return account, _candidate_of(account, own) if account and account.enabled else None


def _of_login(tx: Transaction, login: str) -> tuple[Account | None, Own]:
    account = accounts.by_login(tx, login)
    return account, own_password(tx, account.id if account else NOBODY)


def _candidate_of(account: Account, own: Own) -> Candidate:
    return Candidate(account, own.argon2, own.foreign, own.second_factor)


def stand_in(tx: Transaction, login: str, *, secret: bytes) -> str | None:
    """The foreign hash that an unknown login is checked against, so that it costs what a known one may; `None`: it
    costs what most cost.

    It is that of the account whose salt comes next after the login's. So an unknown login looks like some account, the
    same one each time, and each kind of hash is as common among unknown logins as among accounts.
    """
    if tx.row("SELECT 1 FROM foreign_passwords LIMIT 1") is None:
        return None
    account = accounts.by_login(tx, login)  # it may be disabled
    salt = scram_salt(login, secret)
    row = tx.row("SELECT id FROM accounts WHERE scram_salt >= ? ORDER BY scram_salt LIMIT 1", (salt,))
    row = row or tx.row("SELECT id FROM accounts ORDER BY scram_salt LIMIT 1")
    instead = account.id if account else AccountId(row[0]) if row else NOBODY
    return _candidate(tx, instead)[1]


SILENT: Final = (Why.OUTSIDE.value, Why.EXPIRED.value)
"""For the log: why a right app password was refused like a wrong one."""


def scram_keys(
    tx: Transaction, login: str, *, secret: bytes, address: str, now_ms: int
) -> tuple[Account | None, ScramKeys]:
    """The account of a login, also of one that is disabled; and the keys for a SCRAM exchange of it: those of its
    password and of its app passwords, for whatever service. `address`: the client's. The proof of an app password that
    has expired, or may not be used there, is refused as a wrong one is: by then the client has not been told anything.

    For a login that does not exist (or is disabled, or has no password) they are keys that no password matches, with
    the salt that the login always has.
    """
    account = accounts.by_login(tx, login)
    number = account.id if account else NOBODY
    salt, iterations = _scram_parameters(tx, number) or (scram_salt(login, secret), DEFAULT_ITERATIONS)
    pairs = _key_pairs(tx, number, address=address, now_ms=now_ms)
    usable = pairs if account and account.enabled else ()
    return account, ScramKeys(salt, iterations, usable or (_unmatchable_keys(login, secret),))


def scram_parameters(tx: Transaction, account: AccountId) -> tuple[bytes, int]:
    """The account's SCRAM salt and iteration count, for making new keys."""
    found = _scram_parameters(tx, account)
    assert found is not None, "there is no such account"
    return found


def find_salt(tx: Transaction, account: AccountId) -> bytes | None:
    """The account's SCRAM salt; `None` where it was removed meanwhile."""
    salt: bytes | None = tx.value("SELECT scram_salt FROM accounts WHERE id = ?", (account,))
    return salt


def scram_salt(login: str, secret: bytes) -> bytes:
    """The salt of a login: derived, so that it is the same before and after the account is created."""
    key = accounts.login_key(login).encode(errors="replace")
    return hashlib.blake2b(b"salt\0" + key, digest_size=SALT_OCTETS, key=secret).digest()


def _scram_parameters(tx: Transaction, account: AccountId) -> tuple[bytes, int] | None:
    row = tx.row("SELECT scram_salt, scram_iterations FROM accounts WHERE id = ?", (account,))
    return None if row is None else (row[0], row[1])


def _candidate(tx: Transaction, account: AccountId) -> tuple[str | None, str | None]:
    """The account's Argon2 hash; where it has none, its foreign hash."""
    own = own_password(tx, account)
    return own.argon2, own.foreign


def _key_pairs(tx: Transaction, account: AccountId, *, address: str, now_ms: int) -> tuple[KeyPair, ...]:
    own = tx.rows("SELECT stored_key, server_key FROM passwords WHERE account = ?", (account,))
    apps = tx.rows(
        "SELECT stored_key, server_key, id, name, networks, expires_at_ms FROM app_passwords WHERE account = ?"
        " ORDER BY last_used_at_ms DESC",
        (account,),
    )
    of_apps = (
        KeyPair(
            stored,
            server,
            identifier,
            partial(_refusal, networks, address, has_expired=has_expired(expires_at_ms, now_ms=now_ms)),
            name,
        )
        for stored, server, identifier, name, networks, expires_at_ms in apps
    )
    return (*(KeyPair(*row) for row in own), *of_apps)


def _refusal(networks: str, address: str, *, has_expired: bool) -> str:
    if has_expired:
        return Why.EXPIRED.value
    return "" if allowed_networks.permit(networks, address) else Why.OUTSIDE.value


def _unmatchable_keys(login: str, secret: bytes) -> KeyPair:
    octets = hashlib.blake2b(b"keys\0" + login.encode(errors="replace"), digest_size=64, key=secret).digest()
    return KeyPair(octets[:KEY_OCTETS], octets[KEY_OCTETS:])
