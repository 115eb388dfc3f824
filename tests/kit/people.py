"""A small directory for tests: domains, accounts, and passwords whose hashes are computed once."""

from pillarbox.directory import accounts, domains
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import credentials
from pillarbox.directory.sign_in.password_hash import PasswordHash, hash_password
from pillarbox.world.database import Transaction

NOW_MS = 1_700_000_000_000
SALT = bytes(range(16))

_hashes: dict[str, PasswordHash] = {}


def hashed(password: str) -> PasswordHash:
    """The hash of a password, computed once in a run."""
    if password not in _hashes:
        _hashes[password] = hash_password(password, argon2_salt=SALT, scram_salt=SALT)
    return _hashes[password]


def person(tx: Transaction, address: str, password: str | None = None) -> Account:
    """Create an account, and its domain if needed."""
    domain = address.rpartition("@")[2]
    if domains.get(tx, domain) is None:
        domains.create(tx, domain, now_ms=NOW_MS)
    account = accounts.create(tx, address, scram_salt=SALT, now_ms=NOW_MS)
    if password is not None:
        credentials.set_password(tx, account.id, hashed(password), now_ms=NOW_MS)
    return account
