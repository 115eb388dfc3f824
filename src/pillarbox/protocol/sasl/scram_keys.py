"""SCRAM's keys, proofs and signatures with SHA-256 (RFC 5802 §3, RFC 7677 §3).

`StoredKey` checks a client's proof and `ServerKey` proves the server; neither reveals the password, and a thief of
them can impersonate the server but not the client.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

# RFC 7677 §4 names 15 000 as a rule of thumb of 2015, and 4096 as the minimum.
DEFAULT_ITERATIONS = 15_000
"""Iterations for new keys. Every account should have the same number, or it would show which accounts exist."""
SALT_OCTETS = 16
KEY_OCTETS = 32


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What a server keeps for one password."""

    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    credential: int | None = None
    """The caller's number for it, returned in `Success`; `None` for the account's own password."""
    refusal: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    """Asked once it is proven: why its proof is refused as a wrong one is, for the log; empty where it is accepted."""
    name: str = field(default="", repr=False, compare=False)
    """What its owner calls it; goes into the `Failure` where the proof is refused."""


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """The keys of a login: one salt and iteration count, and a key pair for each of its passwords."""

    salt: bytes
    iterations: int
    pairs: tuple[KeyPair, ...]


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client derives from its password for one salt and iteration count."""

    client_key: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


def client_keys(password: str, salt: bytes, iterations: int) -> ClientKeys:
    """Derive a client's keys from a prepared password. Costs `iterations` HMACs: some 5 ms at 15 000."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = _hmac(salted, b"Client Key")
    return ClientKeys(client_key, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))


def server_keys(password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> KeyPair:
    """Derive what the server keeps, from a prepared password. Costs as much as `client_keys`."""
    keys = client_keys(password, salt, iterations)
    return KeyPair(keys.stored_key, keys.server_key)


def client_proof(keys: ClientKeys, auth_message: bytes) -> bytes:
    """`ClientKey XOR HMAC(StoredKey, AuthMessage)`."""
    return _xor(keys.client_key, _hmac(keys.stored_key, auth_message))


def proof_holds(stored_key: bytes, auth_message: bytes, proof: bytes) -> bool:
    """Whether the client knows the ClientKey of `stored_key`."""
    if len(proof) != KEY_OCTETS:
        return False
    client_key = _xor(proof, _hmac(stored_key, auth_message))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)


def server_signature(server_key: bytes, auth_message: bytes) -> bytes:
    """`HMAC(ServerKey, AuthMessage)`: proves that the server has the account's keys."""
    return _hmac(server_key, auth_message)


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(KEY_OCTETS)
