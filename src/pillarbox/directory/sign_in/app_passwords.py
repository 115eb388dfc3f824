"""App passwords: one for each program, random, limited to what it needs, and revoked separately.

What limits one: services (`Scope`), an expiry, networks (`allowed_networks`), and that it may only read.

Since they are random (100 bits) they need no slow hash: BLAKE2b keyed with a secret of the installation suffices, and
one index look-up checks them. Their SCRAM keys use the account's salt, so that SCRAM clients can use them as well
(see `credentials.scram_keys`).
"""

import base64
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from pillarbox.directory.naming import NameRefused, telling_name
from pillarbox.directory.sign_in import allowed_networks
from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.scram_keys import server_keys
from pillarbox.world.database.transaction import Transaction

RANDOM_OCTETS = 13
"""Random octets for one app password: 104 bits, of which its 20 letters hold 100."""
_LETTERS = 20
MAX_PER_ACCOUNT = 100


class Scope(StrEnum):
    """The services that a credential is valid for. `mail` means all of them, those of `dav` and `sieve` as well, which
    are not served yet."""

    MAIL = "mail"
    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"
    JMAP = "jmap"
    DAV = "dav"
    SIEVE = "sieve"


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An app password as listed to its owner; the password itself is shown only once, when created."""

    id: int
    name: str
    scopes: frozenset[Scope]
    created_at_ms: int
    expires_at_ms: int | None
    read_only: bool
    networks: tuple[str, ...]
    """None: it may be used from everywhere."""
    last_used_at_ms: int | None
    last_used_address: str | None
    """The IP address of the client; empty for a local socket."""
    last_used_scope: str | None
    """The service that was used."""


@dataclass(frozen=True, slots=True)
class Matched:
    """An app password that a client has shown or proven."""

    account: AccountId
    id: int
    name: str
    scopes: frozenset[Scope]
    read_only: bool
    networks: str
    """As `allowed_networks` keeps them."""
    digest: bytes = field(repr=False)
    has_expired: bool = False
    """Then it lets nobody in."""

    def is_for(self, scope: Scope) -> bool:
        """Whether this service may be used with it."""
        return not {scope, Scope.MAIL}.isdisjoint(self.scopes)

    def is_allowed_at(self, address: str) -> bool:
        """Whether a client with this IP address may use it."""
        return allowed_networks.permit(self.networks, address)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a new app password is limited to, beside its services and its expiry."""

    read_only: bool = False
    networks: tuple[str, ...] = ()
    """From where it may be used, as people write networks; none: from everywhere."""


UNLIMITED: Final = Limits()


@dataclass(frozen=True, slots=True)
class AppPasswordHash:
    """What is stored for one app password."""

    digest: bytes
    stored_key: bytes
    server_key: bytes


def format_app_password(random: bytes) -> str:
    """An app password from `RANDOM_OCTETS` random octets: `abcd-efgh-ijkl-mnop-qrst`."""
    assert len(random) == RANDOM_OCTETS
    letters = base64.b32encode(random).decode("ascii").lower()[:_LETTERS]
    return "-".join(letters[at : at + 4] for at in range(0, _LETTERS, 4))


def digest_of(presented: str, secret: bytes) -> bytes | None:
    """The keyed digest of a possible app password, or `None` for what cannot be one.

    Hyphens, spaces and case are ignored: people type these by hand.
    """
    letters = presented.replace("-", "").replace(" ", "").lower()
    if len(letters) != _LETTERS or not (letters.isascii() and letters.isalnum()):
        return None
    return hashlib.blake2b(letters.encode(), digest_size=32, key=secret).digest()


def hash_app_password(password: str, *, secret: bytes, scram_salt: bytes, iterations: int) -> AppPasswordHash:
    """Hash a password of `format_app_password`. Takes some 5 ms, for the SCRAM keys."""
    digest = digest_of(password, secret)
    assert digest is not None, "not an app password"
    keys = server_keys(password, scram_salt, iterations)
    return AppPasswordHash(digest, keys.stored_key, keys.server_key)


