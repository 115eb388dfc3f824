"""The contents of a certificate file, for administration."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pillarbox.world.tls.server import CertificateUnusable

if TYPE_CHECKING:
    from cryptography import x509

MAX_FILE_OCTETS: Final = 1024 * 1024
"""Of a file with certificates: it may be any that an operator names."""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """The relevant fields of the first certificate in a file."""

    names: tuple[str, ...]
    """Its DNS names, in lower case (RFC 6125 §6.4: only these count)."""
    valid_from_ms: int
    valid_until_ms: int
    issuer: str
    self_issued: bool
    """Issuer and subject are the same: it is self-signed."""

    def holds_for(self, name: str) -> bool:
        """Whether it matches this name (RFC 6125 §6.4.3: `*` is one label)."""
        wanted = name.lower()
        return wanted in self.names or "*." + wanted.partition(".")[2] in self.names


def read_facts(chain: Path) -> CertificateFacts:
    """Read the first certificate of a PEM file. Raises `CertificateUnusable`."""
    from cryptography import x509

    try:
        return _facts(x509.load_pem_x509_certificate(_octets(chain)))
    except (OSError, ValueError) as failure:
        raise CertificateUnusable(f"{chain}: {failure}") from failure


def read_all_facts(file: Path) -> list[CertificateFacts]:
    """Read all certificates of a PEM file. Raises `CertificateUnusable`."""
    from cryptography import x509

    try:
        return [_facts(each) for each in x509.load_pem_x509_certificates(_octets(file))]
    except (OSError, ValueError) as failure:
        raise CertificateUnusable(f"{file}: {failure}") from failure


def _facts(certificate: "x509.Certificate") -> CertificateFacts:
    from cryptography import x509

    try:
        shown = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(name.lower() for name in shown.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    return CertificateFacts(
        names,
        int(certificate.not_valid_before_utc.timestamp() * 1000),
        int(certificate.not_valid_after_utc.timestamp() * 1000),
        certificate.issuer.rfc4514_string(),
        certificate.issuer == certificate.subject,
    )


def read_chain(chain: Path) -> tuple[bytes, ...]:
    """The certificates of a PEM file in DER, the server's own first. Raises `CertificateUnusable`."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        certificates = x509.load_pem_x509_certificates(_octets(chain))
    except (OSError, ValueError) as failure:
        raise CertificateUnusable(f"{chain}: {failure}") from failure
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates)


def system_authorities() -> tuple[bytes, ...]:
    """The roots that the system trusts, in DER."""
    import ssl

    return tuple(ssl.create_default_context().get_ca_certs(binary_form=True))


def _octets(file: Path) -> bytes:
    with file.open("rb") as opened:
        octets = opened.read(MAX_FILE_OCTETS + 1)
    if len(octets) > MAX_FILE_OCTETS:
        raise ValueError(f"more than {MAX_FILE_OCTETS} octets")
    return octets
