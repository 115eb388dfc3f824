"""Trace fields (RFC 5321 §4.4): Received and Return-Path, written and read.

An accepted message gets one Received field on top; one that is placed in a mailbox gets a Return-Path above
it. Nothing else is changed, except that what only we may say is removed: Return-Path fields, of which there must
be exactly one (RFC 5321 §4.4), results of authentication that claim to be ours (RFC 8601 §5), and images that claim
to have been checked (§5.6 of the draft of `trust.bimi`). `marks` counts the hops; `reception.incoming.MAX_HOPS` is
their limit.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from msgspec import Struct

from pillarbox.mail import date
from pillarbox.mail.header import Field, Header
from pillarbox.mail.prepending import prepend
from pillarbox.trust import bimi
from pillarbox.trust.authentication_results import claims_to_be_by

_HOST = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)
_LITERAL = re.compile(r"\[(?:[0-9.]{7,15}|IPv6:[0-9A-Fa-f:.]{2,45})\]")
_PLAIN = re.compile(r"[ -~]*")
_RECEIVED = re.compile(rb"^received[ \t]*:", re.MULTILINE).findall
_TLS_1_2 = re.compile(r"(ECDHE|DHE)-(ECDSA|RSA)-(.+)")
_TLS_1_2_CIPHERS = {
    "AES128-GCM-SHA256": "AES_128_GCM_SHA256",
    "AES256-GCM-SHA384": "AES_256_GCM_SHA384",
    "CHACHA20-POLY1305": "CHACHA20_POLY1305_SHA256",
}


class Hop(Struct, frozen=True, gc=False, kw_only=True):
    """The last hop of a message: from a client to us."""

    client_name: str
    """What the client calls itself, in EHLO."""
    client_address: str
    """IP address; empty for a local socket."""
    hostname: str
    """What we call ourselves."""
    protocol: str
    """Transmission type (RFC 3848 §1, RFC 6531 §4.3): `ESMTPS`."""
    trace_id: str
    """What our log calls this message."""
    recipient: str | None
    """The forward-path, where there is only one; several would disclose each other (RFC 5321 §7.2)."""
    cipher: str | None
    """Cipher suite of TLS, as OpenSSL names it."""
    remark: str | None = None
    """A comment, for instance the findings of checks."""
    at_ms: int


def received(hop: Hop) -> bytes:
    """The Received field for this hop."""
    target = f"\r\n\tfor <{hop.recipient}>" if hop.recipient else ""
    tls = _tls_clause(hop.cipher) if hop.cipher else ""
    remark = f"\r\n\t({_comment(hop.remark)})" if hop.remark else ""
    return (
        f"Received: from {_client(hop.client_name, hop.client_address)}\r\n"
        f"\tby {hop.hostname} with {hop.protocol} id {hop.trace_id}{target}{tls}{remark};\r\n"
        f"\t{_date(hop.at_ms // 1000)}\r\n"
    ).encode()


def return_path(path: str) -> bytes:
    """The Return-Path field; `path` with its angle brackets, `<>` for the null path."""
    return f"Return-Path: {path}\r\n".encode()


def address_literal(address: str) -> str:
    """An IP address as RFC 5321 §4.1.3 writes it."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


class Client(Struct, frozen=True, gc=False):
    """Who a message came from, as our own field tells."""

    helo: str
    """What it called itself."""
    address: str
    """IP address; empty where it came by a local socket."""


def client_of(source: str, remarks: Sequence[str]) -> Client:
    """What `received` wrote of the client: from the word after `from`, and the comments that follow it.

    What the client called itself is a comment only where it is neither a name nor a literal; so a comment that is a
    literal, to the letter, is the address.
    """
    remark = remarks[0] if remarks else ""
    if _LITERAL.fullmatch(remark):
        return Client(source, _address_in(remark))
    if remark:
        return Client(remark, _address_in(source) if _LITERAL.fullmatch(source) else "")
    return Client(source, "")


def _address_in(literal: str) -> str:
    return literal[1:-1].removeprefix("IPv6:")


class Marks(Struct, frozen=True, gc=False):
    """What delivery must know of a message's header."""

    hops: int
    """The number of Received fields: of servers it has passed."""
    forged: bool
    """It may have fields that only we write."""


def marks(octets: bytes) -> Marks:
    """Read the header at the top of a message."""
    end = octets.find(b"\r\n\r\n")
    lower = (octets if end < 0 else octets[: end + 2]).lower()
    hops = lower.count(b"\nreceived:") + lower.startswith(b"received:")
    # `find`, since `in` takes octets for a number first, and costs twice as much
    if lower.find(b"\nreceived ") >= 0 or lower.find(b"\nreceived\t") >= 0:
        hops = len(_RECEIVED(lower))  # RFC 5322 §4.5: white space before the colon
    forged = (
        lower.find(b"return-path") >= 0
        or lower.find(b"authentication-results") >= 0
        or lower.find(b"bimi-") >= 0
    )
    return Marks(hops, forged)


def with_trace(octets: bytes, trace: bytes, seen: Marks, our_names: Collection[str] = ()) -> bytes:
    """The message below its new trace fields, without those that only we write.

    `our_names`: the authserv-ids (RFC 8601 §2.5) under which Authentication-Results are removed; none where the
    message comes from one of us, who may have checked its image as well.
    """
    if seen.forged:
        header, body_start = Header.parse(octets)
        kept = [field.raw for field in header.fields if not _is_ours(field, our_names)]
        octets = b"".join((*kept, header.separator, octets[body_start:]))
    return prepend(trace, octets)


def _is_ours(field: Field, our_names: Collection[str]) -> bool:
    if field.key == "authentication-results":
        return claims_to_be_by(field.raw, our_names)
    if our_names and field.key in bimi.FIELDS_ONLY_WE_WRITE:
        return True
    return field.key == "return-path"


@lru_cache(maxsize=1024)
def _client(name: str, address: str) -> str:
    literal = address_literal(address) if address else ""
    if _HOST.fullmatch(name) or _LITERAL.fullmatch(name):
        return f"{name} ({literal})" if literal else name
    # Not a valid name: the address takes its place, and the name becomes a comment
    return f"{literal or 'localhost'} ({_comment(name)})"


def _comment(text: str) -> str:
    safe = text if _PLAIN.fullmatch(text) else "".join(c if " " <= c <= "~" else "?" for c in text)
    return re.sub(r"([()\\])", r"\\\1", safe)


def _tls_clause(cipher: str) -> str:
    # RFC 8314 §4.3: the suite's registered name
    match = _TLS_1_2.fullmatch(cipher)
    rest = _TLS_1_2_CIPHERS.get(match[3]) if match else None
    name = f"TLS_{match[1]}_{match[2]}_WITH_{rest}" if match and rest else cipher.replace("-", "_")
    return f"\r\n\ttls {name}"


@lru_cache(maxsize=4)
def _date(at_s: int) -> str:
    return date.rfc5322(at_s * 1000)