def add(
    tx: Transaction,
    account: AccountId,
    hashed: AppPasswordHash,
    *,
    name: str,
    scopes: frozenset[Scope],
    now_ms: int,
    expires_at_ms: int | None = None,
    limits: Limits = UNLIMITED,
) -> int:
    """Store a new app password; returns its number. Raises `NameRefused`, also beyond `MAX_PER_ACCOUNT`."""
    telling_name(name, "an app password")
    allowed = allowed_networks.joined(limits.networks)
    if tx.row("SELECT 1 FROM app_passwords WHERE account = ? AND name = ?", (account, name)):
        raise NameRefused(
            f"the account has an app password '{name}' already: revoke it, or choose another name"
        )
    count = tx.value("SELECT COUNT(*) FROM app_passwords WHERE account = ?", (account,))
    if count >= MAX_PER_ACCOUNT:
        raise NameRefused(f"the account already has {MAX_PER_ACCOUNT} app passwords")
    identifier: int = tx.value(
        "INSERT INTO app_passwords (account, name, scopes, digest, stored_key, server_key, created_at_ms,"
        " expires_at_ms, read_only, networks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            account,
            name,
            " ".join(sorted(scopes)),
            hashed.digest,
            hashed.stored_key,
            hashed.server_key,
            now_ms,
            expires_at_ms,
            int(limits.read_only),
            allowed,
        ),
    )
    return identifier


def listing(tx: Transaction, account: AccountId) -> list[AppPassword]:
    """The account's app passwords, oldest first."""
    rows = tx.rows(
        "SELECT id, name, scopes, created_at_ms, expires_at_ms, read_only, networks, last_used_at_ms,"
        " last_used_address, last_used_scope FROM app_passwords WHERE account = ? ORDER BY id",
        (account,),
    )
    return [
        AppPassword(
            number,
            name,
            _scopes(scopes),
            created,
            expires,
            bool(read_only),
            tuple(networks.split()),
            *last_used,
        )
        for number, name, scopes, created, expires, read_only, networks, *last_used in rows
    ]


def revoke(tx: Transaction, account: AccountId, identifier: int) -> bool:
    """Revoke an app password at once, and end the sessions that it has opened; returns whether it existed."""
    existed = tx.execute("DELETE FROM app_passwords WHERE account = ? AND id = ?", (account, identifier)) == 1
    if existed:
        # Numbers are used again, and the next one is another device
        tx.execute("DELETE FROM devices WHERE account = ? AND app_password = ?", (account, identifier))
        announce_withdrawal(tx)
    return existed


def matching(tx: Transaction, digest: bytes, *, now_ms: int) -> Matched | None:
    """The app password with this digest, of whatever account and for whatever service, also where it has
    expired."""
    row = tx.row(
        "SELECT account, id, name, scopes, read_only, networks, digest, expires_at_ms FROM app_passwords"
        " WHERE digest = ?",
        (digest,),
    )
    return None if row is None else _matched(row, has_expired=has_expired(row[-1], now_ms=now_ms))


def find(tx: Transaction, account: AccountId, identifier: int) -> Matched | None:
    """The account's app password with this number; None where it was revoked."""
    row = tx.row(
        "SELECT account, id, name, scopes, read_only, networks, digest FROM app_passwords WHERE account = ? AND id = ?",
        (account, identifier),
    )
    return None if row is None else _matched(row)


def name_of(tx: Transaction, account: AccountId, identifier: int) -> str | None:
    """The name of the account's app password with this number; None where it was revoked."""
    name: str | None = tx.value(
        "SELECT name FROM app_passwords WHERE account = ? AND id = ?", (account, identifier)
    )
    return name


def _matched(row: tuple[Any, ...], *, has_expired: bool = False) -> Matched:
    account, identifier, name, scopes, read_only, networks, digest, *_ = row
    return Matched(account, identifier, name, _scopes(scopes), bool(read_only), networks, digest, has_expired)


def has_expired(expires_at_ms: int | None, *, now_ms: int) -> bool:
    """Whether a stored app password is of no use any more."""
    return expires_at_ms is not None and now_ms >= expires_at_ms


def is_valid(scopes: str, expires_at_ms: int | None, *, scope: Scope, now_ms: int) -> bool:
    """Whether a stored app password is valid for `scope` at this time."""
    if has_expired(expires_at_ms, now_ms=now_ms):
        return False
    return not {scope, Scope.MAIL}.isdisjoint(_scopes(scopes))


def mark_used(tx: Transaction, identifier: int, *, address: str, scope: str, now_ms: int) -> None:
    """Record its use, for its owner's list: when, from which IP address, and for what."""
    tx.execute(
        "UPDATE app_passwords SET last_used_at_ms = ?, last_used_address = ?, last_used_scope = ? WHERE id = ?",
        (now_ms, allowed_networks.plain_address(address), str(scope), identifier),
    )


def _scopes(text: str) -> frozenset[Scope]:
    return frozenset(map(Scope, text.split()))
