"""App passwords: one for each program, generated here, shown once.

Creating one takes three steps, since deriving its keys takes some 5 ms: read the account's `HashParameters`, generate
the password outside a transaction, and store its hash.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from pillarbox.admin import accounts, concerns
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, may
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import app_passwords, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import UNLIMITED, AppPassword, AppPasswordHash, Limits, Scope
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy


@dataclass(frozen=True, slots=True)
class HashParameters:
    """The parameters for hashing an account's app passwords."""

    secret: bytes = field(repr=False)
    scram_salt: bytes = field(repr=False)
    iterations: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a new app password can be used, and for what beside its services."""

    expires_at_ms: int | None = None
    """In ms since 1970; `None`: until it is revoked."""
    limits: Limits = UNLIMITED


UNTIL_REVOKED: Final = Terms()


@may(ONESELF, of=concerns.account("login"))
def hash_parameters(tx: Transaction, login: str, *, entropy: Entropy) -> HashParameters:
    """Read the parameters; a verb that may write the secret. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    secret = secrets.ensure(tx, secrets.CREDENTIALS, entropy.token_bytes(secrets.SECRET_OCTETS))
    return HashParameters(secret, *credentials.scram_parameters(tx, account.id))


def generate(parameters: HashParameters, *, entropy: Entropy) -> tuple[str, AppPasswordHash]:
    """A new password and its hash."""
    password = app_passwords.format_app_password(entropy.token_bytes(app_passwords.RANDOM_OCTETS))
    hashed = app_passwords.hash_app_password(
        password, secret=parameters.secret, scram_salt=parameters.scram_salt, iterations=parameters.iterations
    )
    return password, hashed


@may(ONESELF, of=concerns.account("login"))
def add(
    tx: Transaction,
    login: str,
    hashed: AppPasswordHash,
    *,
    name: str,
    scopes: Iterable[Scope],
    now_ms: int,
    terms: Terms = UNTIL_REVOKED,
    doing: Doing | None = None,
) -> int:
    """Store an app password under a name; return its number. `doing`: the owner is told. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    number = app_passwords.add(
        tx,
        account.id,
        hashed,
        name=name,
        scopes=frozenset(scopes),
        now_ms=now_ms,
        expires_at_ms=terms.expires_at_ms,
        limits=terms.limits,
    )
    if doing is not None:
        doing.tell(tx, account, Purpose.APP_PASSWORD_MADE, name=name)
    return number


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def listing(tx: Transaction, login: str) -> list[AppPassword]:
    """The account's app passwords, oldest first. Raises `NameRefused`."""
    return app_passwords.listing(tx, accounts.find(tx, login).id)


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def revoke(tx: Transaction, login: str, number: int, *, now_ms: int) -> None:
    """Revoke an app password at once, with the push subscriptions that were made with it. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    if not app_passwords.revoke(tx, account.id, number):
        raise NameRefused(
            f"'{login}' has no app password {number}; to list them: pillarbox app-password list {login}"
        )
    accounts.end_what_was_made_with_others(tx, account.id, now_ms=now_ms)
    tx.touch(account.id)
