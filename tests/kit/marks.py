"""Mark certificates and the images in them, made for a test."""

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 12, 1, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
YEAR = timedelta(days=365)
BRAND_INDICATOR = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.31")
LOGOTYPE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.12")
SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">'
    b'<title>Example</title><rect width="9" height="9" fill="red"/></svg>'
)


def der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def logotype(
    image: bytes = SVG,
    *,
    hashed: bytes | None = None,
    scheme: bytes = b"data:image/svg+xml;base64,",
    sha1: bool = False,
) -> bytes:
    """A logotype extension; `hashed`: of which the hash is given, if not of the packed image."""
    packed = gzip.compress(image, mtime=0)
    digested = packed if hashed is None else hashed
    if sha1:
        algorithm = der(0x30, der(0x06, bytes.fromhex("2b0e03021a")), b"\x05\x00")
        digest = der(0x04, hashlib.sha1(digested).digest())
    else:
        algorithm = der(0x30, der(0x06, bytes.fromhex("608648016503040201")))
        digest = der(0x04, hashlib.sha256(digested).digest())
    details = der(
        0x30,
        der(0x16, b"image/svg+xml"),
        der(0x30, der(0x30, algorithm, digest)),
        der(0x30, der(0x16, scheme + b64encode(packed))),
    )
    data = der(0xA0, der(0x30, der(0x30, details)))
    return der(0x30, der(0xA2, data))


class Issuer:
    """An authority: a root, or one that another has signed."""

    def __init__(
        self,
        name: str,
        parent: "Issuer | None" = None,
        *,
        path_length: int | None = None,
        authority: bool = True,
        until: datetime = NOW + YEAR,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        issuer = parent or self
        self.certificate = (
            _builder(self.name, issuer.name, self.key.public_key(), until)
            .add_extension(
                x509.BasicConstraints(authority, path_length if authority else None), critical=True
            )
            .add_extension(_USAGE, critical=True)
            .sign(issuer.key, SHA256())
        )

    @property
    def octets(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def mark(
        self,
        names: Sequence[str] = ("example.com",),
        *,
        extension: bytes | None = None,
        purpose: x509.ObjectIdentifier = BRAND_INDICATOR,
        until: datetime = NOW + YEAR,
        critical: str = "",
    ) -> bytes:
        """A mark certificate (PEM); `critical`: a further extension of it."""
        key = ec.generate_private_key(ec.SECP256R1())
        value = logotype() if extension is None else extension
        builder = (
            _builder(_name("mark"), self.name, key.public_key(), until)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )
        if value:
            builder = builder.add_extension(x509.UnrecognizedExtension(LOGOTYPE, value), critical=False)
        if critical:
            unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier(critical), b"\x05\x00")
            builder = builder.add_extension(unknown, critical=True)
        return builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


_USAGE = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * YEAR)
        .not_valid_after(until)
    )
