"""Creating, changing and removing accounts, in the directory and in the store at once.

What is always true: an account in the directory has its counters and its first mailboxes in the store, created in the
same transaction.
"""

from dataclasses import dataclass, field

from pillarbox.admin import concerns
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.importing import checkpoint
from pillarbox.admin.importing.imap import pulled
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, OPERATOR, may
from pillarbox.contacts import removal
from pillarbox.directory import accounts, aliases, domains, quota, references
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import app_passwords, credential_marks, credentials, foreign_hash, secrets
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.password_hash import ARGON2_SALT_OCTETS, PasswordHash, hash_password
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.mail.identifiers import AccountId
from pillarbox.push import subscriptions
from pillarbox.queue import inspection, submissions
from pillarbox.store import account_counters, mailboxes
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to create, its password already hashed: see `with_password`."""

    address: str
    name: str
    scram_salt: bytes = field(repr=False)
    hashed: PasswordHash = field(repr=False)
    quota_octets: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """An account as shown to the operator."""

    login: str
    name: str
    enabled: bool
    addresses: tuple[str, ...]
    quota_octets: int | None
    """Its own quota, or else its domain's; `None` is no limit."""
    used_octets: int
    messages: int
    app_passwords: int


@may(DOMAIN_ADMINISTRATOR, of=concerns.address("address"))
def salt_for(tx: Transaction, address: str, *, entropy: Entropy) -> bytes:
    """The SCRAM salt for an account with this address."""
    fresh = entropy.token_bytes(secrets.SECRET_OCTETS)
    return credentials.scram_salt(address, secrets.ensure(tx, secrets.CREDENTIALS, fresh))


def with_password(
    address: str, password: str, *, salt: bytes, entropy: Entropy, name: str = ""
) -> NewAccount:
    """Hash the password of an account to create; outside a transaction, since it takes some 30 ms.

    Raises `NameRefused` for a password that can't be used.
    """
    argon2_salt = entropy.token_bytes(ARGON2_SALT_OCTETS)
    hashed = hash_password(password, argon2_salt=argon2_salt, scram_salt=salt)
    return NewAccount(address, name, salt, hashed)


@may(
    DOMAIN_ADMINISTRATOR,
    of=(concerns.address("new.address"), concerns.quota("new.quota_octets", address="new.address")),
)
def create(tx: Transaction, new: NewAccount, *, now_ms: int) -> Account:
    """Create an account with its mailboxes. Raises `NameRefused`."""
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


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login", shown_only=True))
def find(tx: Transaction, login: str) -> Account:
    """The account with this login. Raises `NameRefused`."""
    account = accounts.by_login(tx, login)
    if account is None:
        raise NameRefused(f"there is no account '{login}'; to list all accounts: pillarbox account list")
    return account


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login", shown_only=True))
def profile(tx: Transaction, login: str) -> Profile:
    """One account. Raises `NameRefused`."""
    return _profile(tx, find(tx, login))


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def listing(tx: Transaction, *, domain: str | None = None) -> list[Profile]:
    """All accounts, or those of one domain, by number. Raises `NameRefused` for a domain that is not served."""
    name = None if domain is None else domains.served(tx, domain).name
    found: list[Account] = []
    while page := accounts.listing(tx, after=found[-1].id if found else 0):
        found += page
    wanted = None if name is None else f"@{name}"
    return [_profile(tx, account) for account in found if wanted is None or account.login.endswith(wanted)]


def _profile(tx: Transaction, account: Account) -> Profile:
    usage = account_counters.usage(tx, account.id)
    return Profile(
        login=account.login,
        name=account.name,
        enabled=account.enabled,
        addresses=tuple(accounts.addresses_of(tx, account.id)),
        quota_octets=quota.effective(tx, account.id),
        used_octets=usage.octets,
        messages=usage.messages,
        app_passwords=len(app_passwords.listing(tx, account.id)),
    )


def hash_for(given: str, *, salt: bytes, entropy: Entropy) -> PasswordHash | str:
    """What to store for a hash that another server has made; a password in plain text is hashed at once, outside of a
    transaction. Raises `NameRefused` for what cannot be checked."""
    found = foreign_hash.read(given)
    if not isinstance(found, foreign_hash.PlainPassword):
        return given
    return hash_password(found.password, argon2_salt=entropy.token_bytes(ARGON2_SALT_OCTETS), scram_salt=salt)


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def password_salt(tx: Transaction, login: str) -> bytes:
    """The SCRAM salt for hashing a new password of this account. Raises `NameRefused`."""
    return credentials.scram_parameters(tx, find(tx, login).id)[0]


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def set_password(
    tx: Transaction,
    login: str,
    hashed: PasswordHash | str,
    *,
    now_ms: int,
    keep_sessions: bool = False,
    staying: str = "",
    doing: Doing | None = None,
) -> None:
    """Set the account's password, or a hash of another server that `foreign_hash.read` has accepted.

    What was logged in with another password is logged out, and browsers are, but for the session that changes it
    (`staying`, its id), unless `keep_sessions`; app passwords and their sessions stay. `doing`: the owner is told.
    Raises `NameRefused`.
    """
    account = find(tx, login)
    if isinstance(hashed, str):
        credentials.set_foreign(tx, account.id, hashed, now_ms=now_ms, keep_sessions=keep_sessions)
    else:
        credentials.set_password(
            tx, account.id, hashed, now_ms=now_ms, keep_sessions=keep_sessions, staying=staying
        )
    end_what_was_made_with_others(tx, account.id, now_ms=now_ms)
    tx.touch(account.id)
    if doing is not None:
        doing.tell(tx, account, Purpose.PASSWORD_CHANGED)


