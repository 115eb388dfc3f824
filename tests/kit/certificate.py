"""A certificate for tests: self-signed, for `localhost` and 127.0.0.1, made once a run."""

import atexit
import datetime as dt
import functools
import ipaddress
import shutil
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@functools.cache
def certificate_pem() -> bytes:
    """Key and certificate, one after the other, as PEM."""
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return made_pem(names)


def made_pem(
    names: Sequence[x509.GeneralName], *, expired: bool = False, common_name: str = "localhost"
) -> bytes:
    """Key and self-signed certificate for other names, or one that is no longer valid."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=-1 if expired else 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


@functools.cache
def certificate_file() -> Path:
    """The same in a file, which is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="pillarbox-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "server.pem"
    path.write_bytes(certificate_pem())
    return path


@functools.cache
def server_context() -> ssl.SSLContext:
    """A server's context with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file())
    return context


def client_context() -> ssl.SSLContext:
    """A client's context that trusts that certificate and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate_pem().split(b"-----END PRIVATE KEY-----\n")[1].decode())
    return context


class TestTls:
    """A `TlsOffer` with that certificate."""

    __test__ = False  # not a test case, whatever its name says

    def context(self) -> ssl.SSLContext:
        """The one context there is."""
        return server_context()

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """None: not tested here."""
        return None
