"""TLSA records: which are usable, and whether octets match one (RFC 6698 §2.1, RFC 7671 §9)."""

import hashlib
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key

from pillarbox.dns import Tlsa

MAX_RECORDS: Final = 32
"""Records of an answer that are considered: honest hosts have less than ten."""
MAX_FULL_OCTETS: Final = 16 * 1024
"""Of a certificate or key that stands in a record as it is."""

DANE_TA: Final = 2
"""Certificate usage: the record is a trust anchor (RFC 7218 §2.1)."""
DANE_EE: Final = 3
"""Certificate usage: the record is the server's own certificate or key."""
CERTIFICATE: Final = 0
"""Selector: the whole certificate."""
PUBLIC_KEY: Final = 1
"""Selector: its SubjectPublicKeyInfo."""
FULL: Final = 0
"""Matching type: the octets as they are."""

_DIGESTS: Final = {1: "sha256", 2: "sha512"}
"""By matching type; the greater, the stronger."""


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that this server understands, without weaker digests beside stronger ones (RFC 7671 §9)."""
    understood = [record for record in list(records)[:MAX_RECORDS] if _is_usable(record)]
    strongest: dict[tuple[int, int], int] = {}
    for record in understood:
        kind = record.usage, record.selector
        strongest[kind] = max(strongest.get(kind, FULL), record.matching_type)
    return tuple(
        record
        for record in understood
        if record.matching_type in (FULL, strongest[record.usage, record.selector])
    )


def matches(record: Tlsa, certificate: bytes, public_key: bytes) -> bool:
    """Whether a usable record is of this certificate, or of its key; both in DER."""
    octets = certificate if record.selector == CERTIFICATE else public_key
    if record.matching_type != FULL:
        octets = hashlib.new(_DIGESTS[record.matching_type], octets).digest()
    return bool(octets) and octets == record.association


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (DANE_TA, DANE_EE) or record.selector not in (CERTIFICATE, PUBLIC_KEY):
        return False  # RFC 7672 §3.1.3: usages 0 and 1 have no meaning here
    if record.matching_type in _DIGESTS:
        return len(record.association) == hashlib.new(_DIGESTS[record.matching_type]).digest_size
    return record.matching_type == FULL and _is_whole(record)


def _is_whole(record: Tlsa) -> bool:
    """Whether the octets are a certificate or a key (RFC 6698 §4.1: what is malformed is unusable)."""
    if len(record.association) > MAX_FULL_OCTETS:
        return False
    try:
        if record.selector == CERTIFICATE:
            x509.load_der_x509_certificate(record.association)
        else:
            load_der_public_key(record.association)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
