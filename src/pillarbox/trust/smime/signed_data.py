"""A SignedData of CMS: RFC 5652 §5.1 to §5.3."""

from typing import Final

from msgspec import Struct

from pillarbox.trust.smime import ber
from pillarbox.trust.smime.ber import CONTEXT_0, INTEGER, SEQUENCE, SET, Element, NotBer, Reader

MAX_CERTIFICATES: Final = 20
"""That a message brings along; further ones make it unreadable."""
MAX_CERTIFICATE_OCTETS: Final = 32 * 1024
MAX_SIGNERS: Final = 4
MAX_ATTRIBUTES: Final = 50
MAX_SIGNATURE_OCTETS: Final = 4 * 1024

_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
DATA: Final = "1.2.840.113549.1.7.1"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"


class OtherContent(ValueError):
    """It is CMS, but of another kind: encrypted, as a rule."""


class Signer(Struct, frozen=True, gc=False):
    """One SignerInfo (§5.3)."""

    issuer: bytes
    """In DER; empty where `key_id` names the certificate."""
    serial: int
    key_id: bytes
    digest: str
    """The algorithm, as object identifier; likewise `algorithm`."""
    algorithm: str
    signature: bytes
    attributes: bytes | None
    """What is signed if there are attributes, as it is digested: a SET."""
    content_type: str | None
    """Of these attributes."""
    message_digest: bytes | None


class SignedData(Struct, frozen=True):
    """Certificates and signers."""

    content_type: str
    content: bytes | None
    """What is signed, if it is in there."""
    certificates: tuple[bytes, ...]
    """In DER."""
    signers: tuple[Signer, ...]


def read(octets: bytes) -> SignedData:
    """Raises `NotBer`, and `OtherContent` where it is not signed data."""
    reader = Reader(octets)
    parts = reader.children(reader.root(), SEQUENCE)
    if len(parts) != 2:
        raise NotBer("it has no content")
    if reader.oid(parts[0]) != _SIGNED_DATA:
        raise OtherContent
    fields = reader.children(_only(reader, parts[1], CONTEXT_0), SEQUENCE)
    if len(fields) < 4:
        raise NotBer("fields are missing")
    content_type, content = _content(reader, fields[2])
    certificates: tuple[bytes, ...] = ()
    for field in fields[3:-1]:
        if field.tag == CONTEXT_0:
            certificates = _certificates(reader, field)
    return SignedData(content_type, content, certificates, _signers(reader, fields[-1]))


def _only(reader: Reader, parent: Element, tag: int) -> Element:
    children = reader.children(parent, tag)
    if len(children) != 1:
        raise NotBer("an element is missing, or there are several")
    return children[0]


def _content(reader: Reader, element: Element) -> tuple[str, bytes | None]:
    parts = reader.children(element, SEQUENCE)
    if not 1 <= len(parts) <= 2:
        raise NotBer("its content is not readable")
    content = reader.string(_only(reader, parts[1], CONTEXT_0)) if len(parts) == 2 else None
    return reader.oid(parts[0]), content


def _certificates(reader: Reader, element: Element) -> tuple[bytes, ...]:
    """Other forms than those of X.509 are left out."""
    found = list[bytes]()
    for each in reader.each(element):
        if each.tag != SEQUENCE:
            continue
        if len(found) >= MAX_CERTIFICATES or each.after - each.start > MAX_CERTIFICATE_OCTETS:
            raise NotBer("it has too many certificates, or too large ones")
        found.append(reader.whole(each))
    return tuple(found)


def _signers(reader: Reader, element: Element) -> tuple[Signer, ...]:
    found = list[Signer]()
    for each in reader.each(element, SET):
        if len(found) >= MAX_SIGNERS:
            raise NotBer("it has too many signers")
        found.append(_signer(reader, each))
    return tuple(found)


def _signer(reader: Reader, element: Element) -> Signer:
    fields = reader.children(element, SEQUENCE)
    if len(fields) < 5:
        raise NotBer("fields of a signer are missing")
    issuer, serial, key_id = _identifier(reader, fields[1])
    digest = _algorithm(reader, fields[2])
    attributes, rest = None, fields[3:]
    content_type, message_digest = None, None
    if rest[0].tag == CONTEXT_0:
        content_type, message_digest = _attributes(reader, rest[0])
        # §5.4: digested with the tag of a SET
        attributes, rest = ber.sequence_of(SET, reader.inside(rest[0])), rest[1:]
    if len(rest) < 2 or rest[1].end - rest[1].content > MAX_SIGNATURE_OCTETS:
        raise NotBer("a signature is missing, or too large")
    return Signer(
        issuer,
        serial,
        key_id,
        digest,
        _algorithm(reader, rest[0]),
        reader.string(rest[1]),
        attributes,
        content_type,
        message_digest,
    )


def _identifier(reader: Reader, element: Element) -> tuple[bytes, int, bytes]:
    if element.tag == 0x80:
        return b"", 0, reader.content(element, 0x80)
    children = reader.children(element, SEQUENCE)
    if len(children) != 2:
        raise NotBer("a signer is not named")
    serial = reader.content(children[1], INTEGER)
    if len(serial) > 64:
        raise NotBer("a serial number is too large")
    return reader.whole(children[0]), int.from_bytes(serial, "big", signed=True), b""


def _algorithm(reader: Reader, element: Element) -> str:
    children = reader.children(element, SEQUENCE)
    if not children:
        raise NotBer("an algorithm is missing")
    return reader.oid(children[0])


def _attributes(reader: Reader, element: Element) -> tuple[str | None, bytes | None]:
    """Content type and digest. Raises `NotBer`: each may be there once, with one value (§11.1, §11.2)."""
    values: dict[str, Element] = {}
    for number, attribute in enumerate(reader.each(element)):
        if number >= MAX_ATTRIBUTES:
            raise NotBer("it has too many attributes")
        parts = reader.children(attribute, SEQUENCE)
        if len(parts) != 2:
            raise NotBer("an attribute is not readable")
        name = reader.oid(parts[0])
        if name in values:
            raise NotBer("an attribute is there twice")
        if name in (_CONTENT_TYPE, _MESSAGE_DIGEST):
            values[name] = _only(reader, parts[1], SET)
    kind, digest = values.get(_CONTENT_TYPE), values.get(_MESSAGE_DIGEST)
    return None if kind is None else reader.oid(kind), None if digest is None else reader.string(digest)
