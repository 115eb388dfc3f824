"""Second factors of accounts, with what begins and ends with them: sessions, push subscriptions, recovery codes."""

from dataclasses import dataclass, field

from pillarbox.admin import account_letters, accounts, concerns
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.permissions import ANYBODY, DOMAIN_ADMINISTRATOR, ONESELF, OPERATOR, may
from pillarbox.delivery import account_mail
from pillarbox.directory import accounts as directory_accounts
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import (
    browser_sessions,
    devices,
    passkeys,
    recovery_codes,
    second_factors,
    secrets,
    totp,
)
from pillarbox.directory.sign_in.allowed_networks import plain_address
from pillarbox.directory.sign_in.browser_sessions import Method
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey, Use
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """What an account is signed in to with, beside its password."""

    login: str
    one_time_codes: bool
    one_time_codes_since_ms: int | None
    passkeys: int
    recovery_codes: int
    """How many are left."""


@dataclass(frozen=True, slots=True)
class FreshCodes:
    """Recovery codes for an account that has none yet, made before the transaction (`generate`)."""

    codes: list[str] = field(repr=False)
    fresh: bytes = field(repr=False)
    """The secret to digest them with, where the installation has none yet."""


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def find(tx: Transaction, login: str) -> SecondFactors:
    """Those of an account. Raises `NameRefused`."""
    account = accounts.find(tx, login)
    return SecondFactors(
        account.login,
        totp.has(tx, account.id),
        totp.confirmed_at_ms(tx, account.id),
        passkeys.count(tx, account.id),
        recovery_codes.left(tx, account.id),
    )


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def remove(tx: Transaction, login: str, *, doing: Doing | None = None) -> SecondFactors:
    """Remove all of them, recovery codes as well, for somebody who has lost the phone: the password is enough again.
    Returns what there was. `doing`: the owner is told. Raises `NameRefused`."""
    account, before = accounts.find(tx, login), find(tx, login)
    for passkey in passkeys.listing(tx, account.id):
        passkeys.remove(tx, account.id, passkey.id)
    totp.remove(tx, account.id)
    tx.touch(account.id)
    if doing is not None and (before.one_time_codes or before.passkeys):
        doing.tell(tx, account, Purpose.FACTORS_REMOVED)
    return before


@may(ONESELF, of=concerns.account("login"))
def new_recovery_codes(tx: Transaction, login: str, codes: list[str], *, fresh: bytes, now_ms: int) -> None:
    """Store these codes (`generate`) instead of all that the account has. `fresh`: the secret to digest them with,
    where the installation has none yet. Raises `NameRefused`, also for an account without a second factor."""
    account = accounts.find(tx, login)
    if not second_factors.has_second_factor(tx, account.id):
        raise NameRefused(f"'{login}' has no second factor that a recovery code could stand for")
    store_recovery_codes(tx, account.id, codes, fresh=fresh, now_ms=now_ms)


@may(ONESELF, of=concerns.account_number("account"))
def store_recovery_codes(
    tx: Transaction, account: AccountId, codes: list[str], *, fresh: bytes, now_ms: int
) -> None:
    """The same for an account that is known to have one."""
    secret = secrets.ensure(tx, secrets.CREDENTIALS, fresh)
    digests = [recovery_codes.digest_of(code, secret) for code in codes]
    recovery_codes.replace(tx, account, [digest for digest in digests if digest], now_ms=now_ms)


def generate(entropy: Entropy) -> list[str]:
    """New recovery codes, as they are shown."""
    octets = recovery_codes.RANDOM_OCTETS
    return [recovery_codes.format_code(entropy.token_bytes(octets)) for _ in range(recovery_codes.CODES)]


@may(ONESELF, of=concerns.account_number("account"))
def confirm_one_time_codes(
    tx: Transaction,
    account: AccountId,
    secret: bytes,
    step: int,
    *,
    codes: FreshCodes,
    now_ms: int,
    session: str = "",
    doing: Doing | None = None,
) -> list[str] | None:
    """Let a secret count whose code of this step was shown.

    With the account's first second factor, what was opened with its password ends, and it gets recovery codes: `codes`,
    which are returned; otherwise those stay that it has, and the list is empty. `session`: the browser session that
    does it, which stays. `doing`: the owner is told. `None`: that secret waits no more.
    """
    is_first = not second_factors.has_second_factor(tx, account)
    if not totp.confirm(tx, account, secret, step, now_ms=now_ms, session=session):
        return None
    if is_first:
        store_recovery_codes(tx, account, codes.codes, fresh=codes.fresh, now_ms=now_ms)
    end_what_passwords_have_opened(tx, account, now_ms=now_ms, staying=session)
    _tell(tx, account, Purpose.CODES_SET_UP, doing)
    return codes.codes if is_first else []


