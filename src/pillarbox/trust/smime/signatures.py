"""Whether the signature of one signer holds (RFC 5652 §5.4 to §5.6, RFC 8551 §2.1, §2.2)."""

from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from pillarbox.trust.smime.signed_data import DATA, Signer

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 4096
"""RFC 8551 §4.2 leaves larger keys to each; several of these would take a second."""

DIGESTS: Final[dict[str, tuple[str, type[hashes.HashAlgorithm]]]] = {
    "2.16.840.1.101.3.4.2.1": ("sha256", hashes.SHA256),
    "2.16.840.1.101.3.4.2.2": ("sha384", hashes.SHA384),
    "2.16.840.1.101.3.4.2.3": ("sha512", hashes.SHA512),
}
"""By object identifier: the name for `hashlib`. MD5 and SHA-1 prove nothing any more."""

_RSA: Final = "1.2.840.113549.1.1.1"
_PSS: Final = "1.2.840.113549.1.1.10"
_ED25519: Final = "1.3.101.112"
_WITH_DIGEST: Final = {
    "1.2.840.113549.1.1.11": "2.16.840.1.101.3.4.2.1",
    "1.2.840.113549.1.1.12": "2.16.840.1.101.3.4.2.2",
    "1.2.840.113549.1.1.13": "2.16.840.1.101.3.4.2.3",
    "1.2.840.10045.4.3.2": "2.16.840.1.101.3.4.2.1",
    "1.2.840.10045.4.3.3": "2.16.840.1.101.3.4.2.2",
    "1.2.840.10045.4.3.4": "2.16.840.1.101.3.4.2.3",
}
"""Algorithms that name their digest, which is that of the signer."""
_OF_RSA: Final = frozenset(
    {_RSA, _PSS, *(name for name in _WITH_DIGEST if name.startswith("1.2.840.113549."))}
)


def problem_of_attributes(signer: Signer, content_type: str, digest: bytes) -> str | None:
    """Why the attributes do not stand for what is signed. `digest`: of the content, by the signer's algorithm."""
    if signer.attributes is None:
        # RFC 5652 §5.3: only for plain data may there be none
        return None if content_type == DATA else "the signature has no attributes"
    if signer.content_type != content_type or signer.message_digest is None:
        return "the signature is not for this kind of content"
    return None if signer.message_digest == digest else "the message was changed after it was signed"


def holds(signer: Signer, certificate: x509.Certificate, signed: bytes) -> bool:
    """Whether the key of a certificate has signed this: the attributes, or the content without these."""
    digest = DIGESTS[signer.digest][1]()
    try:
        key = certificate.public_key()
        match key:
            case RSAPublicKey() if signer.algorithm in _OF_RSA and is_usable(key):
                if signer.algorithm == _PSS:
                    key.verify(signer.signature, signed, PSS(MGF1(digest), PSS.AUTO), digest)
                else:
                    key.verify(signer.signature, signed, PKCS1v15(), digest)
            case EllipticCurvePublicKey() if signer.algorithm in _WITH_DIGEST.keys() - _OF_RSA:
                key.verify(signer.signature, signed, ECDSA(digest))
            case Ed25519PublicKey() if signer.algorithm == _ED25519:
                key.verify(signer.signature, signed)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return _WITH_DIGEST.get(signer.algorithm, signer.digest) == signer.digest


def is_usable(key: RSAPublicKey) -> bool:
    """Whether a key is neither weak nor dear."""
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and key.public_numbers().e < 1 << 64
