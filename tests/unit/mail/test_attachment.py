"""Which messages have an attachment."""

import pytest

from pillarbox.mail.attachment import has_attachment
from pillarbox.mail.part_parser import parse

HTML = b"Content-Type: text/html\r\n\r\n<p><img src='cid:logo@x'></p>"


def multipart(subtype: bytes, *parts: bytes, boundary: bytes = b"b") -> bytes:
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b'Content-Type: multipart/%b; boundary="%b"\r\n\r\n%b--%b--\r\n' % (
        subtype,
        boundary,
        body,
        boundary,
    )


def image(disposition: bytes, cid: bytes = b"<logo@x>") -> bytes:
    return b"Content-Type: image/png\r\nContent-Disposition: %b\r\nContent-ID: %b\r\n\r\nx" % (
        disposition,
        cid,
    )


def has(octets: bytes) -> bool:
    return has_attachment(octets, parse(octets))


@pytest.mark.rfc("8621 §4.1.4", "SHOULD")
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"Content-Type: text/plain\r\n\r\nx", False, id="text"),
        pytest.param(b"Content-Type: application/pdf\r\n\r\nx", True, id="file alone"),
        pytest.param(multipart(b"related", HTML, image(b"inline")), False, id="inline image"),
        pytest.param(
            multipart(b"related", HTML, image(b"attachment")), False, id="labelled, but the HTML shows it"
        ),
        pytest.param(multipart(b"related", HTML, image(b"attachment", b"<else@x>")), True, id="not shown"),
        pytest.param(multipart(b"mixed", HTML, image(b"attachment")), True, id="not related"),
        pytest.param(
            multipart(b"related", HTML.replace(b"logo@x", b"logo%40x"), image(b"attachment")),
            False,
            id="percent",
        ),
        pytest.param(
            multipart(b"related", multipart(b"alternative", HTML, boundary=b"i"), image(b"attachment")),
            False,
            id="HTML within alternative",
        ),
        pytest.param(multipart(b"related", image(b"attachment")), True, id="no HTML at all"),
        pytest.param(
            multipart(b"related", HTML, image(b"attachment").replace(b"image/png", b"application/pdf")),
            True,
            id="a file that HTML links to",
        ),
    ],
)
def test_what_the_html_shows_is_no_attachment(octets: bytes, expected: bool) -> None:
    assert has(octets) is expected
