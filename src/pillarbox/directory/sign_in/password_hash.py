"""Hashing passwords for storage: an Argon2id hash and SCRAM keys, made together.

Argon2id with 19 MiB, two passes, one lane (RFC 9106, in the profile for many logins): some 20 ms of a core, so it
runs in threads, never in the loop. SCRAM keys resist guessing less well, but without them every client would have to
send its password; both are written in the same row, so they always match.
"""

from dataclasses import dataclass, field

from pillarbox.directory.naming import NameRefused
from pillarbox.protocol.sasl.identity import MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_stored
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, server_keys

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
HASH_OCTETS = 32
ARGON2_SALT_OCTETS = 16


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """What is stored for one password."""

    argon2: str = field(repr=False)
    """In the PHC string form: algorithm, parameters, salt and hash."""
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


def hash_password(password: str, *, argon2_salt: bytes, scram_salt: bytes) -> PasswordHash:
    """Hash a new password. Slow by design: some 30 ms. Raises `NameRefused` for one that cannot be used.

    `scram_salt` is the account's (see `credentials.scram_salt`).
    """
    prepared = _prepare_new(password)
    keys = server_keys(prepared, scram_salt, DEFAULT_ITERATIONS)
    return PasswordHash(argon2_hash(prepared, argon2_salt), keys.stored_key, keys.server_key)


def argon2_hash(prepared: str, salt: bytes) -> str:
    """Argon2id of a prepared password, as a PHC string."""
    from argon2.low_level import Type, hash_secret

    return hash_secret(
        prepared.encode(),
        salt,
        time_cost=PASSES,
        memory_cost=MEMORY_KIB,
        parallelism=LANES,
        hash_len=HASH_OCTETS,
        type=Type.ID,
    ).decode()


def argon2_matches(argon2: str, prepared: str) -> bool:
    """Whether this prepared password matches that hash. As slow as hashing; runs without the GIL."""
    from argon2.exceptions import VerificationError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(argon2.encode(), prepared.encode(), Type.ID)
    except VerificationError:
        return False


def _prepare_new(password: str) -> str:
    if len(password.encode(errors="replace")) > MAX_PASSWORD_OCTETS:
        raise NameRefused(f"the password is over {MAX_PASSWORD_OCTETS} octets")
    try:
        # RFC 4013 §2.5: a password kept for comparison is a "stored string".
        prepared = prepare_stored(password)
    except PreparationFailed as failed:
        raise NameRefused(f"the password contains {failed}") from None
    if not prepared:
        raise NameRefused("the password is empty")
    return prepared
