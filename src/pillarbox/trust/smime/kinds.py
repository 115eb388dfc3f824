"""Which messages are S/MIME's, by their Content-Type alone (RFC 8551 §3.2, §3.5.3; RFC 9219 §4.1)."""

from enum import Enum
from typing import Final

from pillarbox.mail import parameter
from pillarbox.mail.header import Header

MAX_FIELD_OCTETS: Final = 8 * 1024
"""Of a Content-Type that is read."""

UNKNOWN, VERIFIED, FAILED = "unknown", "signed/verified", "signed/failed"
"""`smimeStatus`."""

_SIGNATURES: Final = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_MESSAGES: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_NOT_SIGNED: Final = frozenset({"enveloped-data", "authenveloped-data", "compressed-data", "certs-only"})


class Kind(Enum):
    """What a message is."""

    NONE = "none"
    UNKNOWN = "unknown"
    """Signed by another protocol, such as OpenPGP, or S/MIME that shows no signature."""
    DETACHED = "detached"
    """multipart/signed: a part, and its signature beside it."""
    OPAQUE = "opaque"
    """application/pkcs7-mime: what is signed is in the signature."""


def kind_of(content_type: bytes | None) -> Kind:
    """By the value of the field, unfolded or not."""
    if content_type is None or len(content_type) > MAX_FIELD_OCTETS:
        return Kind.NONE
    media_type, pairs = parameter.parse(content_type)
    if media_type == "multipart/signed":
        protocol = parameter.decode(pairs).get("protocol", "").strip().lower()
        # RFC 1847 §2.1 demands the parameter; without it the part says what it is
        return Kind.DETACHED if not protocol or is_signature(protocol) else Kind.UNKNOWN
    if media_type in _MESSAGES:
        form = parameter.decode(pairs).get("smime-type", "").strip().lower()
        return Kind.UNKNOWN if form in _NOT_SIGNED else Kind.OPAQUE
    return Kind.NONE


def is_signature(media_type: str) -> bool:
    """Whether a part of this type is a signature of S/MIME."""
    return media_type in _SIGNATURES


def may_be_smime(lines: bytes) -> bool:
    """Whether a header may have such a Content-Type, by a glance at some of its lines."""
    lowered = lines.lower()
    return b"signed" in lowered or b"pkcs7" in lowered


def is_smime(lines: bytes) -> bool:
    """Whether it has, by the same lines."""
    return kind_of(Header(lines).first("Content-Type")) is not Kind.NONE