@may(OPERATOR)
def end_what_was_made_with_others(tx: Transaction, account: AccountId, *, now_ms: int) -> None:
    """End what logins with passwords that the account has no more have left behind: push subscriptions (RFC 8620
    §7.2)."""
    subscriptions.keep_only(tx, account, credential_marks.valid(tx, account, scope=Scope.JMAP, now_ms=now_ms))


@may(
    DOMAIN_ADMINISTRATOR, of=(concerns.account("login"), concerns.remaining_owner("login", unless="enabled"))
)
def set_enabled(tx: Transaction, login: str, *, enabled: bool) -> None:
    """Enable or disable an account; its mail stays. Raises `NameRefused`."""
    account = find(tx, login)
    accounts.set_enabled(tx, account.id, enabled=enabled)
    tx.touch(account.id)


@may(DOMAIN_ADMINISTRATOR, of=(concerns.account("login"), concerns.quota("quota_octets", login="login")))
def set_quota(tx: Transaction, login: str, quota_octets: int | None) -> None:
    """Set the account's quota; `None` uses the domain's, 0 means no limit. Raises `NameRefused`."""
    account = find(tx, login)
    quota.set_account_quota(tx, account.id, quota_octets)
    tx.touch(account.id)


@may(DOMAIN_ADMINISTRATOR, of=(concerns.account("login"), concerns.address("address")))
def add_address(tx: Transaction, login: str, address: str) -> list[str]:
    """Add an address to the account; return which aliases into its domain lead nowhere. Raises `NameRefused`."""
    accounts.add_address(tx, find(tx, login).id, address)
    return references.dangling(tx, address)


@may(DOMAIN_ADMINISTRATOR, of=(concerns.account("login"), concerns.address("address")))
def remove_address(tx: Transaction, login: str, address: str) -> list[str]:
    """Remove an address from the account; return which aliases into its domain lead nowhere now.

    Raises `NameRefused`.
    """
    accounts.remove_address(tx, find(tx, login).id, address)
    return references.dangling(tx, address)


@dataclass(frozen=True, slots=True)
class Removed:
    """What pointed to an account that was removed."""

    aliases: tuple[str, ...]
    """From which it was removed."""
    aliases_removed: tuple[str, ...]
    """That had no other target."""
    groups: tuple[str, ...]
    """That had it as a member."""
    postmaster_of: dict[str, str | None]
    """Domains, with the account that reads postmaster's mail from now on."""
    queued: int
    """Messages from it that are still to be delivered elsewhere."""


@may(
    DOMAIN_ADMINISTRATOR,
    of=(concerns.account("login"), concerns.remaining_owner("login"), concerns.leading_aliases("login")),
)
def remove(tx: Transaction, login: str, *, detach: bool = False) -> Removed:
    """Remove an account and all its mail permanently.

    `detach`: also from the aliases that lead to it, and those that lead nowhere else. Raises `NameRefused`, also where
    such aliases are left.
    """
    account = find(tx, login)
    pointing = references.to_account(tx, account.id)
    if pointing and not detach:
        raise NameRefused(
            f"mail for {', '.join(dict.fromkeys(one.alias for one in pointing))} goes to {account.login}. "
            "Change that first (pillarbox alias set), or remove it from there as well: --detach"
        )
    references.detach(tx, pointing)
    left = {one.alias for one in pointing if aliases.targets(tx, one.key)}
    groups = tx.rows(
        "SELECT g.name FROM member_groups g JOIN group_members m ON m.group_id = g.id WHERE m.account = ?"
        " ORDER BY g.name",
        (account.id,),
    )
    postmaster_of = [
        name
        for (name,) in tx.rows("SELECT name FROM domains WHERE postmaster = ? ORDER BY name", (account.id,))
    ]
    _remove(tx, account)
    names = tuple(dict.fromkeys(one.alias for one in pointing))
    return Removed(
        aliases=tuple(name for name in names if name in left),
        aliases_removed=tuple(name for name in names if name not in left),
        groups=tuple(name for (name,) in groups),
        postmaster_of={name: domains.postmaster_login(tx, name) for name in postmaster_of},
        queued=inspection.count_from(tx, account.id),
    )


def _remove(tx: Transaction, account: Account) -> None:
    mailboxes.delete_account(tx, account.id)
    submissions.remove_account(tx, account.id)
    subscriptions.remove_account(tx, account.id)
    removal.remove_account(tx, account.id)
    checkpoint.delete(tx, account.id)
    pulled.delete(tx, account.id)
    accounts.remove(tx, account.id)
