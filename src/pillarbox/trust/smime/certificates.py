"""Whether a signer's certificate is good, and for which addresses (RFC 8550, RFC 5280)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, Store, VerificationError

from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.trust.smime.signatures import is_usable
from pillarbox.trust.smime.signed_data import Signer

E = TypeVar("E", bound=x509.ExtensionType)

MAX_CHAIN: Final = 5
"""Authorities between a signer and a root."""
MAX_ADDRESSES: Final = 100
"""Of a certificate that are looked at."""

_UNDERSTOOD: Final = frozenset(
    extension.oid
    for extension in (
        x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName,
        x509.CertificatePolicies,
    )
)  # fmt: skip
"""Extensions of a signer's certificate that may be critical (RFC 5280 §4.2)."""


class Roots:
    """The authorities that are believed."""

    def __init__(self, certificates: Iterable[bytes]) -> None:
        """In DER; those that cannot be read are left out."""
        found = list(_readable(certificates))
        self.count = len(found)
        self.store = Store(found) if found else None


def loaded(certificates: Iterable[bytes]) -> list[x509.Certificate]:
    """Those that can be read, and whose keys cost no more than they are worth."""
    return [each for each in _readable(certificates) if _is_cheap(each)]


def _readable(certificates: Iterable[bytes]) -> Iterator[x509.Certificate]:
    for octets in certificates:
        try:
            yield x509.load_der_x509_certificate(octets)
        except Exception:  # noqa: S112 - of strange certificates there are many kinds, and they are of no use
            continue


def _is_cheap(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except Exception:
        return False
    return not isinstance(key, RSAPublicKey) or is_usable(key)


def of_signer(signer: Signer, certificates: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """The certificate that a signer names (RFC 5652 §5.3)."""
    for certificate in certificates:
        if signer.key_id:
            if _key_id(certificate) == signer.key_id:
                return certificate
        elif (
            certificate.serial_number == signer.serial and certificate.issuer.public_bytes() == signer.issuer
        ):
            return certificate
    return None


def _key_id(certificate: x509.Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except (x509.ExtensionNotFound, ValueError):
        return None


def problems(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], roots: Roots, at_ms: int
) -> list[str]:
    """Why a certificate is not good for signing mail at a time, in words."""
    try:
        found = _problems_of_use(certificate)
    except Exception:  # each extension has its own ways to be broken
        return ["The certificate cannot be read"]
    at = datetime.fromtimestamp(max(at_ms, 0) // 1000, UTC)
    if at < certificate.not_valid_before_utc:
        found.append("The certificate is not valid yet")
    elif at > certificate.not_valid_after_utc:
        found.append("The certificate has expired")
    elif not _leads_to_root(certificate, others, roots, at):
        found.append("The certificate was not issued by an authority that is trusted")
    return found


def _problems_of_use(certificate: x509.Certificate) -> list[str]:
    """RFC 8550 §4.4."""
    found = []
    extensions = certificate.extensions
    if any(one.critical and one.oid not in _UNDERSTOOD for one in extensions):
        found.append("The certificate has a critical extension that is not understood")
    usage = _value(extensions, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        found.append("The certificate is not for signatures")
    purposes = _value(extensions, x509.ExtendedKeyUsage)
    allowed = (ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if purposes is not None and not any(purpose in purposes for purpose in allowed):
        found.append("The certificate is not for mail")
    return found


def _leads_to_root(
    certificate: x509.Certificate, others: Sequence[x509.Certificate], roots: Roots, at: datetime
) -> bool:
    """RFC 5280 §6, by what the library knows of it: names, times, signatures, constraints."""
    if roots.store is None:
        return False
    policy = (
        PolicyBuilder()
        .store(roots.store)
        .time(at)
        .max_chain_depth(MAX_CHAIN)
        .extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
    )
    try:
        policy.build_client_verifier().verify(certificate, list(others))
    except (VerificationError, ValueError):
        return False
    return True


def _value(extensions: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def is_for(certificate: x509.Certificate, address: Address) -> bool:
    """Whether it was issued for an address (RFC 8550 §3): letter case counts in the local part (RFC 5280 §7.5)."""
    return any(_same(name, address) for name in _addresses(certificate)[:MAX_ADDRESSES])


def _addresses(certificate: x509.Certificate) -> list[str]:
    try:
        names = _value(certificate.extensions, x509.SubjectAlternativeName)
        found = [] if names is None else list(names.get_values_for_type(x509.RFC822Name))
        # RFC 8550 §3: certificates of old have it in the name alone
        old = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)]
    except Exception:
        return []
    return found or old


def _same(name: str, address: Address) -> bool:
    try:
        named = Address.parse(name)
    except InvalidAddress:
        return False
    return named.local == address.local and domain_key(named.domain) == domain_key(address.domain)
