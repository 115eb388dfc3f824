"""`data:` URIs (RFC 2397), and images by how they begin."""

import pytest

from pillarbox.protocol.jmap.blobs.data_uri import InvalidDataUri, decode, encode, is_data_uri
from pillarbox.protocol.jmap.blobs.image_type import image_type


@pytest.mark.rfc("2397 §3", "MUST")
@pytest.mark.parametrize(
    ("uri", "type_", "octets"),
    [
        ("data:,A%20brief%20note", "text/plain", b"A brief note"),
        ("data:;base64,aGVsbG8=", "text/plain", b"hello"),
        ("DATA:Image/PNG;base64,aGVsbG8%3D", "image/png", b"hello"),
        ("data:text/plain;charset=utf-8;x=y;BASE64,aGVsbG8=", "text/plain", b"hello"),
        ("data:image/gif,%FF,", "image/gif", b"\xff,"),
    ],
)
def test_what_is_in_a_uri(uri: str, type_: str, octets: bytes) -> None:
    assert is_data_uri(uri)
    assert decode(uri) == (type_, octets)
    assert decode(encode(type_, octets)) == (type_, octets)


def test_what_is_none() -> None:
    for uri in ("data:", "data:image/png;base64", "data:;base64,a"):
        with pytest.raises(InvalidDataUri):
            decode(uri)
    assert not any(map(is_data_uri, ("https://x.example/", "dat", 5, None)))


@pytest.mark.parametrize(
    ("head", "type_"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypheic", "image/heic"),
        (b"II*\0", "image/tiff"),
        (b"BM6", "image/bmp"),
        (b"RIFF\x10\0\0\0WAVE", None),
        (b"\0\0\0\x1cftypmp42", None),
        (b"<svg xmlns=", None),
        (b"", None),
    ],
)
def test_images(head: bytes, type_: str | None) -> None:
    assert image_type(head) == type_
