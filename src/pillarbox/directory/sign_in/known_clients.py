"""The addresses from which each account has logged in.

A client at a known address is not throttled because of failed logins of others, so an attacker cannot lock an owner
out by guessing passwords. An IPv6 client is identified by its /64: hosts change the rest of the address by themselves.
"""

import ipaddress
from functools import lru_cache

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_PER_ACCOUNT = 64
"""Addresses stored for one account; the least recently seen is removed first."""
REMEMBERED_MS = 90 * 24 * 3600 * 1000
"""A client that has not logged in for so long is no longer known."""


@lru_cache(maxsize=1024)
def client_key(address: str) -> str:
    """The part of an IP address that identifies a client; anything else is returned unchanged."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"


def is_this_machine(client: str) -> bool:
    """Whether this is `client_key` of a loopback address, or of a local socket."""
    return not client or client.startswith("127.") or client == "::/64"


@lru_cache(maxsize=1024)
def network_key(client: str) -> str:
    """The network of a client, given as `client_key`: a /24 or a /48; anything else is returned unchanged."""
    try:
        parsed = ipaddress.ip_interface(client)
    except ValueError:
        return client
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network((parsed.ip, prefix), strict=False))


def last_seen_at_ms(tx: Transaction, account: AccountId, client: str, *, now_ms: int) -> int | None:
    """When this client last logged in to the account, if it is still known."""
    seen: int | None = tx.value(
        "SELECT last_seen_at_ms FROM known_clients WHERE account = ? AND client = ? AND last_seen_at_ms > ?",
        (account, client, now_ms - REMEMBERED_MS),
    )
    return seen


def remember(tx: Transaction, account: AccountId, client: str, *, now_ms: int) -> None:
    """Record a successful login."""
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
