"""Octets as text for URLs and fields (RFC 4648 §5)."""

import base64
import string
from typing import Final

ALPHABET: Final = frozenset(string.ascii_letters + string.digits + "-_")


def encoded(octets: bytes) -> str:
    """The octets, without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """The octets of a text, with its padding or without any. Raises ValueError."""
    bare = text.rstrip("=")
    padding = -len(bare) % 4
    if padding == 3 or len(text) - len(bare) not in (0, padding) or not ALPHABET.issuperset(bare):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(bare + "=" * padding)
