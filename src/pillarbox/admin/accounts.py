"""Making and ending accounts: who somebody is in the directory and what they hold in the store, as one.

What is always true: an account in the directory has its ledger and its first mailboxes in the store, made in the
same transaction.
"""

from dataclasses import dataclass, field

from pillarbox.directory import accounts, credentials, secrets
from pillarbox.directory.accounts import Account
from pillarbox.directory.password_hash import ARGON2_SALT_OCTETS, PasswordHash, hash_password
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made, its password hashed already: see `with_password`."""

    address: str
    name: str
    scram_salt: bytes = field(repr=False)
    hashed: PasswordHash = field(repr=False)
    quota_octets: int | None = None


def salt_for(tx: Transaction, address: str, *, entropy: Entropy) -> bytes:
    """The SCRAM salt that an account of this address is to have."""
    fresh = entropy.token_bytes(secrets.SECRET_OCTETS)
    return credentials.scram_salt(address, secrets.ensure(tx, secrets.CREDENTIALS, fresh))


def with_password(
    address: str, password: str, *, salt: bytes, entropy: Entropy, name: str = ""
) -> NewAccount:
    """Hash the password of an account to be made, outside a transaction: it takes some 30 ms.

    Raises ``NameRefused`` for a password that can't be used.
    """
    argon2_salt = entropy.token_bytes(ARGON2_SALT_OCTETS)
    hashed = hash_password(password, argon2_salt=argon2_salt, scram_salt=salt)
    return NewAccount(address, name, salt, hashed)


def create(tx: Transaction, new: NewAccount, *, now_ms: int) -> Account:
    """Make an account with its mailboxes. Raises ``NameRefused``."""
    account = accounts.create(
        tx,
        new.address,
        scram_salt=new.scram_salt,
        now_ms=now_ms,
        name=new.name,
        quota_octets=new.quota_octets,
    )
    credentials.set_password(tx, account.id, new.hashed, now_ms=now_ms)
    mailboxes.create_defaults(tx, account.id, now_ms=now_ms)
    return account
