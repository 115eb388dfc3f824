"""Whether the certificates that a server presented match TLSA records (RFC 7672 §3.2).

Usage 3 looks at the server's own certificate only: neither its names nor its dates count. Usage 2 looks for a path
from it to a trust anchor of the records, where every signature, date and right to sign is checked, and the
certificate has to be for one of the reference names. One record that matches is enough.
"""

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from msgspec import Struct

from pillarbox.dns import Tlsa
from pillarbox.trust.dane import certificate as read
from pillarbox.trust.dane.records import CERTIFICATE, DANE_EE, DANE_TA, FULL, PUBLIC_KEY, matches
from pillarbox.trust.tls_result import TlsResult

MAX_CHAIN: Final = 10
"""Certificates of a server that are considered."""
MAX_CHAIN_OCTETS: Final = 128 * 1024
"""Of all of them; OpenSSL accepts 100 KB."""
MAX_PATH_OCTETS: Final = 32 * 1024
"""Of certificates in which a path is looked for: reading them takes a millisecond a KB where their names are long."""
MAX_SIGNATURES: Final = 16
"""Signatures that are checked in looking for a path: up to two milliseconds each, in the loop."""

_TOO_MANY: Final = "the server presented too many certificates"


class Matched(Struct, frozen=True, gc=False):
    """The server is authenticated."""

    usage: int
    """Of the record that matched: 2 or 3."""


class Mismatch(Struct, frozen=True, gc=False):
    """It is not."""

    result: TlsResult
    reason: str


def match_chain(
    records: Sequence[Tlsa], names: Sequence[str], chain: Sequence[bytes], now_s: float
) -> Matched | Mismatch:
    """Compare what a server presented with usable records.

    `names`: reference names, A-labels in lower case. `chain`: certificates in DER as they were sent, the server's own
    first.
    """
    if not chain:
        return Mismatch(TlsResult.VALIDATION_FAILURE, "the server presented no certificate")
    if sum(map(len, chain)) > MAX_CHAIN_OCTETS:
        return Mismatch(TlsResult.VALIDATION_FAILURE, _TOO_MANY)
    own = chain[0]
    key = read.public_key_octets(own)
    if any(record.usage == DANE_EE and matches(record, own, key) for record in records):
        return Matched(DANE_EE)
    anchors = [record for record in records if record.usage == DANE_TA]
    if not anchors:
        return Mismatch(
            TlsResult.CERTIFICATE_NOT_TRUSTED, "the server's certificate matches none of its TLSA records"
        )
    if sum(map(len, chain)) > MAX_PATH_OCTETS:
        return Mismatch(TlsResult.VALIDATION_FAILURE, _TOO_MANY)
    return _match_anchor(anchors, names, chain[:MAX_CHAIN], now_s)


def _match_anchor(
    anchors: Sequence[Tlsa], names: Sequence[str], chain: Sequence[bytes], now_s: float
) -> Matched | Mismatch:
    own = read.parsed(chain[0])
    if own is None:
        return Mismatch(TlsResult.VALIDATION_FAILURE, "the server's certificate cannot be read")
    presented = read.dns_names(own)
    path = _Path(anchors, chain[1:], presented, now_s)
    if not read.valid_at(own, now_s):
        return Mismatch(TlsResult.CERTIFICATE_EXPIRED, "the server's certificate is expired or not valid yet")
    if not read.serves(own):
        return Mismatch(TlsResult.CERTIFICATE_NOT_TRUSTED, "the server's certificate is not for servers")
    if not path.leads_up(own, 0):
        if path.expired:
            return Mismatch(
                TlsResult.CERTIFICATE_EXPIRED,
                "an issuer of the server's certificate is expired or not valid yet",
            )
        return Mismatch(
            TlsResult.CERTIFICATE_NOT_TRUSTED,
            "the server's certificates lead to none of the trust anchors of its TLSA records",
        )
    if not any(read.name_matches(one, name) for one in presented for name in names):
        return Mismatch(
            TlsResult.CERTIFICATE_HOST_MISMATCH, f"the server's certificate is not for {' or '.join(names)}"
        )
    return Matched(DANE_TA)


class _Path:
    """Looks for a path from the server's certificate to a trust anchor."""

    def __init__(
        self, anchors: Sequence[Tlsa], issuers: Sequence[bytes], names: tuple[str, ...], now_s: float
    ) -> None:
        self.expired = False
        """A path was not taken because of a date."""
        self._anchors = anchors
        self._names = names
        self._now_s = now_s
        self._signatures = MAX_SIGNATURES
        whole = [
            one.association for one in anchors if (one.selector, one.matching_type) == (CERTIFICATE, FULL)
        ]
        self._issuers: dict[x509.Name, list[tuple[x509.Certificate, bool]]] = {}
        """And whether they are trust anchors, by their subject: to compare long names takes its time."""
        for der in dict.fromkeys((*whole, *issuers)):
            if issuer := read.parsed(der):
                self._issuers.setdefault(issuer.subject, []).append((issuer, self._is_anchor(der)))

    def leads_up(self, certificate: x509.Certificate, below: int) -> bool:
        """Whether it has an issuer that is a trust anchor, or leads to one; `below`: issuers on the way to it."""
        if below >= MAX_CHAIN:
            return False
        for issuer, is_anchor in self._issuers.get(certificate.issuer, ()):
            if issuer == certificate or not self._signed(certificate, issuer):
                continue
            if self._may_sign(issuer, below) and (is_anchor or self.leads_up(issuer, below + 1)):
                return True
        return self._signed_by_bare_key(certificate)

    def _is_anchor(self, der: bytes) -> bool:
        key = read.public_key_octets(der)
        return any(matches(anchor, der, key) for anchor in self._anchors)

    def _may_sign(self, issuer: x509.Certificate, below: int) -> bool:
        if not read.valid_at(issuer, self._now_s):
            self.expired = True
            return False
        return read.may_issue(issuer, below) and read.serves(issuer) and read.permits(issuer, self._names)

    def _signed(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        self._signatures -= 1
        return self._signatures >= 0 and read.signed_by(certificate, issuer)

    def _signed_by_bare_key(self, certificate: x509.Certificate) -> bool:
        """RFC 7671 §5.2.3: a key that stands in a record signs what is presented without its certificate."""
        for anchor in self._anchors:
            if (anchor.selector, anchor.matching_type) == (PUBLIC_KEY, FULL):
                self._signatures -= 1
                if self._signatures >= 0 and _verifies(anchor.association, certificate):
                    return True
        return False


def _verifies(public_key: bytes, certificate: x509.Certificate) -> bool:
    try:
        key = load_der_public_key(public_key)
        if not read.is_safe(certificate, key):
            return False
        signature, signed = certificate.signature, certificate.tbs_certificate_bytes
        parameters, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
        if isinstance(key, rsa.RSAPublicKey) and digest and not isinstance(parameters, ec.ECDSA | None):
            key.verify(signature, signed, parameters, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
            key.verify(signature, signed, parameters)
        elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(signature, signed)
        else:
            return False
    except Exception:  # InvalidSignature, and whatever strange keys and algorithms raise
        return False
    return True
