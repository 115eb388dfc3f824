"""The keys that sign mail (DKIM), by domain.

A key is `next` until the DNS has its record, `active` while it signs, and `retired` while mail that it signed may still
be verified; then it is removed. A domain signs with all of its active keys, one of each algorithm as a rule.

Private keys are in the database and not in files beside it: a command that root runs makes them while a server runs as
another user, a backup has them, and so has every worker. The database has the mode 0600.
"""

from enum import StrEnum

from msgspec import Struct

from pillarbox.directory.naming import NameRefused
from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

SIGNING_KEYS = Topic("signing_keys")
"""Keys were added, activated, retired or removed."""


class KeyState(StrEnum):
    """What a key is for."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


class DkimKey(Struct, frozen=True, gc=False):
    """One key."""

    domain: str
    """A domain that is served, in lower-case A-labels."""
    selector: str
    algorithm: str
    """As in `a=` (RFC 6376 §3.5): `rsa-sha256` or `ed25519-sha256`."""
    pem: str
    """The private key, as PKCS #8."""
    state: KeyState
    made_at_ms: int
    since_ms: int
    """When it came into its state."""

    def __repr__(self) -> str:
        return f"DkimKey({self.selector}._domainkey.{self.domain}, {self.algorithm}, {self.state})"


_COLUMNS = "domain, selector, algorithm, pem, state, made_at_ms, since_ms"
_ORDER = "ORDER BY domain, made_at_ms, algorithm DESC, selector"
_ALL = f"SELECT {_COLUMNS} FROM dkim_keys {_ORDER}"  # noqa: S608  (constants)
_OF_DOMAIN = f"SELECT {_COLUMNS} FROM dkim_keys WHERE domain = ? {_ORDER}"  # noqa: S608  (constants)


def add(tx: Transaction, key: DkimKey) -> None:
    """Keep a key. Raises `NameRefused` where the domain has one by this selector."""
    taken = tx.value("SELECT 1 FROM dkim_keys WHERE domain = ? AND selector = ?", (key.domain, key.selector))
    if taken:
        raise NameRefused(f"'{key.domain}' already has a key '{key.selector}'")
    tx.execute(
        f"INSERT INTO dkim_keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  (constant)
        (key.domain, key.selector, key.algorithm, key.pem, key.state.value, key.made_at_ms, key.since_ms),
    )
    tx.announce(SIGNING_KEYS)


def listing(tx: Transaction, domain: str | None = None) -> list[DkimKey]:
    """The keys of a domain, or of all, by domain and age; RSA first, since some verifiers stop at others."""
    rows = tx.rows(_ALL) if domain is None else tx.rows(_OF_DOMAIN, (domain,))
    return [
        DkimKey(name, selector, algorithm, pem, _state(state), made_at_ms, since_ms)
        for name, selector, algorithm, pem, state, made_at_ms, since_ms in rows
    ]


def active(tx: Transaction, domain: str) -> list[DkimKey]:
    """The keys that sign for a domain."""
    return [key for key in listing(tx, domain) if key.state is KeyState.ACTIVE]


def _state(value: str) -> KeyState:
    """A state that is damaged is that of a key which does not sign, as `values` repairs it."""
    try:
        return KeyState(value)
    except ValueError:
        return KeyState.RETIRED


def move(tx: Transaction, key: DkimKey, state: KeyState, *, now_ms: int) -> None:
    """Give a key another state."""
    tx.execute(
        "UPDATE dkim_keys SET state = ?, since_ms = ? WHERE domain = ? AND selector = ?",
        (state.value, now_ms, key.domain, key.selector),
    )
    tx.announce(SIGNING_KEYS)


def remove(tx: Transaction, domain: str, selector: str) -> bool:
    """Forget a key. Returns whether there was one."""
    removed = tx.execute("DELETE FROM dkim_keys WHERE domain = ? AND selector = ?", (domain, selector))
    tx.announce(SIGNING_KEYS)
    return bool(removed)


def remove_all(tx: Transaction, domain: str) -> None:
    """Forget the keys of a domain that is no longer served."""
    if tx.execute("DELETE FROM dkim_keys WHERE domain = ?", (domain,)):
        tx.announce(SIGNING_KEYS)
