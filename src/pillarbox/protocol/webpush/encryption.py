"""The body of a push message: the content coding `aes128gcm` (RFC 8188) with the keys of RFC 8291.

    salt (16) | record size (4) | length of the key (1) | our public key (65) | one record

The record is the text and an octet 2, encrypted; its tag has 16 octets. All of it has 4096 octets at most: a push
service need not take what is longer (RFC 8030 §7.2).
"""

import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDH
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pillarbox.protocol.webpush import p256
from pillarbox.protocol.webpush.p256 import POINT_OCTETS

CONTENT_ENCODING: Final = "aes128gcm"
SALT_OCTETS: Final = 16
MAX_BODY_OCTETS: Final = 4096
HEADER_OCTETS: Final = SALT_OCTETS + 4 + 1 + POINT_OCTETS
_TAG_OCTETS: Final = 16
MAX_PLAIN_OCTETS: Final = MAX_BODY_OCTETS - HEADER_OCTETS - 1 - _TAG_OCTETS
_LAST_RECORD: Final = b"\2"
_KEY_OCTETS: Final = 16
_NONCE_OCTETS: Final = 12


class PlainTooLong(ValueError):
    """The text has more than `MAX_PLAIN_OCTETS`."""


def encrypt(plain: bytes, *, p256dh: bytes, auth: bytes, private: bytes, salt: bytes) -> bytes:
    """The body of a message for a client; takes a fifth of a millisecond.

    `p256dh`, `auth`: the client's, as in `ClientKeys`. `private`: a scalar made of chance for this message alone
    (`p256.scalar_of`); never the one that signs (RFC 8292 §3.2). `salt`: `SALT_OCTETS` of chance, also for this message
    alone. Raises `PlainTooLong`, or `KeyRefused`.
    """
    assert len(salt) == SALT_OCTETS
    if len(plain) > MAX_PLAIN_OCTETS:
        raise PlainTooLong(f"{len(plain)} octets, of {MAX_PLAIN_OCTETS} at most")
    ours, theirs = p256.private_key(private), p256.public_key(p256dh)
    point = p256.point_of(ours)
    material = _material(ours.exchange(ECDH(), theirs), auth, p256dh + point)
    pseudorandom = _hmac(salt, material)
    key = _expand(pseudorandom, b"Content-Encoding: aes128gcm\0", _KEY_OCTETS)
    nonce = _expand(pseudorandom, b"Content-Encoding: nonce\0", _NONCE_OCTETS)
    header = salt + MAX_BODY_OCTETS.to_bytes(4, "big") + bytes([POINT_OCTETS]) + point
    return header + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def _material(shared: bytes, auth: bytes, points: bytes) -> bytes:
    """RFC 8291 §3.4: what keys are derived from: the shared secret, the client's secret and both public keys."""
    return _expand(_hmac(auth, shared), b"WebPush: info\0" + points, 32)


def _expand(key: bytes, info: bytes, octets: int) -> bytes:
    """HKDF-Expand, of one block."""
    return _hmac(key, info + b"\1")[:octets]


def _hmac(key: bytes, message: bytes) -> bytes:
    """HMAC with SHA-256; as HKDF-Extract, `key` is the salt."""
    return hmac.digest(key, message, "sha256")
