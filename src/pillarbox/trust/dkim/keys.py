"""Signing keys as text: private ones as PEM, public ones as records for the DNS."""

import binascii
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pillarbox.trust.signatures import arithmetic
from pillarbox.trust.signatures.arithmetic import PrivateKey
from pillarbox.trust.signatures.signature import key_name
from pillarbox.trust.signatures.signing_key import SigningKey

MAX_STRING_OCTETS: Final = 255
"""Of a string in a TXT record (RFC 1035 §3.3)."""
MAX_PEM_OCTETS: Final = 16 * 1024


class NotASigningKey(ValueError):
    """The text is no private key that can sign; it says why, and nothing of the key."""


def to_pem(key: PrivateKey) -> str:
    """A private key as PKCS #8, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def from_pem(text: str, *, ours: bool = False) -> PrivateKey:
    """A private key, of PKCS #8 or of the older `RSA PRIVATE KEY`. Raises `NotASigningKey`.

    `ours`: it was made here and kept since, so its numbers are not proven anew, which takes OpenSSL 40 milliseconds.
    """
    if len(text) > MAX_PEM_OCTETS:
        raise NotASigningKey(f"longer than {MAX_PEM_OCTETS} octets")
    try:
        key = load_pem_private_key(text.encode(), password=None, unsafe_skip_rsa_key_validation=ours)
    except Exception:  # which ones there are depends on the key; TypeError for one that is encrypted
        raise NotASigningKey("no private key in PEM, or one that is encrypted") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise NotASigningKey("neither RSA nor Ed25519")
    if isinstance(key, RSAPrivateKey) and not (
        arithmetic.MIN_RSA_BITS <= key.key_size <= arithmetic.MAX_RSA_BITS
    ):
        raise NotASigningKey(
            f"{key.key_size} bits; verifiers take {arithmetic.MIN_RSA_BITS} to {arithmetic.MAX_RSA_BITS}"
        )
    return key


def record_text(key: PrivateKey) -> str:
    """The text of the TXT record for the public key (RFC 6376 §3.6.1, RFC 8463 §4.2)."""
    public = key.public_key()
    if isinstance(key, RSAPrivateKey):
        kind, octets = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, octets = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return f"v=DKIM1; k={kind}; p={binascii.b2a_base64(octets, newline=False).decode()}"


def strings(text: str) -> tuple[str, ...]:
    """The text of a TXT record in strings; they are joined without anything between (RFC 6376 §3.6.2.2)."""
    return tuple(text[at : at + MAX_STRING_OCTETS] for at in range(0, len(text), MAX_STRING_OCTETS))


def zone_text(key: SigningKey) -> str:
    """The record as a line of a zone file (RFC 1035 §5.1)."""
    quoted = " ".join(f'"{string}"' for string in strings(record_text(key.key)))
    return f"{key_name(key.selector, key.domain)}. IN TXT ( {quoted} )"
