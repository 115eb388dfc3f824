"""Signed messages for tests: keys, their records, and signatures with whatever tags a test wants."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pillarbox.dns import Kind
from pillarbox.mail.header import Header
from pillarbox.trust import dkim
from pillarbox.trust.dkim import SignatureOutcome, SigningKey
from pillarbox.trust.dkim.keys import record_text
from pillarbox.trust.signatures import arithmetic
from pillarbox.trust.signatures.body_hash import BodyHashes, body_digest
from pillarbox.trust.signatures.signed_header import (
    Canonicalization,
    SignedHeader,
    own_field,
)
from tests.kit.asking import Answers, Zone

NOW_S = 1_700_000_000
DOMAIN = "example.org"
MESSAGE = (
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example; Tue, 1 Dec 2026 01:00:00 +0000\r\n"
    b"From: Joe <joe@example.org>\r\n"
    b"To: Ann <ann@example.net>\r\n"
    b"Subject: A  subject that\r\n is   folded\t\r\n"
    b"Date: Tue, 1 Dec 2026 01:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"Hello  Ann,\r\n\r\nthis\tis it. \r\n\r\n\r\n"
)


@cache
def rsa_key(bits: int = 2048) -> SigningKey:
    """The key of `rsa._domainkey.example.org`, or one of another size; the same in each test."""
    selector = "rsa" if bits == 2048 else f"rsa{bits}"
    return SigningKey(DOMAIN, selector, rsa.generate_private_key(65537, bits))


@cache
def ed25519_key() -> SigningKey:
    """The key of `ed._domainkey.example.org`."""
    return SigningKey(DOMAIN, "ed", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def zone(*keys: SigningKey) -> dict[tuple[str, Kind], Sequence[bytes]]:
    """What the DNS has of these keys."""
    return {
        (f"{key.selector}._domainkey.{key.domain}", Kind.TXT): (record_text(key.key).encode(),)
        for key in keys
    }


def verified(octets: bytes, records: Zone, *, received_s: int = NOW_S) -> tuple[SignatureOutcome, ...]:
    """The outcomes for a message, against these records."""
    header, body_start = Header.parse(octets)
    return Answers(records).to(dkim.verify(header, [octets[body_start:]], received_s=received_s))


def signed(octets: bytes, *keys: SigningKey) -> bytes:
    """The message with our own signatures."""
    header, body_start = Header.parse(octets)
    return dkim.sign(header, body_digest(octets[body_start:]), keys, signed_s=NOW_S) + octets


def crafted(
    octets: bytes,
    key: SigningKey,
    tags: Mapping[str, str | None] | None = None,
    *,
    name: str = "DKIM-Signature",
) -> bytes:
    """The message with a signature that is right, whatever its tags say; `None` leaves a tag out."""
    header, body_start = Header.parse(octets)
    written: dict[str, str | None] = {
        "v": "1",
        "a": key.algorithm,
        "c": "relaxed/relaxed",
        "d": key.domain,
        "s": key.selector,
        "h": "from:to:subject:date",
        "bh": "",
        **(tags or {}),
    }
    header_form, _, body_form = (written["c"] or "simple").partition("/")
    if written["bh"] == "":
        bodies = BodyHashes()
        length = written.get("l") or ""
        limit = int(length) if length.isdecimal() else None
        body = bodies.add(Canonicalization(body_form or "simple"), limit)
        bodies.update(octets[body_start:])
        bodies.finish()
        written["bh"] = base64.b64encode(body.digest()).decode()
    text = "; ".join(f"{tag}={value}" for tag, value in written.items() if value is not None)
    field = f"{name}: {text}; b=".encode()
    names = tuple([each.strip().lower().encode() for each in (written["h"] or "").split(":")])
    form = Canonicalization(header_form)
    data = SignedHeader(header).covered(names, form) + own_field(field, form)
    value = base64.b64encode(arithmetic.sign(key.key, hashlib.sha256(data).digest()))
    return field + value + b"\r\n" + octets
