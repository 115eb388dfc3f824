"""Certificates and messages signed with them (S/MIME): by `cryptography`, and by the command of OpenSSL."""

import base64
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ADDRESS = "ann@one.example"
NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000
BODY = b"Content-Type: text/plain\r\n\r\nHello.\r\n"

Key = Any


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same one each time: making one takes long."""
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        octets: bytes = self.key.private_bytes(Encoding.PEM, form, serialization.NoEncryption())
        return octets


def authority(name: str = "Root", issuer: Identity | None = None, *, key: Key | None = None) -> Identity:
    """One that issues certificates."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only", "digital_signature"),
        False,
    )  # fmt: skip
    builder = _builder(name, issuer, key, NOW - timedelta(days=1000), NOW + timedelta(days=1000))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
    return _signed(builder, issuer, key)


def person(
    issuer: Identity,
    addresses: Sequence[str] = (ADDRESS,),
    *,
    key: Key | None = None,
    days: tuple[int, int] = (-10, 10),
    purposes: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.EMAIL_PROTECTION,),
    old_address: str | None = None,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Identity:
    """One that signs mail. `days`: from now, from when to when its certificate is valid."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Ann", issuer, key, NOW + timedelta(days[0]), NOW + timedelta(days[1]), old_address)
    if addresses:
        names = [x509.RFC822Name(address) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    return _signed(builder, issuer, key)


def _builder(
    name: str, issuer: Identity | None, key: Key, start: datetime, end: datetime, address: str | None = None
) -> x509.CertificateBuilder:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if address:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, address))
    subject = x509.Name(attributes)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(issuer.certificate.subject if issuer else subject)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
    above = issuer.key.public_key() if issuer else key.public_key()
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _signed(builder: x509.CertificateBuilder, issuer: Identity | None, key: Key) -> Identity:
    return Identity(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def signed(
    *signers: Identity,
    header: bytes = b"From: ann@one.example\r\n",
    body: bytes = BODY,
    others: Sequence[Identity] = (),
    options: Sequence[pkcs7.PKCS7Options] = (pkcs7.PKCS7Options.DetachedSignature,),
    digest: Any = None,
) -> bytes:
    """multipart/signed, as `cryptography` signs."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(body)
    for signer in signers:
        builder = builder.add_signer(signer.certificate, signer.key, digest or hashes.SHA256())
    for other in others:
        builder = builder.add_certificate(other.certificate)
    return beside(builder.sign(Encoding.DER, [*options, pkcs7.PKCS7Options.Binary]), header=header, body=body)


def beside(
    signature: bytes,
    *,
    header: bytes = b"From: ann@one.example\r\n",
    body: bytes = BODY,
    media_type: bytes = b"application/pkcs7-signature",
) -> bytes:
    """multipart/signed with a signature, whatever that is."""
    return (
        header + b'Content-Type: multipart/signed; protocol="' + media_type + b'"; micalg=sha-256; boundary=b\r\n\r\n'
        b"--b\r\n" + body + b"\r\n--b\r\nContent-Type: " + media_type + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + _base64(signature) + b"\r\n--b--\r\n"
    )  # fmt: skip


def opaque(cms: bytes, *, header: bytes = b"From: ann@one.example\r\n", parameters: bytes = b"") -> bytes:
    """application/pkcs7-mime."""
    return (
        header + b"Content-Type: application/pkcs7-mime" + parameters
        + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + _base64(cms) + b"\r\n"
    )  # fmt: skip


def _base64(octets: bytes) -> bytes:
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def by_openssl(folder: Path, signer: Identity, *options: str, body: bytes = BODY) -> bytes:
    """What `openssl cms -sign` makes. Skips the test where there is no such command."""
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("there is no openssl command")
    (folder / "certificate.pem").write_bytes(signer.pem)
    (folder / "key.pem").write_bytes(signer.key_pem)
    (folder / "body").write_bytes(body)
    arguments = [
        *(command, "cms", "-sign", "-in", "body", "-signer", "certificate.pem", "-inkey", "key.pem"),
        *("-from", ADDRESS, *options),
    ]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, check=True, timeout=60)
    return done.stdout
