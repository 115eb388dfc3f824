"""Makes keys that sign mail (RFC 6376 §3.3.3, RFC 8301 §3.2, RFC 8463). They come from the chance of the system.

What they look like as text: `trust.dkim.keys`.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RSA_BITS: Final = 2048
"""RFC 8301 §3.2; a record with more does not fit in an answer over UDP with others."""
_EXPONENT: Final = 65537


def make_rsa_key() -> RSAPrivateKey:
    """A key of `RSA_BITS`. Takes a tenth of a second or several, so it belongs in a thread."""
    return rsa.generate_private_key(_EXPONENT, RSA_BITS)


def make_ed25519_key() -> Ed25519PrivateKey:
    """A key for Ed25519."""
    return Ed25519PrivateKey.generate()
