"""The keys of a subscription: with them, nobody but its client reads what is pushed (RFC 8291 §3, RFC 8620 §7.2)."""

from typing import Final

from msgspec import Struct

from pillarbox.protocol.webpush import base64url, p256
from pillarbox.protocol.webpush.p256 import POINT_OCTETS, KeyRefused

AUTH_OCTETS: Final = 16
_MAX_CHARACTERS: Final = 4 * -(-POINT_OCTETS // 3)
"""Of the longer one, with its padding."""


class ClientKeys(Struct, frozen=True, gc=False):
    """Keys that were looked at."""

    p256dh: bytes
    """The client's public key: an uncompressed point of P-256."""
    auth: bytes
    """A secret of `AUTH_OCTETS`."""

    def __repr__(self) -> str:
        return "ClientKeys()"


def client_keys(p256dh: str, auth: str) -> ClientKeys:
    """The keys as a client writes them, in base64url with or without padding.

    Raises `KeyRefused`, which names the key that is none.
    """
    point, secret = _octets("p256dh", p256dh), _octets("auth", auth)
    try:
        p256.public_key(point)
    except KeyRefused as refused:
        raise KeyRefused(f"p256dh is {refused}") from None
    if len(secret) != AUTH_OCTETS:
        raise KeyRefused(f"auth has not {AUTH_OCTETS} octets")
    return ClientKeys(point, secret)


def _octets(name: str, text: str) -> bytes:
    if len(text) > _MAX_CHARACTERS:
        raise KeyRefused(f"{name} is too long")
    try:
        return base64url.decoded(text)
    except ValueError as wrong:
        raise KeyRefused(f"{name} is {wrong}") from None
