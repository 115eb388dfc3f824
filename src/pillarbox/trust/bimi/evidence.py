"""Mark certificates (VMC and CMC): what an authority says of a domain and its indicator.

After draft-fetch-validation-vmc-wchuang: the certificates stand in one PEM file, the mark certificate first, each one
signed by the next, up to one of the given roots; they are valid now; the first one is for brand indicators, and has
the image in it. Whether it is for one of a message's domains is compared for each message. Whether a certificate was
revoked, and whether a transparency log has it, is not checked.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from msgspec import Struct

from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.trust.bimi import logotype

MAX_CERTIFICATES: Final = 6
"""In the file, the mark certificate included."""
MAX_NAMES: Final = 500
"""In a mark certificate."""
MAX_OWN_NAMES: Final = 64
"""Names of one organization in it that are looked at."""

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
_BRAND_INDICATOR: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.31")
_LOGOTYPE: Final = x509.ObjectIdentifier(logotype.OID)
_PILOT: Final = x509.ObjectIdentifier("1.3.6.1.4.1.53087.4.1")
"""Says that a mark certificate was issued by early rules; critical in those of one authority."""
_UNDERSTOOD: Final = frozenset(
    {
        x509.BasicConstraints.oid,
        x509.KeyUsage.oid,
        x509.ExtendedKeyUsage.oid,
        x509.SubjectAlternativeName.oid,
        _LOGOTYPE,
        _PILOT,
    }
)
"""Extensions that may be critical (RFC 5280 §4.2)."""


class Evidence(Struct, frozen=True, gc=False):
    """What a file of certificates says."""

    image: bytes = b""
    """The indicator, without compression."""
    names: tuple[str, ...] = ()
    """The mark certificate's names that are the organization's, in lower case."""
    until_s: int = 0
    """UNIX seconds at which one of the certificates is not valid any more."""
    problem: str = ""
    """Why the file proves nothing."""


def check(octets: bytes, organization: str, roots: Sequence[bytes], now_s: int) -> Evidence:
    """What a file proves for an organizational domain.

    `roots`: certificates (DER) of the authorities that are believed. `now_s`: UNIX seconds.
    """
    if len(octets) > logotype.MAX_FILE_OCTETS or not 0 < octets.count(_BEGIN) <= MAX_CERTIFICATES:
        return Evidence(problem=f"the mark certificate is not one to {MAX_CERTIFICATES} certificates")
    try:
        chain = x509.load_pem_x509_certificates(octets)
        trusted = [x509.load_der_x509_certificate(root) for root in roots]
        path, problem = _path(chain, trusted, datetime.fromtimestamp(now_s, UTC))
        problem = problem or _problem_of_use(chain[0])
        if problem:
            return Evidence(problem=problem)
        names = _names(chain[0])
        extension = chain[0].extensions.get_extension_for_oid(_LOGOTYPE).value
    except x509.ExtensionNotFound:
        return Evidence(problem="the mark certificate has no indicator")
    except Exception:  # of strange certificates there are many kinds, of each extension its own
        return Evidence(problem="the mark certificate cannot be read")
    if len(names) > MAX_NAMES:
        return Evidence(problem=f"the mark certificate has more than {MAX_NAMES} names")
    image = logotype.image(extension.value) if isinstance(extension, x509.UnrecognizedExtension) else None
    if not image:
        return Evidence(problem="the mark certificate has no readable indicator")
    until = min(certificate.not_valid_after_utc for certificate in path)
    return Evidence(image, _of(organization, names), 1 + int(until.timestamp()))


def _path(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime
) -> tuple[Sequence[x509.Certificate], str]:
    """The certificates up to a root, with it; or why there is none."""
    for below, certificate in enumerate(chain):
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return (), "a certificate is not valid at this time"
        if any(
            extension.critical and extension.oid not in _UNDERSTOOD for extension in certificate.extensions
        ):
            return (), "a certificate has a critical extension that is not understood"
        if below and not _may_issue(certificate, below - 1):
            return (), "a certificate is signed by one that may not sign others"
        if certificate in roots:
            return chain[: below + 1], ""
        root = next((root for root in roots if _issued(certificate, root, below)), None)
        if root:
            if not root.not_valid_before_utc <= now <= root.not_valid_after_utc:
                return (), "the root certificate is not valid at this time"
            return (*chain[: below + 1], root), ""
        if below + 1 < len(chain) and not _signed(certificate, chain[below + 1]):
            return (), "a certificate is not signed by the next"
    return (), "no root that is believed stands behind the mark certificate"


def _issued(certificate: x509.Certificate, root: x509.Certificate, below: int) -> bool:
    return certificate.issuer == root.subject and _may_issue(root, below) and _signed(certificate, root)


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _may_issue(issuer: x509.Certificate, below: int) -> bool:
    """Whether it is an authority's, with `below` authorities between it and the mark certificate."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    length = constraints.path_length
    return constraints.ca and usage.key_cert_sign and (length is None or below <= length)


def _problem_of_use(certificate: x509.Certificate) -> str:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return "the certificate is not for brand indicators"
    return "" if _BRAND_INDICATOR in purposes else "the certificate is not for brand indicators"


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return alternative.get_values_for_type(x509.DNSName)


def _of(organization: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those that are the organization's, or below it."""
    normal = {_normal(name) for name in names}
    own = [name for name in normal if name == organization or name.endswith(f".{organization}")]
    return tuple(sorted(own, key=lambda name: (len(name), name))[:MAX_OWN_NAMES])


def _normal(name: str) -> str:
    try:
        return domain_key(name)
    except InvalidAddress:
        return ""
