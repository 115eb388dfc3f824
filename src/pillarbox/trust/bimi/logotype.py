"""The image in a certificate: the logotype extension (RFC 9399 §4.1), read as far as mark certificates use it.

LogotypeExtn   ::= SEQUENCE { ..., subjectLogo [2] EXPLICIT LogotypeInfo, ... }
LogotypeInfo   ::= CHOICE { direct [0] LogotypeData, ... }
LogotypeData   ::= SEQUENCE { image SEQUENCE OF LogotypeDetails ... }
LogotypeDetails ::= SEQUENCE { mediaType, hashes SEQUENCE OF { algorithm, value }, uris SEQUENCE OF IA5String }
"""

import binascii
import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from pillarbox.trust.bimi.indicator import unpacked

OID: Final = "1.3.6.1.5.5.7.1.12"
MAX_FILE_OCTETS: Final = 128 * 1024
"""Of a file of certificates: twice what the largest image in one takes. The whole is parsed in one piece."""
MAX_EXTENSION_OCTETS: Final = 128 * 1024
MAX_IMAGES: Final = 4
"""Images looked at in one certificate."""

_SEQUENCE: Final = 0x30
_SUBJECT_LOGO: Final = 0xA2
_DIRECT: Final = 0xA0
_OBJECT_IDENTIFIER: Final = 0x06
_OCTET_STRING: Final = 0x04
_IA5_STRING: Final = 0x16
_MEDIA_TYPES: Final = (b"image/svg+xml", b"image/svg+xml+gzip")
_SCHEMES: Final = tuple(b"data:" + media_type + b";base64," for media_type in _MEDIA_TYPES)
# The image stands in what the authority has signed; its hash, often SHA-1, only tells that it is whole
_HASHES: Final[dict[bytes, Callable[[bytes], Any]]] = {
    bytes.fromhex("2b0e03021a"): partial(hashlib.sha1, usedforsecurity=False),
    bytes.fromhex("608648016503040201"): hashlib.sha256,
    bytes.fromhex("608648016503040202"): hashlib.sha384,
    bytes.fromhex("608648016503040203"): hashlib.sha512,
}


class _NotDer(Exception):
    pass


def image(extension: bytes) -> bytes | None:
    """The SVG in a logotype extension, without compression; None where there is none whose hash is right."""
    if len(extension) > MAX_EXTENSION_OCTETS:
        return None
    try:
        for details in _images(extension):
            found = _image(details)
            if found is not None:
                return found
    except _NotDer:
        pass
    return None


def _images(extension: bytes) -> Iterator[bytes]:
    """`LogotypeDetails` of the subject's images."""
    logotype = _only(extension, _SEQUENCE)
    info = next((content for tag, content in _elements(logotype) if tag == _SUBJECT_LOGO), b"")
    data = _only(info, _DIRECT)
    # `LogotypeData` is a sequence of which [0] takes the place of the tag
    images = next((content for tag, content in _elements(data) if tag == _SEQUENCE), b"")
    for number, (tag, content) in enumerate(_elements(images)):
        if tag == _SEQUENCE and number < MAX_IMAGES:
            yield _first(content, _SEQUENCE)


def _image(details: bytes) -> bytes | None:
    parts = [content for tag, content in _elements(details) if tag == _SEQUENCE]
    if len(parts) < 2:
        return None
    for tag, uri in _elements(parts[1]):
        scheme = next((each for each in _SCHEMES if uri[: len(each)].lower() == each), None)
        if tag != _IA5_STRING or not scheme:
            continue
        try:
            packed = binascii.a2b_base64(uri[len(scheme) :], strict_mode=True)
        except binascii.Error:
            return None
        found = unpacked(packed)
        # Some hash what stands in the URI, some the image
        if found is not None and (_has_hash(parts[0], packed) or _has_hash(parts[0], found)):
            return found
    return None


def _has_hash(hashes: bytes, octets: bytes) -> bool:
    for tag, content in _elements(hashes):
        if tag != _SEQUENCE:
            continue
        pair = list(_elements(content))
        if [each[0] for each in pair] != [_SEQUENCE, _OCTET_STRING]:
            continue
        algorithm = _HASHES.get(_first(pair[0][1], _OBJECT_IDENTIFIER))
        if algorithm and algorithm(octets).digest() == pair[1][1]:
            return True
    return False


def _only(octets: bytes, tag: int) -> bytes:
    elements = list(_elements(octets))
    if len(elements) != 1 or elements[0][0] != tag:
        raise _NotDer
    return elements[0][1]


def _first(octets: bytes, tag: int) -> bytes:
    found = next(_elements(octets), None)
    if not found or found[0] != tag:
        raise _NotDer
    return found[1]


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Tags and contents, of one octet per tag and definite lengths (DER)."""
    at, end = 0, len(octets)
    while at < end:
        if at + 2 > end:
            raise _NotDer
        tag, length = octets[at], octets[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4 or at + size > end:
                raise _NotDer
            length = int.from_bytes(octets[at : at + size], "big")
            at += size
        if at + length > end:
            raise _NotDer
        yield tag, octets[at : at + length]
        at += length
