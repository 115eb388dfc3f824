"""The key by which push services know this provider (RFC 8292), made once for an installation.

It is in the database, so that all workers and a backup have it: a push service takes messages for a subscription only
from the key with which it was made, so that without the key all subscriptions are lost. It is never written to a log.
"""

from typing import Any

from msgspec import Struct

from pillarbox.protocol.webpush.p256 import SCALAR_OCTETS, is_scalar
from pillarbox.world.database.failures import ValuesDamaged
from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

VAPID_KEYS = Topic("vapid_keys")
"""A key was made."""


class VapidKey(Struct, frozen=True, gc=False):
    """A key pair of P-256."""

    number: int
    """Its own; a later key has a higher one."""
    scalar: bytes
    """The private key, of `SCALAR_OCTETS`."""
    made_at_ms: int

    def __repr__(self) -> str:
        return f"VapidKey({self.number})"


_COLUMNS = "number, scalar, made_at_ms"
_LATEST = f"SELECT {_COLUMNS} FROM vapid_keys ORDER BY number DESC LIMIT 1"  # noqa: S608  (constant)
_NUMBERED = f"SELECT {_COLUMNS} FROM vapid_keys WHERE number = ?"  # noqa: S608  (constant)


def vapid_key(tx: Transaction) -> VapidKey | None:
    """The key that is in use, if one was made. Raises `ValuesDamaged` where it is none."""
    return _read(tx.row(_LATEST))


def numbered(tx: Transaction, number: int) -> VapidKey | None:
    """The key of a subscription that was made with it, if it is still kept. Raises `ValuesDamaged`."""
    return _read(tx.row(_NUMBERED, (number,)))


def ensure(tx: Transaction, fresh: bytes, *, now_ms: int) -> VapidKey:
    """The key that is in use; `fresh`, a scalar, becomes it where there is none yet. Raises `ValuesDamaged`."""
    return vapid_key(tx) or replace(tx, fresh, now_ms=now_ms)


def replace(tx: Transaction, fresh: bytes, *, now_ms: int) -> VapidKey:
    """Use another key, a scalar, from now on. Clients then have to subscribe anew (RFC 9749 §5)."""
    assert len(fresh) == SCALAR_OCTETS
    number: int = tx.value(
        "INSERT INTO vapid_keys (scalar, made_at_ms) VALUES (?, ?) RETURNING number", (fresh, now_ms)
    )
    tx.announce(VAPID_KEYS)
    return VapidKey(number, fresh, now_ms)


def _read(row: tuple[Any, ...] | None) -> VapidKey | None:
    if row is None:
        return None
    number, scalar, made_at_ms = row
    if type(scalar) is not bytes or not is_scalar(scalar):
        raise ValuesDamaged("the key for push services is damaged: pillarbox fsck --repair drops it")
    return VapidKey(number, scalar, made_at_ms)
