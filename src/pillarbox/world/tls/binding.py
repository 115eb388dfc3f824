"""Channel binding: data that both ends of one TLS connection share, for authentication (RFC 5056).

- `tls-exporter` (RFC 9266): unique to the connection; the one for TLS 1.3.
- `tls-server-end-point` (RFC 5929 §4): a hash of the server's certificate.
- `tls-unique` (RFC 5929 §3): for TLS 1.2, and only on connections that were not resumed, because of
  the triple handshake (RFC 7677 §4; the standard library does not report whether RFC 7627 is in use).

Always true: on TLS 1.3 either `tls-exporter` is available or no kind is, because a client that sees -PLUS offered
tries it first (RFC 9266 §3).
"""

import hashlib
import ssl
from typing import Literal

from pillarbox.world.tls.exporter import exporter_available, tls_exporter

# DER of the signature algorithms' object identifiers, and the hash each uses (RFC 5929 §4.1: MD5 and SHA-1
# are replaced by SHA-256). Ed25519 and RSA-PSS name no hash here: their binding is undefined.
_RSA, _ECDSA = "2a864886f70d0101", "2a8648ce3d04"
_HASHES = {
    bytes.fromhex(f"{_RSA}04"): "sha256",
    bytes.fromhex(f"{_RSA}05"): "sha256",
    bytes.fromhex(f"{_RSA}0b"): "sha256",
    bytes.fromhex(f"{_RSA}0c"): "sha384",
    bytes.fromhex(f"{_RSA}0d"): "sha512",
    bytes.fromhex(f"{_RSA}0e"): "sha224",
    bytes.fromhex(f"{_ECDSA}01"): "sha256",
    bytes.fromhex(f"{_ECDSA}0301"): "sha224",
    bytes.fromhex(f"{_ECDSA}0302"): "sha256",
    bytes.fromhex(f"{_ECDSA}0303"): "sha384",
    bytes.fromhex(f"{_ECDSA}0304"): "sha512",
}


def channel_binding(tls: ssl.SSLObject, kind: str, server_certificate: bytes | None) -> bytes | None:
    """Binding data of a connection, or `None` if this kind is not available.

    `server_certificate`: DER of the server's certificate on this connection.
    """
    modern = tls.version() == "TLSv1.3"
    if modern and not exporter_available(tls):
        return None
    match kind:
        case "tls-exporter":
            # RFC 9266 §4.2: with older TLS only under conditions that can't be checked here.
            return tls_exporter(tls) if modern else None
        case "tls-server-end-point":
            return end_point(server_certificate) if server_certificate else None
        case "tls-unique":
            return None if modern or tls.session_reused else tls.get_channel_binding("tls-unique")
        case _:
            return None


def preferred_kind(version: str | None) -> Literal["tls-exporter", "tls-server-end-point"]:
    """The kind a client should use on a connection of this TLS version."""
    return "tls-exporter" if version == "TLSv1.3" else "tls-server-end-point"


def end_point(certificate: bytes) -> bytes | None:
    """`tls-server-end-point` of a DER certificate; `None` if its signature algorithm defines no hash."""
    name = _HASHES.get(_signature_algorithm(certificate))
    return hashlib.new(name, certificate).digest() if name else None


def _signature_algorithm(certificate: bytes) -> bytes:
    """The object identifier in `Certificate.signatureAlgorithm` (RFC 5280 §4.1)."""
    outer, _end = _value(certificate, 0)
    _tbs, tbs_end = _value(certificate, outer)
    algorithm, _end = _value(certificate, tbs_end)
    start, end = _value(certificate, algorithm)
    return certificate[start:end]


def _value(der: bytes, at: int) -> tuple[int, int]:
    """Where the value of the DER element at `at` starts and ends."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length, start = int.from_bytes(der[start : start + octets]), start + octets
    return start, start + length
