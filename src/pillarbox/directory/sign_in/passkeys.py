"""Passkeys: public keys whose private halves are kept by phones, computers and security keys (Web Authentication).

A row has nothing secret. Whose passkey it is, an authenticator knows by a handle of random octets, which says nothing
of the account (Web Authentication §14.6.1).
"""

from typing import Any, Final

from msgspec import Struct

from pillarbox.directory.naming import NameRefused, telling_name
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_PER_ACCOUNT: Final = 20
HANDLE_OCTETS: Final = 64
MAX_CREDENTIAL_OCTETS: Final = 1023
"""The longest id of a passkey (Web Authentication §4)."""
MAX_KEY_OCTETS: Final = 2048
AAGUID_OCTETS: Final = 16
MAX_NAME: Final = 64
"""Characters of a name."""
MAX_SIGN_COUNT: Final = 2**32 - 1
TRANSPORTS: Final = ("ble", "hybrid", "internal", "nfc", "smart-card", "usb")
"""How a browser may reach an authenticator; others that it names are not kept (Web Authentication §5.8.4)."""


class Passkey(Struct, frozen=True, gc=False, kw_only=True):
    """One passkey. Times are milliseconds since 1970."""

    id: int
    """Its number, for its owner's list."""
    account: AccountId
    credential: bytes
    """Its id, as its authenticator knows it."""
    public_key: bytes
    """As a COSE key (RFC 9052 §7)."""
    sign_count: int
    """The highest counter that was seen; 0 where the authenticator does not count."""
    name: str
    transports: str
    """Some of `TRANSPORTS`, with spaces between."""
    aaguid: bytes
    """The model of the authenticator; zeros where it does not say."""
    domain: str
    """The relying party id that it was made for: it is of no use for another."""
    verified: bool
    """Whether its authenticator has verified who holds it, when it was made or at a use after a password. Only then it
    may be used alone."""
    backup_eligible: bool
    """Whether it may be on several devices."""
    backed_up: bool
    created_at_ms: int
    last_used_at_ms: int | None
    last_used_address: str | None
    """The IP address of the browser."""
    warned_at_ms: int | None
    """When its counter was first seen not to rise: there may be a copy of it."""


class NewPasskey(Struct, frozen=True, gc=False, kw_only=True):
    """What is known of a passkey that is to be added; see `Passkey`."""

    credential: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: bytes
    domain: str
    verified: bool
    backup_eligible: bool
    backed_up: bool


class Use(Struct, frozen=True, gc=False, kw_only=True):
    """A signature that was right, which is yet to be recorded."""

    id: int
    account: AccountId
    sign_count: int
    """What the authenticator counts."""
    verified: bool
    """Whether the authenticator has verified who holds it."""
    backed_up: bool
    after_password: bool
    """Whether the person has shown the password before."""


class TooManyPasskeys(NameRefused):
    """The account has `MAX_PER_ACCOUNT`."""


class PasskeyTaken(NameRefused):
    """There is a passkey with this id already, of this account or another."""


_COLUMNS: Final = (
    "id, account, credential, public_key, sign_count, name, transports, aaguid, domain, verified, backup_eligible,"
    " backed_up, created_at_ms, last_used_at_ms, last_used_address, warned_at_ms"
)
_OF_ACCOUNT: Final = f"SELECT {_COLUMNS} FROM passkeys WHERE account = ? ORDER BY id"  # noqa: S608 - a constant
_BY_CREDENTIAL: Final = f"SELECT {_COLUMNS} FROM passkeys WHERE credential = ?"  # noqa: S608 - a constant


def ensure_handle(tx: Transaction, account: AccountId, fresh: bytes) -> bytes:
    """By what authenticators know the account; `fresh`, `HANDLE_OCTETS` random octets, becomes it if there is none."""
    assert len(fresh) == HANDLE_OCTETS
    tx.execute("INSERT INTO passkey_handles VALUES (?, ?) ON CONFLICT DO NOTHING", (account, fresh))
    kept: bytes = tx.value("SELECT handle FROM passkey_handles WHERE account = ?", (account,))
    return kept


def handle_of(tx: Transaction, account: AccountId) -> bytes | None:
    """By what authenticators know the account; None where it never had a passkey."""
    kept: bytes | None = tx.value("SELECT handle FROM passkey_handles WHERE account = ?", (account,))
    return kept


def add(tx: Transaction, account: AccountId, new: NewPasskey, *, name: str, now_ms: int) -> Passkey:
    """Add a passkey. An empty name becomes one that says how it is reached.

    Raises `TooManyPasskeys`, `PasskeyTaken`, and `NameRefused` for a name that is in use or can't be shown.
    """
    if len(new.credential) > MAX_CREDENTIAL_OCTETS or len(new.public_key) > MAX_KEY_OCTETS:
        raise NameRefused("a passkey has no such key")
    if tx.row("SELECT 1 FROM passkeys WHERE credential = ?", (new.credential,)):
        raise PasskeyTaken("this passkey is known already")
    names = {known for (known,) in tx.rows("SELECT name FROM passkeys WHERE account = ?", (account,))}
    if len(names) >= MAX_PER_ACCOUNT:
        raise TooManyPasskeys(f"the account already has {MAX_PER_ACCOUNT} passkeys")
    shown = _checked(name, names) if name else _derived(new.transports, names)
    identifier: int = tx.value(
        "INSERT INTO passkeys (account, credential, public_key, sign_count, name, transports, aaguid, domain,"
        " verified, backup_eligible, backed_up, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " RETURNING id",
        (
            account,
            new.credential,
            new.public_key,
            new.sign_count,
            shown,
            " ".join(each for each in TRANSPORTS if each in new.transports),
            new.aaguid,
            new.domain,
            int(new.verified),
            int(new.backup_eligible),
            int(new.backed_up),
            now_ms,
        ),
    )
    return next(one for one in listing(tx, account) if one.id == identifier)


