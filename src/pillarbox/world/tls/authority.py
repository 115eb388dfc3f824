"""A certificate authority in a folder: for the demo and for tests, never for public use.

`ensure` creates (or keeps, while they fit and are valid) `ca.pem`, `server.pem` and `server-key.pem`. The
authority's key is used once and discarded, so a CA that someone trusts for the demo can't issue further
certificates; a renewal therefore creates a new authority as well.
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pillarbox.world.durable import make_folder
from pillarbox.world.tls.server import CertificateFiles

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

VALID_DAYS = 397
"""The most that clients accept from public authorities; some enforce it for all."""
RENEW_DAYS = 30
"""A certificate with less time left is renewed."""


@dataclass(frozen=True, slots=True)
class DemoCertificates:
    """Where the files are."""

    authority: Path
    """The CA certificate that clients are to trust."""
    server: CertificateFiles


def located(folder: Path, names: Sequence[str]) -> DemoCertificates:
    """The paths that `ensure` uses."""
    server = CertificateFiles(folder / "server.pem", folder / "server-key.pem", frozenset(names))
    return DemoCertificates(folder / "ca.pem", server)


def ensure(
    folder: Path, names: Sequence[str], *, now_ms: int, addresses: Sequence[str] = ("127.0.0.1", "::1")
) -> DemoCertificates:
    """Certificates for these names and IP addresses in `folder`; existing ones are kept if they still fit."""
    found = located(folder, names)
    now = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    if not _fits(found, names, addresses, now):
        _make(found, names, addresses, now)
    return found


def _fits(found: DemoCertificates, names: Sequence[str], addresses: Sequence[str], now: dt.datetime) -> bool:
    files = (found.authority, found.server.chain, found.server.key)
    if not all(file.is_file() for file in files):
        return False
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(found.server.chain.read_bytes())
        shown = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    has = {*shown.get_values_for_type(x509.DNSName), *map(str, shown.get_values_for_type(x509.IPAddress))}
    left = certificate.not_valid_after_utc - now
    return has >= {*names, *addresses} and left > dt.timedelta(days=RENEW_DAYS)


def _make(found: DemoCertificates, names: Sequence[str], addresses: Sequence[str], now: dt.datetime) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _authority(authority_key, now)
    server = _server(server_key, authority, authority_key, _alternative_names(names, addresses), now)
    make_folder(found.authority.parent)
    _write_private(found.server.key, server_key)
    found.server.chain.write_bytes(_pem(server) + _pem(authority))
    found.authority.write_bytes(_pem(authority))


def _authority(key: "EllipticCurvePrivateKey", now: dt.datetime) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    return (
        _builder("Pillarbox demo authority", now)
        .issuer_name(_name("Pillarbox demo authority"))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _server(
    key: "EllipticCurvePrivateKey",
    authority: "x509.Certificate",
    authority_key: "EllipticCurvePrivateKey",
    names: "x509.SubjectAlternativeName",
    now: dt.datetime,
) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    return (
        _builder("Pillarbox demo", now)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, SHA256())
    )


def _builder(common_name: str, now: dt.datetime) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))  # clocks differ
        .not_valid_after(now + dt.timedelta(days=VALID_DAYS - 1))
    )


def _name(common_name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: Sequence[str], addresses: Sequence[str]) -> "x509.SubjectAlternativeName":
    from cryptography import x509

    return x509.SubjectAlternativeName(
        [
            *map(x509.DNSName, names),
            *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses),
        ]
    )


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _write_private(path: Path, key: "EllipticCurvePrivateKey") -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(octets)
