"""What is read of a certificate: its key as octets, its names, its validity and its right to sign others (RFC 5280).

Certificates come from strangers: whatever they hold, the functions return a value and raise nothing else.
"""

from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

MIN_RSA_BITS: Final = 1024
MAX_RSA_BITS: Final = 8192
"""Checking a signature with a longer key takes too long."""
MAX_EXPONENT_BITS: Final = 64
"""Of an RSA key: in use is 65537, and with an exponent as long as the key a signature takes ten milliseconds."""
MAX_NAMES: Final = 250
"""Names of a certificate that are compared."""
MAX_SUBTREES: Final = 25
"""DNS names of an issuer's constraints; with more, it is no issuer here."""

_KNOWN: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension)
_SEQUENCE, _VERSION = 0x30, 0xA0


def parsed(der: bytes) -> x509.Certificate | None:
    """The certificate, or `None` if it is none."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.extensions  # noqa: B018  (read now, so that reading them fails here)
        certificate.issuer, certificate.subject, certificate.version  # noqa: B018
    except Exception:  # there are many kinds, of each extension its own
        return None
    return certificate


def public_key_octets(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate as it stands there, of any algorithm; empty if there is none."""
    try:
        start, _ = _element(der, 0, _SEQUENCE)
        at, _ = _element(der, start, _SEQUENCE)
        if der[at] == _VERSION:
            _, at = _element(der, at, _VERSION)
        for _ in range(5):  # RFC 5280 §4.1: serialNumber, signature, issuer, validity, subject
            _, at = _element(der, at, der[at])
        _, end = _element(der, at, _SEQUENCE)
    except (IndexError, ValueError):
        return b""
    return der[at:end]


def _element(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """Where the value of the DER element at `at` starts and ends. Raises `IndexError`, `ValueError`."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        if octets > 4:  # no certificate has so many octets
            raise ValueError("length")
        length, start = int.from_bytes(der[start : start + octets]), start + octets
    if der[at] != tag or start + length > len(der):
        raise ValueError("element")
    return start, start + length


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names of a server: its DNS-IDs, or without any, its common names (RFC 7672 §3.2.3)."""
    try:
        shown = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = shown.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    if not names:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(attribute.value) for attribute in common]
    return tuple(name.lower().removesuffix(".") for name in names[:MAX_NAMES])


def name_matches(presented: str, wanted: str) -> bool:
    """Whether a name of a certificate is the wanted one; `*` is one whole label, the first (RFC 7672 §3.2.3)."""
    if presented.startswith("*."):
        first, _, rest = wanted.partition(".")
        return bool(first) and rest == presented[2:] and "." in rest
    return presented == wanted


def valid_at(certificate: x509.Certificate, now_s: float) -> bool:
    """Whether this is a time of its validity (RFC 5280 §4.1.2.5)."""
    try:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (*_UNREADABLE, OverflowError):
        return False
    return begin.timestamp() <= now_s <= end.timestamp()


def may_issue(certificate: x509.Certificate, below: int) -> bool:
    """Whether it may sign certificates, with so many other issuers between it and the server's (RFC 5280 §4.2.1.9)."""
    extensions = certificate.extensions
    try:
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        if not basic.ca or (basic.path_length is not None and basic.path_length < below):
            return False
    except x509.ExtensionNotFound:
        # RFC 5280 §4.2.1.9: only roots of version 1 have none
        if certificate.version is x509.Version.v3 or certificate.issuer != certificate.subject:
            return False
    try:
        if not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            return False
    except x509.ExtensionNotFound:
        pass
    return True


def serves(certificate: x509.Certificate) -> bool:
    """Whether a server may show it, or an issuer sign such ones with it: it has no critical extension that is not
    understood, and is not for other purposes only (RFC 5280 §4.2.1.12).
    """
    if any(one.critical and one.oid not in _KNOWN for one in certificate.extensions):
        return False
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.SERVER_AUTH in uses or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses


def permits(issuer: x509.Certificate, names: tuple[str, ...]) -> bool:
    """Whether the name constraints of an issuer allow these DNS names (RFC 5280 §4.2.1.10)."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted, excluded = _subtrees(constraints.permitted_subtrees), _subtrees(constraints.excluded_subtrees)
    if len(permitted) + len(excluded) > MAX_SUBTREES:
        return False
    # A name below a subtree ends in it, and the subtree itself does so with a dot in front.
    dotted = [f".{name}" for name in names]
    return all(
        (not permitted or name.endswith(permitted)) and not (excluded and name.endswith(excluded))
        for name in dotted
    )


def _subtrees(found: list[x509.GeneralName] | None) -> tuple[str, ...]:
    """The DNS names of subtrees, with a dot in front; the empty name is all."""
    names = (one.value.lower().strip(".") for one in found or [] if isinstance(one, x509.DNSName))
    return tuple(f".{name}" if name else "" for name in names)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key has signed it, with an algorithm that is still safe."""
    try:
        if not is_safe(certificate, issuer.public_key()):
            return False
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # InvalidSignature, and whatever strange keys and algorithms raise
        return False
    return True


def is_safe(certificate: x509.Certificate, key: object) -> bool:
    """Whether a signature on it by this key may count: no broken digest, no key too short or too long."""
    if isinstance(certificate.signature_hash_algorithm, hashes.MD5 | hashes.SHA1) or isinstance(
        key, dsa.DSAPublicKey
    ):
        return False
    if not isinstance(key, rsa.RSAPublicKey):
        return True
    exponent = key.public_numbers().e
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and exponent.bit_length() <= MAX_EXPONENT_BITS
