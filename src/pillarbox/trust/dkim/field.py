"""A DKIM-Signature field as a value (RFC 6376 §3.5, §6.1.1)."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pillarbox.trust.results import Result
from pillarbox.trust.signatures import signature, tag_list
from pillarbox.trust.signatures.rejected import Rejected, Rejection, quoted
from pillarbox.trust.signatures.signature import Signature
from pillarbox.trust.signatures.tag_list import Malformed

NAME: Final = b"dkim-signature"
MAX_IDENTITY_OCTETS: Final = 320
"""Of `i=`: a local part of 64 octets, and a domain of 255."""

_ENCODED: Final = re.compile(rb"=([0-9A-F]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_FALLBACK: Final = dict[str, str]()


class SignatureField(Struct, frozen=True, gc=False):
    """A DKIM-Signature field, well-formed or not."""

    signature: Signature | Rejection
    """Or why it is not to be verified."""
    domain: str = ""
    """Of what is not well-formed, what can be told."""
    selector: str = ""
    identity: str = ""
    """`i=` decoded; empty without one."""
    identity_domain: str = ""
    """As A-labels: what follows its `@`, or `d=`."""
    algorithm: str = ""
    signature_text: str = ""
    """`b=`, without white space."""


def parse(field: bytes) -> SignatureField:
    """The field, which came without its last LF."""
    tags: Mapping[str, str] = _FALLBACK
    identity = identity_domain = ""
    found: Signature | Rejection
    try:
        tags = tag_list.parse(field.partition(b":")[2])
        _check_version(tags)
        names = signature.names(tags)
        if b"from" not in names:
            raise Rejected(Result.PERMERROR, "From is not signed")
        found = signature.from_tags(field, tags, names)
        identity, identity_domain = _identity(tags, found.domain)
    except Malformed as wrong:
        found = Rejection(Result.NEUTRAL, f"syntax error: {wrong}")
    except Rejected as rejected:
        found = rejected.rejection
    return SignatureField(
        found,
        found.domain if isinstance(found, Signature) else signature.as_domain(tags.get("d", "")),
        found.selector if isinstance(found, Signature) else "",
        identity,
        identity_domain,
        _shown(tag_list.without_fws(tags.get("a", "")).lower()),
        _shown(tag_list.without_fws(tags.get("b", ""))),
    )


def _check_version(tags: Mapping[str, str]) -> None:
    if tag_list.required(tags, "v") != "1":
        raise Rejected(Result.NEUTRAL, f"unknown version {quoted(tags['v'])}")


def _identity(tags: Mapping[str, str], of_domain: str) -> tuple[str, str]:
    """`i=` and its domain, which is `d=` or below it (RFC 6376 §6.1.1)."""
    if "i" not in tags:
        return "", of_domain
    text = tag_list.without_fws(tags["i"])
    if len(text) > MAX_IDENTITY_OCTETS:
        raise Malformed(f"i= longer than {MAX_IDENTITY_OCTETS} octets")
    octets = _ENCODED.sub(lambda found: bytes([int(found[1], 16)]), text.encode())  # RFC 6376 §2.11
    text = octets.decode("utf-8", "replace")
    if _CONTROL.search(text):
        raise Malformed("control character in i=")
    _, at, domain_text = text.rpartition("@")
    found = signature.as_domain(domain_text)
    if not at or not found:
        raise Malformed("i= has no domain")
    if found != of_domain and not found.endswith(f".{of_domain}"):
        raise Rejected(Result.PERMERROR, "domain of i= is not within d=")
    return text, found


def _shown(text: str) -> str:
    """A value that is no longer than valid ones are, and ASCII; otherwise nothing."""
    return text if text.isascii() and len(text) <= 1000 else ""
