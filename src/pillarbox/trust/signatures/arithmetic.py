"""RSA and Ed25519 (RFC 6376 §3.3, RFC 8301, RFC 8463 §3), over the SHA-256 of what is signed.

A key whose numbers would make the arithmetic dear is refused before any is done.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pillarbox.trust.results import Result
from pillarbox.trust.signatures.rejected import Rejected

MIN_RSA_BITS: Final = 1024
"""RFC 8301 §3.2: signatures of shorter keys are not valid."""
STRONG_RSA_BITS: Final = 2048
"""RFC 8301 §3.2: what signers should use."""
MAX_RSA_BITS: Final = 4096
"""RFC 8301 §3.2: the longest that must be verified; the cost grows with the square."""
MAX_KEY_OCTETS: Final = 1024
"""Of a public key in DER: one of `MAX_RSA_BITS` has 550."""
_MAX_EXPONENT_BITS: Final = 33
"""65537 is usual, and 2^32 + 1 the largest in use."""
_ED25519_OCTETS: Final = 32

PublicKey = RSAPublicKey | Ed25519PublicKey
PrivateKey = RSAPrivateKey | Ed25519PrivateKey

_PADDING: Final = PKCS1v15()
_DIGEST: Final = Prehashed(SHA256())


def rsa_key(der: bytes) -> RSAPublicKey:
    """A key as SubjectPublicKeyInfo, or as RSAPublicKey (RFC 6376 §3.6.1). Raises `Rejected`."""
    if len(der) > MAX_KEY_OCTETS:
        raise Rejected(Result.POLICY, f"key has more than {MAX_RSA_BITS} bits")
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Rejected(Result.PERMERROR, "key is no RSA key") from None
    if not isinstance(key, RSAPublicKey):
        raise Rejected(Result.PERMERROR, "key is no RSA key")
    if key.key_size > MAX_RSA_BITS:
        raise Rejected(Result.POLICY, f"key has {key.key_size} bits, more than {MAX_RSA_BITS}")
    if key.key_size < MIN_RSA_BITS:
        raise Rejected(Result.POLICY, f"key has {key.key_size} bits, fewer than {MIN_RSA_BITS}")
    if key.public_numbers().e.bit_length() > _MAX_EXPONENT_BITS:
        raise Rejected(Result.POLICY, "exponent of the key is too large")
    return key


def ed25519_key(octets: bytes) -> Ed25519PublicKey:
    """RFC 8463 §4.2: the key itself. Raises `Rejected`."""
    if len(octets) != _ED25519_OCTETS:
        raise Rejected(Result.PERMERROR, "key is no Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(octets)


def bits(key: PublicKey | PrivateKey) -> int:
    """The size of a key."""
    return key.key_size if isinstance(key, RSAPublicKey | RSAPrivateKey) else 8 * _ED25519_OCTETS


def sha256(octets: bytes) -> bytes:
    """The hash that is signed."""
    return hashlib.sha256(octets, usedforsecurity=False).digest()


def is_valid(key: PublicKey, signature: bytes, digest: bytes) -> bool:
    """Whether this is the owner's signature of a SHA-256."""
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(signature, digest, _PADDING, _DIGEST)
        else:
            key.verify(signature, digest)  # RFC 8463 §3: PureEdDSA of the hash
    except InvalidSignature:
        return False
    return True


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """The signature of a SHA-256."""
    return key.sign(digest, _PADDING, _DIGEST) if isinstance(key, RSAPrivateKey) else key.sign(digest)
