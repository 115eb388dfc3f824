"""From where an account has logged in before.

An owner at a known address is never slowed by what others do to the account, so nobody can lock an
owner out by guessing. An IPv6 client is its /64: hosts change the rest of the address by themselves.
"""

import ipaddress

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_PER_ACCOUNT = 64
"""Addresses remembered for one account; the longest unseen is forgotten first."""
REMEMBERED_MS = 90 * 24 * 3600 * 1000
"""A client that has not logged in for so long is a stranger again."""


def client_key(address: str) -> str:
    """The part of an IP address that stays with a client; what is no IP address is its own key."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"


def last_seen_at_ms(tx: Transaction, account: AccountId, client: str, *, now_ms: int) -> int | None:
    """When this client last logged in to the account, if it is still remembered."""
    seen: int | None = tx.value(
        "SELECT last_seen_at_ms FROM known_clients WHERE account = ? AND client = ? AND last_seen_at_ms > ?",
        (account, client, now_ms - REMEMBERED_MS),
    )
    return seen


def remember(tx: Transaction, account: AccountId, client: str, *, now_ms: int) -> None:
    """Note a successful login."""
    tx.execute(
        "INSERT INTO known_clients VALUES (?, ?, ?) ON CONFLICT (account, client) DO UPDATE SET"
        " last_seen_at_ms = excluded.last_seen_at_ms",
        (account, client, now_ms),
    )
    tx.execute(
        "DELETE FROM known_clients WHERE account = ? AND client NOT IN (SELECT client FROM known_clients"
        " WHERE account = ? ORDER BY last_seen_at_ms DESC LIMIT ?)",
        (account, account, MAX_PER_ACCOUNT),
    )
