"""A signature field as a value (RFC 6376 §3.5; RFC 8617 §4.1.2), and whether it is good."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.trust.results import Result
from pillarbox.trust.signatures import arithmetic, tag_list
from pillarbox.trust.signatures.arithmetic import sha256
from pillarbox.trust.signatures.body_hash import BodyHash
from pillarbox.trust.signatures.key_record import KeyRecord
from pillarbox.trust.signatures.rejected import Rejected, Rejection, quoted
from pillarbox.trust.signatures.signed_header import (
    Canonicalization,
    SignedHeader,
    own_field,
    without_signature,
)
from pillarbox.trust.signatures.tag_list import Malformed

MAX_SIGNATURE_OCTETS: Final = arithmetic.MAX_RSA_BITS // 8
MAX_NAMES: Final = 1000
"""Names in `h=`."""
MAX_SELECTOR_OCTETS: Final = 180

_ONCE: Final = (b"from", b"date", b"subject")

# RFC 5322 §3.6.8: printable, without the colon; a semicolon ends a tag
_FIELD_NAMES: Final = re.compile(r"[!-9<-~]++(?:[ \t\r\n]*+:[ \t\r\n]*+[!-9<-~]++)*")
_FORMS: Final = {form.value: form for form in Canonicalization}
_SELECTOR: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62})){0,9}")


class Signature(Struct, frozen=True, gc=False):
    """A signature whose field is well-formed and whose algorithms are known."""

    field: bytes
    """As received, without its last LF."""
    domain: str
    """`d=`, as A-labels."""
    selector: str
    algorithm: str
    """`rsa-sha256` or `ed25519-sha256`."""
    value: bytes
    """`b=`."""
    body_digest: bytes
    """`bh=`."""
    header_form: Canonicalization
    body_form: Canonicalization
    listed: bytes
    """`h=`, in lower case and without white space: as a text, of which `names` take twenty times the octets while the
    key is waited for."""
    body_limit: int | None
    """`l=`."""
    signed_s: int | None
    """`t=`: UNIX seconds."""
    expires_s: int | None
    """`x=`: UNIX seconds."""

    @property
    def names(self) -> tuple[bytes, ...]:
        """Those of `h=`, none where it is empty."""
        return tuple(self.listed.split(b":")) if self.listed else ()

    @property
    def key_name(self) -> str:
        """Where its key is in the DNS (RFC 6376 §3.6.2.1)."""
        return key_name(self.selector, self.domain)


def key_name(selector: str, domain: str) -> str:
    """Where a key is in the DNS (RFC 6376 §3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def from_tags(field: bytes, tags: Mapping[str, str], of_names: tuple[bytes, ...]) -> Signature:
    """The signature that these tags of a field describe, which covers these. Raises `Malformed` or `Rejected`."""
    header_form, body_form = forms(tags)
    signed_s, expires_s = tag_list.number(tags, "t"), tag_list.number(tags, "x")
    if signed_s is not None and expires_s is not None and expires_s <= signed_s:
        raise Malformed("x= is not later than t=")
    if "q" in tags and "dns/txt" not in tag_list.items(tags["q"].lower()):
        raise Rejected(Result.NEUTRAL, f"unknown key query {quoted(tags['q'])}")
    return Signature(
        field,
        domain(tags),
        selector(tags),
        algorithm(tags),
        value(tags),
        tag_list.octets_of(tags, "bh"),
        header_form,
        body_form,
        b":".join(of_names),
        tag_list.number(tags, "l"),
        signed_s,
        expires_s,
    )


def domain(tags: Mapping[str, str]) -> str:
    """`d=` as A-labels, of two labels at least (RFC 6376 §3.5; RFC 8616 §5)."""
    found = as_domain(tag_list.required(tags, "d"))
    if not found:
        raise Malformed("d= is no domain")
    return found


def as_domain(text: str) -> str:
    """A domain name as A-labels; empty for what is none, or has one label only."""
    try:
        found = domain_key(text)
    except InvalidAddress:
        return ""
    return found if "." in found and not found.startswith("[") else ""


def selector(tags: Mapping[str, str]) -> str:
    """`s=` as A-labels (RFC 6376 §3.1; RFC 8616 §5); underscores occur."""
    text = tag_list.required(tags, "s")
    found = text.lower() if text.isascii() else as_domain(f"{text[:MAX_SELECTOR_OCTETS]}.x")[:-2]
    if len(found) > MAX_SELECTOR_OCTETS or not _SELECTOR.fullmatch(found):
        raise Malformed("s= is no selector")
    return found


def algorithm(tags: Mapping[str, str]) -> str:
    """`a=`, if it is one that counts (RFC 8301 §3.1, RFC 8463 §3)."""
    found = tag_list.required(tags, "a").lower()
    if found == "rsa-sha1":
        raise Rejected(Result.POLICY, "rsa-sha1 is no longer valid")
    if found not in ("rsa-sha256", "ed25519-sha256"):
        raise Rejected(Result.NEUTRAL, f"unknown algorithm {quoted(found)}")
    return found


def value(tags: Mapping[str, str]) -> bytes:
    """`b=`."""
    found = tag_list.octets_of(tags, "b")
    if len(found) > MAX_SIGNATURE_OCTETS:
        raise Malformed(f"b= has more than {MAX_SIGNATURE_OCTETS} octets")
    return found


def forms(tags: Mapping[str, str]) -> tuple[Canonicalization, Canonicalization]:
    """`c=`, of header and body: without it, or without its second half, simple (RFC 6376 §3.5)."""
    header, _, body = tags.get("c", "simple").lower().partition("/")
    header_form, body_form = _FORMS.get(header), _FORMS.get(body or "simple")
    if not header_form or not body_form:
        raise Rejected(Result.NEUTRAL, f"unknown canonicalization {quoted(tags['c'])}")
    return header_form, body_form


def names(tags: Mapping[str, str]) -> tuple[bytes, ...]:
    """`h=`: one name at least."""
    text = tag_list.required(tags, "h")
    if not _FIELD_NAMES.fullmatch(text):
        raise Malformed("h= has what is no name of a field")
    found = tag_list.without_fws(text).lower().encode().split(b":")
    if len(found) > MAX_NAMES:
        raise Malformed(f"h= has more than {MAX_NAMES} names")
    return tuple(found)


def left_out(names: tuple[bytes, ...], header: SignedHeader) -> tuple[bytes, int]:
    """A name of which a signature covers some fields and not all, and how many there are; empty without one.

    Of names that a message has once (RFC 5322 §3.6), and of which readers see any (RFC 6376 §8.15).
    """
    for name in _ONCE:
        count = header.count(name)
        if count > 1 and 0 < names.count(name) < count:
            return name, count
    return b"", 0


def verify(
    signature: Signature,
    header: SignedHeader,
    body: BodyHash,
    record: KeyRecord,
    *,
    is_tls_report: bool = False,
) -> None:
    """RFC 6376 §6.1.2 and §6.1.3, of a body that is complete. Raises `Rejected`."""
    key = suitable_key(record, signature.algorithm, is_tls_report=is_tls_report)
    if body.lacks:
        raise Rejected(Result.PERMERROR, f"l= is larger than the body of {body.octets} octets")
    if body.digest() != signature.body_digest:
        raise Rejected(Result.FAIL, "body has been changed (body hash did not verify)")
    form, field = signature.header_form, signature.field
    data = header.covered(signature.names, form, field) + own_field(without_signature(field), form)
    if not arithmetic.is_valid(key, signature.value, sha256(data)):
        raise Rejected(Result.FAIL, "header has been changed (signature did not verify)")


def suitable_key(
    record: KeyRecord, of_algorithm: str, *, is_tls_report: bool = False
) -> arithmetic.PublicKey:
    """The key of a record, if it may be used for this (RFC 6376 §6.1.2; RFC 8460 §3). Raises `Rejected`."""
    if not (record.for_mail or (is_tls_report and record.for_tls_reports)):
        raise Rejected(Result.PERMERROR, "key is not for mail")
    if record.hashes and "sha256" not in record.hashes:
        raise Rejected(Result.PERMERROR, "key is not for sha256")
    if isinstance(record.key, Rejection):
        raise Rejected(*record.key)
    if record.kind != of_algorithm.removesuffix("-sha256"):
        raise Rejected(Result.PERMERROR, f"key is of type {record.kind}, not for {of_algorithm}")
    return record.key
