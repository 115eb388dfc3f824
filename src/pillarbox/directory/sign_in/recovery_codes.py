"""Recovery codes: each lets its owner in once in the place of another second factor, when a phone is lost.

They are random (75 bits), so they need no slow hash: BLAKE2b keyed with a secret of the installation suffices, as for
app passwords. They are made all at once, and shown once.
"""

import hashlib
from typing import Final

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

CODES: Final = 10
"""Made together."""
_LETTERS: Final = 15
_GROUP: Final = 5
RANDOM_OCTETS: Final = 10
"""Random octets for one code, of which its letters hold 75 bits."""
DIGEST_OCTETS: Final = 32
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without l, o, 0 and 1, which look like others."""
_READ_AS: Final = str.maketrans({"l": "i", "1": "i", "-": "", " ": ""})
"""What people who copy a code make of it."""
_MAX_TYPED: Final = 64


def format_code(random: bytes) -> str:
    """A code from `RANDOM_OCTETS` random octets: `abcde-fghij-kmnpq`."""
    assert len(random) == RANDOM_OCTETS
    number = int.from_bytes(random)
    letters = "".join(_ALPHABET[number >> (5 * at) & 31] for at in range(_LETTERS))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))


def digest_of(typed: str, secret: bytes) -> bytes | None:
    """The keyed digest of a possible code, or `None` for what cannot be one. Hyphens, spaces and case are ignored."""
    if len(typed) > _MAX_TYPED:
        return None
    letters = typed.lower().translate(_READ_AS)
    if len(letters) != _LETTERS or not set(letters) <= set(_ALPHABET):
        return None
    return hashlib.blake2b(
        letters.encode(), digest_size=DIGEST_OCTETS, key=secret, person=b"recovery code"
    ).digest()


def replace(tx: Transaction, account: AccountId, digests: list[bytes], *, now_ms: int) -> None:
    """Store new codes instead of all that the account has."""
    tx.execute("DELETE FROM recovery_codes WHERE account = ?", (account,))
    for digest in digests:
        tx.execute(
            "INSERT INTO recovery_codes (account, digest, made_at_ms) VALUES (?, ?, ?)",
            (account, digest, now_ms),
        )


def exists(tx: Transaction, account: AccountId, digest: bytes) -> bool:
    """Whether the account has this code, and has not used it."""
    row = tx.row("SELECT 1 FROM recovery_codes WHERE account = ? AND digest = ?", (account, digest))
    return row is not None


def use(tx: Transaction, account: AccountId, digest: bytes) -> bool:
    """Use a code up; false where that was done already, or it is none."""
    return tx.execute("DELETE FROM recovery_codes WHERE account = ? AND digest = ?", (account, digest)) == 1


def left(tx: Transaction, account: AccountId) -> int:
    """How many codes are left."""
    count: int = tx.value("SELECT COUNT(*) FROM recovery_codes WHERE account = ?", (account,))
    return count