def _derived(transports: tuple[str, ...], names: set[str]) -> str:
    kind = "Passkey"
    if "internal" not in transports and not {"usb", "nfc", "ble"}.isdisjoint(transports):
        kind = "Security key"
    numbered = (kind, *(f"{kind} {number}" for number in range(2, MAX_PER_ACCOUNT + 2)))
    return next(name for name in numbered if name not in names)


def _checked(name: str, others: set[str]) -> str:
    if len(name) > MAX_NAME:
        raise NameRefused(f"a passkey's name has at most {MAX_NAME} characters")
    telling_name(name, "a passkey")
    if name in others:
        raise NameRefused(f"the account has a passkey '{name}' already")
    return name


def listing(tx: Transaction, account: AccountId) -> list[Passkey]:
    """The account's passkeys, oldest first."""
    return [_passkey(row) for row in tx.rows(_OF_ACCOUNT, (account,))]


def count(tx: Transaction, account: AccountId) -> int:
    """How many passkeys the account has."""
    number: int = tx.value("SELECT COUNT(*) FROM passkeys WHERE account = ?", (account,))
    return number


def by_credential(tx: Transaction, credential: bytes) -> Passkey | None:
    """The passkey with this id, of whatever account that may log in."""
    row = tx.row(_BY_CREDENTIAL, (credential,))
    if row is None:
        return None
    found = _passkey(row)
    enabled = tx.value("SELECT enabled FROM accounts WHERE id = ?", (found.account,))
    return found if enabled else None


def _passkey(row: tuple[Any, ...]) -> Passkey:
    (
        number,
        account,
        credential,
        public_key,
        sign_count,
        name,
        transports,
        aaguid,
        domain,
        verified,
        eligible,
        backed_up,
        created,
        used,
        address,
        warned,
    ) = row
    return Passkey(
        id=number,
        account=account,
        credential=credential,
        public_key=public_key,
        sign_count=sign_count,
        name=name,
        transports=transports,
        aaguid=aaguid,
        domain=domain,
        verified=verified == 1,
        backup_eligible=eligible == 1,
        backed_up=backed_up == 1,
        created_at_ms=created,
        last_used_at_ms=used,
        last_used_address=address,
        warned_at_ms=warned,
    )


# --- uses


def record_use(tx: Transaction, use: Use, *, address: str, now_ms: int) -> bool | None:
    """Record that a passkey was used, in the transaction that completes what it was used for.

    Returns whether its counter is as it should be: it rises, or is always 0. Otherwise there may be a copy of the
    passkey: the counter that was seen is kept, and its owner is warned (Web Authentication §7.2, step 22). None where
    the passkey was removed meanwhile: then nothing may be completed.
    """
    row = tx.row("SELECT sign_count FROM passkeys WHERE id = ? AND account = ?", (use.id, use.account))
    if row is None:
        return None
    before: int = row[0]
    is_fine = use.sign_count > before or use.sign_count == before == 0
    tx.execute(
        "UPDATE passkeys SET sign_count = ?, backed_up = ?, verified = CASE WHEN ? = 1 THEN 1 ELSE verified END,"
        " last_used_at_ms = ?, last_used_address = ?,"
        " warned_at_ms = CASE WHEN ? = 1 THEN warned_at_ms ELSE coalesce(warned_at_ms, ?) END WHERE id = ?",
        (
            use.sign_count if is_fine else before,
            int(use.backed_up),
            int(use.verified and use.after_password),
            now_ms,
            address,
            int(is_fine),
            now_ms,
            use.id,
        ),
    )
    return is_fine


def warned_since(tx: Transaction, account: AccountId, since_ms: int) -> int:
    """How many of the account's passkeys may have been copied, as was first seen after this time."""
    number: int = tx.value(
        "SELECT COUNT(*) FROM passkeys WHERE account = ? AND warned_at_ms > ?", (account, since_ms)
    )
    return number


# --- what its owner does with it


def rename(tx: Transaction, account: AccountId, identifier: int, name: str) -> bool:
    """Give a passkey another name; returns whether it exists. Raises `NameRefused`."""
    others = {one.name for one in listing(tx, account) if one.id != identifier}
    changed = tx.execute(
        "UPDATE passkeys SET name = ? WHERE account = ? AND id = ?",
        (_checked(name, others), account, identifier),
    )
    return changed == 1


def remove(tx: Transaction, account: AccountId, identifier: int) -> bool:
    """Remove a passkey; returns whether it existed."""
    return tx.execute("DELETE FROM passkeys WHERE account = ? AND id = ?", (account, identifier)) == 1


def of_other_domains(tx: Transaction, domain: str) -> int:
    """How many passkeys were made for another relying party id than this one, and so are of no use."""
    number: int = tx.value("SELECT COUNT(*) FROM passkeys WHERE domain <> ?", (domain,))
    return number
