"""A signed message and its verdict (RFC 9219 §4.1, RFC 8551 §3.5, RFC 8550).

A message is verified where at least one of its signers is whom From names, with a certificate that is good, and has
signed what the message says. For a thread: hashing a message takes some milliseconds a megabyte, a signer one more.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

from cryptography import x509
from msgspec import Struct

from pillarbox.mail import part_parser, transfer
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.trust.smime import certificates, signatures, signed_data
from pillarbox.trust.smime.ber import NotBer
from pillarbox.trust.smime.certificates import Roots
from pillarbox.trust.smime.kinds import FAILED, UNKNOWN, VERIFIED, Kind, is_signature, kind_of
from pillarbox.trust.smime.signed_data import OtherContent, SignedData, Signer

MAX_SIGNATURE_OCTETS: Final = 512 * 1024
"""Of a signature beside what it signs, with its certificates, as it is written."""
MAX_OPAQUE_OCTETS: Final = 16 * 1024 * 1024
"""Of a message whose content is in the signature, as it is written: it is copied twice."""
MAX_ERRORS: Final = 20
_MAX_FROM_OCTETS: Final = 4 * 1024
_SLICE_OCTETS: Final = 64 * 1024


class Verdict(Struct, frozen=True):
    """What is found at one time."""

    status: str
    """`smimeStatus`."""
    errors: tuple[str, ...] = ()
    """Sentences for people; only of what failed."""


class _Signed(Struct, frozen=True):
    """What signers have signed."""

    data: SignedData
    octets: bytes
    start: int
    end: int
    """Of what is signed, in the octets."""
    is_text: bool
    """It is a part of the message: its line ends are CRLF wherever it was signed (RFC 8551 §3.1.1)."""

    def pieces(self) -> Iterator[bytes]:
        """What is signed."""
        for start in range(self.start, self.end, _SLICE_OCTETS):
            yield self.octets[start : min(self.end, start + _SLICE_OCTETS)]

    def canonical(self) -> Iterator[bytes]:
        """The same as it was signed, whatever a system has made of its line ends."""
        return _with_crlf(self.pieces()) if self.is_text else self.pieces()


class _Failed(Exception):
    """It cannot be looked at further; the text is for people."""


def verify(message: bytes, roots: Roots, *times_ms: int) -> tuple[Verdict, ...] | None:
    """A verdict for each of these times, or `None` where there is no signature. Never raises.

    Others than those of the first times differ only in what certificates were good then.
    """
    root = part_parser.parse(message)
    kind = kind_of(root.header.first("Content-Type"))
    if kind is Kind.NONE:
        return None
    try:
        signed = None if kind is Kind.UNKNOWN else _signed(message, root, kind)
        if signed is None:
            return (Verdict(UNKNOWN),) * len(times_ms)
        return _judged(signed, _authors(root.header), roots, times_ms)
    except (_Failed, NotBer) as why:
        text = str(why) if isinstance(why, _Failed) else f"The signature cannot be read: {why}"
        return (Verdict(FAILED, (text,)),) * len(times_ms)


def _signed(message: bytes, root: Part, kind: Kind) -> _Signed | None:
    """`None` where there is no signature of S/MIME in it. Raises `_Failed`, `NotBer`."""
    try:
        if kind is Kind.OPAQUE:
            if root.size > MAX_OPAQUE_OCTETS:
                raise _Failed("The signed message is too large")
            data = signed_data.read(_decoded(message, root))
            if not data.signers:
                return None  # certificates alone (RFC 8551 §3.8)
            if data.content is None:
                raise _Failed("The signature has no content")
            return _Signed(data, data.content, 0, len(data.content), is_text=False)
        if len(root.children) != 2 or root.cut or root.children[1].cut:
            raise _Failed("The message has no signature, or too many parts")
        content, beside = root.children
        if not is_signature(beside.content_type):
            return None
        if beside.size > MAX_SIGNATURE_OCTETS:
            raise _Failed("The signature is too large")
        data = signed_data.read(_decoded(message, beside))
        if not data.signers:
            raise _Failed("Nobody has signed the message")
        return _Signed(data, message, content.header_start, content.end, is_text=True)
    except OtherContent:
        if kind is Kind.OPAQUE:
            return None
        raise _Failed("The signature cannot be read: it is something else") from None


def _judged(
    signed: _Signed, authors: tuple[Address, ...], roots: Roots, times_ms: tuple[int, ...]
) -> tuple[Verdict, ...]:
    brought = certificates.loaded(signed.data.certificates)
    digests = _digests(signed)
    # What does not depend on the time is found once
    judged = [
        (signer, *_of_signer(signed, signer, authors, brought, digests)) for signer in signed.data.signers
    ]
    verdicts = []
    for at_ms in times_ms:
        errors: dict[str, None] = {}
        for _, certificate, found in judged:
            lasting = found
            if certificate is not None:
                lasting = [*found, *certificates.problems(certificate, brought, roots, at_ms)]
            if not lasting:
                errors.clear()
                break
            errors.update(dict.fromkeys(lasting))
        verdicts.append(Verdict(FAILED, tuple(errors)[:MAX_ERRORS]) if errors else Verdict(VERIFIED))
    return tuple(verdicts)


def _of_signer(
    signed: _Signed,
    signer: Signer,
    authors: tuple[Address, ...],
    brought: list[x509.Certificate],
    digests: dict[str, bytes],
) -> tuple[x509.Certificate | None, list[str]]:
    """The certificate, and what is wrong at any time."""
    if signer.digest not in digests:
        return None, ["The signature uses an algorithm that is not known, or broken"]
    problem = signatures.problem_of_attributes(signer, signed.data.content_type, digests[signer.digest])
    found = [f"{problem[:1].upper()}{problem[1:]}"] if problem else []
    certificate = certificates.of_signer(signer, brought)
    if certificate is None:
        return None, [*found, "The signer's certificate is missing, or has a key that is not usable"]
    content = signer.attributes
    if content is None:
        content = b"".join(signed.canonical())
    if not problem and not signatures.holds(signer, certificate, content):
        found.append("The signature does not hold")
    if not authors or not all(certificates.is_for(certificate, author) for author in authors):
        found.append("The address in From is none of the certificate")
    return certificate, found


def _digests(signed: _Signed) -> dict[str, bytes]:
    """Of the content, by each algorithm that a signer has used."""
    used = {signer.digest for signer in signed.data.signers} & signatures.DIGESTS.keys()
    made = {name: hashlib.new(signatures.DIGESTS[name][0]) for name in used}
    for piece in signed.canonical():
        for digest in made.values():
            digest.update(piece)
    return {name: digest.digest() for name, digest in made.items()}


def _with_crlf(pieces: Iterator[bytes]) -> Iterator[bytes]:
    carried = b""
    for piece in pieces:
        piece = carried + piece
        carried = b"\r" if piece.endswith(b"\r") else b""
        if carried:
            piece = piece[:-1]
        yield piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield carried


def _decoded(message: bytes, part: Part) -> bytes:
    return b"".join(transfer.pieces(message, part.body_start, part.end, part.encoding))


def _authors(header: Header) -> tuple[Address, ...]:
    """Those of the one From field; none where a reader could see others."""
    fields = header.all("From")
    if len(fields) != 1 or len(fields[0]) > _MAX_FROM_OCTETS or header.cut:
        return ()
    found = []
    items = parse_address_list(fields[0])
    for mailbox in mailboxes(items):
        try:
            found.append(Address.parse(str(Address(mailbox.local.decode(), mailbox.domain.decode()))))
        except (InvalidAddress, UnicodeDecodeError):
            return ()
    return () if items.cut else tuple(found)
