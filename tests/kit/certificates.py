"""Chains of certificates for tests: private authorities, and servers' certificates that they sign."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pillarbox.dns import Tlsa

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
NOW_S = NOW.timestamp()
DAY = dt.timedelta(days=1)


@dataclass
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def public_key(self) -> bytes:
        """Its SubjectPublicKeyInfo in DER."""
        return self.certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def tlsa(self, usage: int, selector: int = 1, matching_type: int = 1) -> Tlsa:
        """The TLSA record of it."""
        octets = self.public_key if selector else self.der
        if matching_type:
            octets = hashlib.new({1: "sha256", 2: "sha512"}[matching_type], octets).digest()
        return Tlsa(usage, selector, matching_type, octets)

    def pem(self, folder: Path, *above: "Issued") -> Path:
        """A file with its key, itself and others."""
        path = folder / f"{self.certificate.serial_number:x}.pem"
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = [one.certificate.public_bytes(serialization.Encoding.PEM) for one in (self, *above)]
        path.write_bytes(b"".join((private, *chain)))
        return path


def issued(
    name: str = "",
    by: Issued | None = None,
    *,
    names: tuple[str, ...] = (),
    ca: bool = False,
    path_length: int | None = None,
    days: tuple[int, int] = (-1, 30),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
    now: dt.datetime = NOW,
) -> Issued:
    """A certificate by an issuer, or self-signed; `names` are DNS names, `name` is the common name."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    common = x509.NameAttribute(NameOID.COMMON_NAME, name) if name else None
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")
    subject = x509.Name([one for one in (organization, common) if one])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    )
    if names:
        shown = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(shown, critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def client_only() -> tuple[x509.ExtensionType, bool]:
    """An extension that keeps a certificate from servers."""
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False


def constrained_to(tree: str) -> tuple[x509.ExtensionType, bool]:
    """An extension of an issuer that may sign for names below one only."""
    return x509.NameConstraints([x509.DNSName(tree)], None), True
