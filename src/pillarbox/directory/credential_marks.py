"""Marks: what tells one password of an account from any other, and says nothing of it.

A mark is a digest of the stored hash. Hashes are salted or keyed, so a password that is set once more has another mark,
and numbers that are used again are no danger. What somebody makes that is to end with the password of their login is
kept with its mark.
"""

import hashlib
from typing import Final

from pillarbox.directory import app_passwords
from pillarbox.directory.app_passwords import Scope
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

_OCTETS: Final = 12


def mark(stored: str | bytes) -> str:
    """The mark of a password, by its Argon2 hash; of an app password, by its digest."""
    octets = stored.encode() if isinstance(stored, str) else stored
    return hashlib.blake2b(octets, digest_size=_OCTETS, person=b"credential mark").hexdigest()


def valid(tx: Transaction, account: AccountId, *, scope: Scope, now_ms: int) -> dict[str, int | None]:
    """The marks of all passwords by which the account can be logged in to for `scope` now, with the time at which they
    expire, as milliseconds; `None`: they do not. Empty for an account that is disabled."""
    if not tx.value("SELECT enabled FROM accounts WHERE id = ?", (account,)):
        return {}
    found: dict[str, int | None] = {
        mark(argon2): None
        for (argon2,) in tx.rows("SELECT argon2 FROM passwords WHERE account = ?", (account,))
    }
    for digest, scopes, expires_at_ms in tx.rows(
        "SELECT digest, scopes, expires_at_ms FROM app_passwords WHERE account = ?", (account,)
    ):
        if app_passwords.is_valid(scopes, expires_at_ms, scope=scope, now_ms=now_ms):
            found[mark(digest)] = expires_at_ms
    return found
