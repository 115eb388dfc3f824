"""Tokens of links that are sent to people: 256 random bits. Only their digests are stored.

They are random, so a digest that is fast to compute is enough: none is found by guessing.
"""

import base64
import hashlib
from typing import Final

from pillarbox.world.entropy import Entropy

RANDOM_OCTETS: Final = 32
TOKEN_CHARACTERS: Final = 43
DIGEST_OCTETS: Final = 32
_ALPHABET: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def _new_token(entropy: Entropy) -> str:
    """43 letters, digits, `-` and `_` (base64url without padding, RFC 4648 §5)."""
    return base64.urlsafe_b64encode(entropy.token_bytes(RANDOM_OCTETS)).decode("ascii").rstrip("=")


def issue(entropy: Entropy) -> tuple[str, bytes]:
    """A new token, and its digest."""
    token = _new_token(entropy)
    return token, hashlib.sha256(token.encode("ascii")).digest()


def digest_of(token: str) -> bytes | None:
    """The SHA-256 of a token; `None` for what cannot be one."""
    if len(token) != TOKEN_CHARACTERS or not _ALPHABET.issuperset(token):
        return None
    return hashlib.sha256(token.encode("ascii")).digest()
