"""Keys of the curve P-256, as Web Push has them: private ones as scalars, public ones as uncompressed points.

Source: RFC 8291 §3.1 and §7, RFC 8292 §3.2, SEC 1 §2.3.3.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SCALAR_OCTETS: Final = 32
POINT_OCTETS: Final = 65
CHANCE_OCTETS: Final = 40
"""Unpredictable octets of which a scalar is made: 64 bits more than it has, so that none is likelier than others."""
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve's group; scalars are from 1 to one less."""
_CURVE: Final = ec.SECP256R1()


class KeyRefused(ValueError):
    """The octets are no key of P-256; the text says why, and nothing of them."""


def scalar_of(chance: bytes) -> bytes:
    """A private key, of `CHANCE_OCTETS` of chance (FIPS 186-5 §A.2.1)."""
    assert len(chance) == CHANCE_OCTETS
    return (int.from_bytes(chance, "big") % (ORDER - 1) + 1).to_bytes(SCALAR_OCTETS, "big")


def is_scalar(octets: bytes) -> bool:
    """Whether they are a private key."""
    return len(octets) == SCALAR_OCTETS and 0 < int.from_bytes(octets, "big") < ORDER


def private_key(scalar: bytes) -> EllipticCurvePrivateKey:
    """The private key of a scalar of `SCALAR_OCTETS`. Raises `KeyRefused`."""
    if not is_scalar(scalar):
        raise KeyRefused("not a private key of P-256")
    return ec.derive_private_key(int.from_bytes(scalar, "big"), _CURVE)


def public_key(point: bytes) -> EllipticCurvePublicKey:
    """The public key of an uncompressed point, which is looked at: RFC 8291 §7 has the three rules.

    Raises `KeyRefused`.
    """
    if len(point) != POINT_OCTETS or point[0] != 4:  # neither compressed nor the point at infinity
        raise KeyRefused(f"not an uncompressed point of {POINT_OCTETS} octets")
    try:
        return EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        raise KeyRefused("not a point on the curve P-256") from None


def point_of(key: EllipticCurvePrivateKey) -> bytes:
    """The public key of a private one, as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