@may(ONESELF, of=concerns.account_number("account"))
def add_passkey(
    tx: Transaction,
    account: AccountId,
    new: NewPasskey,
    *,
    name: str,
    codes: FreshCodes,
    now_ms: int,
    session: str = "",
    doing: Doing | None = None,
) -> tuple[Passkey, list[str]]:
    """Add a passkey, which counts as second factor from now on; an empty name becomes a fitting one.

    With the account's first second factor it gets recovery codes, and what was opened with its password ends, as
    `confirm_one_time_codes` has it. `doing`: the owner is told. Raises `NameRefused`.
    """
    is_first = not second_factors.has_second_factor(tx, account)
    made = passkeys.add(tx, account, new, name=name, now_ms=now_ms)
    tx.touch(account)
    _tell(tx, account, Purpose.PASSKEY_ADDED, doing, made.name)
    if not is_first:
        return made, []
    store_recovery_codes(tx, account, codes.codes, fresh=codes.fresh, now_ms=now_ms)
    end_what_passwords_have_opened(tx, account, now_ms=now_ms, staying=session)
    return made, codes.codes


@may(ANYBODY)
def use_passkey(tx: Transaction, use: Use, *, address: str, identity: str, now_ms: int) -> bool | None:
    """Record that a passkey was used, and return what `passkeys.record_use` does. Where its counter has not risen, its
    owner gets a mail: one about each passkey, and no more in a day than about new devices, unless these are switched
    off. `identity`: for the mail."""
    is_fine = passkeys.record_use(tx, use, address=address, now_ms=now_ms)
    if is_fine is False and _is_to_be_told(tx, use, now_ms=now_ms):
        owner = directory_accounts.get(tx, use.account)
        name = next(one.name for one in passkeys.listing(tx, use.account) if one.id == use.id)
        if owner is not None:
            letter = account_letters.passkey_may_be_copied(
                owner, name, plain_address(address), identity=identity, now_ms=now_ms
            )
            account_mail.send(tx, letter)
    return is_fine


def _is_to_be_told(tx: Transaction, use: Use, *, now_ms: int) -> bool:
    warned = [one.warned_at_ms for one in passkeys.listing(tx, use.account) if one.id == use.id]
    if warned != [now_ms] or not devices.are_notices_wanted(tx, use.account):
        return False
    # This one is counted already
    return passkeys.warned_since(tx, use.account, now_ms - devices.DAY_MS) <= devices.NOTICES_A_DAY


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account_number("account"))
def remove_passkey(
    tx: Transaction, account: AccountId, identifier: int, *, doing: Doing | None = None
) -> bool | None:
    """Remove a passkey; recovery codes go with the last second factor. Returns whether it was the last, after which
    the password alone is enough; None where there is no such passkey. `doing`: the owner is told."""
    name = next((one.name for one in passkeys.listing(tx, account) if one.id == identifier), "")
    if not passkeys.remove(tx, account, identifier):
        return None
    second_factors.removed(tx, account)
    tx.touch(account)
    _tell(tx, account, Purpose.PASSKEY_REMOVED, doing, name)
    return not second_factors.has_second_factor(tx, account)


def _tell(tx: Transaction, account: AccountId, change: Purpose, doing: Doing | None, name: str = "") -> None:
    owner = directory_accounts.get(tx, account) if doing is not None else None
    if doing is not None and owner is not None:
        doing.tell(tx, owner, change, name=name)


@may(OPERATOR)
def end_what_passwords_have_opened(
    tx: Transaction, account: AccountId, *, now_ms: int, staying: str = ""
) -> None:
    """After an account has got a second factor: end the sessions and push subscriptions that were made with its own
    password alone. Those of app passwords stay, and the browser session that has added it (`staying`; where there is
    none, only those of programs end)."""
    second_factors.added(tx)
    if staying:
        browser_sessions.end_by(tx, account, Method.PASSWORD, but=staying)
    accounts.end_what_was_made_with_others(tx, account, now_ms=now_ms)
    tx.touch(account)
