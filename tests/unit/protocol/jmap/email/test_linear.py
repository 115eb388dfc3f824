"""What anybody may send costs no more than its length deserves."""

import pytest

from pillarbox.mail.header import MAX_HEADER_OCTETS
from pillarbox.protocol.jmap.email import header_forms, snippet
from pillarbox.protocol.jmap.email.body_values import cut
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.header_forms import Form
from pillarbox.protocol.jmap.email.plan import Plan
from tests.kit.linear import assert_linear
from tests.kit.mail.emails import BODY, EVERYTHING, OF_MESSAGE

Shape = tuple[bytes, bytes, bytes]
"""What an input begins with, what is repeated, and what it ends with."""


def grown(shape: Shape, size: int) -> bytes:
    before, piece, after = shape
    return before + piece * ((size - len(before) - len(after)) // len(piece)) + after


VALUES: list[Shape] = [
    (b"", b"a@b,", b""), (b"", b"(", b""), (b"", b"(\\(", b""), (b"", b'"', b""), (b"", b"g:", b""), (b"", b"<", b""),
    (b"", b"<a", b">"), (b"", b"<a>", b""), (b"", b"()", b""), (b"", b"a ", b""), (b"", b"\r\n ", b""),
    (b"", b"=?utf-8?q?", b""), (b"", b"=?utf-8?q?a?= ", b""), (b"=?utf-8?q?", b"=CC=88", b"?="),
    (b"a", b"\xcc\x88", b""),
    (b"", b"=?x?q?a?= ", b""), (b"", b"\0", b""), (b"", b"\xff", b""), (b"", b"1 Jan 2000 ", b""), (b"", b", ", b"<a"),
]  # fmt: skip


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("shape", VALUES)
def test_forms(form: Form, shape: Shape) -> None:
    assert_linear(lambda size: header_forms.READERS[form](grown(shape, size)), int, 256 * 1024)


MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
PARTS: list[Shape] = [
    (MULTIPART, b"--b\r\n\r\nx\r\n", b""), (MULTIPART, b"--b\r\nContent-Type: image/png\r\n\r\n", b""),
    (MULTIPART.replace(b"mixed", b"alternative"), b"--b\r\nContent-Type: text/html\r\n\r\n", b""),
    (b"", MULTIPART + b"--b\r\n", b""), (b"Content-Transfer-Encoding: base64\r\n\r\n", b"QUJD", b""),
    (b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"=C3", b""),
    (b"Content-Type: text/html\r\n\r\n", b"<", b""), (b"Content-Type: text/html\r\n\r\n", b"<a '", b""),
    (b"Content-Type: text/html; charset=utf-7\r\n\r\n", b"+", b""), (b"\r\n", b"\xff", b""),
    (b"Content-Type: text/plain; charset=utf-32\r\n\r\n", b"\0\0\0a", b""),
    (b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + b"cid:x " * 40_000,
     b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <y>\r\nContent-Disposition: attachment\r\n\r\n", b""),
]  # fmt: skip


@pytest.mark.parametrize("shape", PARTS)
def test_messages(shape: Shape) -> None:
    def render(octets: bytes) -> None:
        EVERYTHING.render(EmailRow("B", len(octets)), octets)

    assert_linear(render, lambda size: grown(shape, size), 4 * 1024 * 1024)


@pytest.mark.parametrize(
    "shape",
    [
        (b"Subject: ", b"x\r\n ", b"\r\n\r\n"), (b"", b"X-A: b\r\n", b"\r\n"), (b"To: ", b"a@b,\r\n ", b"\r\n\r\n"),
        (b"X-A: ", b"=?utf-8?q?a?=\r\n ", b"\r\n\r\n"),
    ],
)  # fmt: skip
def test_headers(shape: Shape) -> None:
    plan = Plan.of_get(("from", "to", "subject", *OF_MESSAGE[:1], *OF_MESSAGE[2:]), BODY)
    row = EmailRow("B", 0)

    assert_linear(lambda octets: plan.render(row, octets), lambda size: grown(shape, size), MAX_HEADER_OCTETS)


@pytest.mark.parametrize("piece", ["<", "<a '", '<a "', "&", "&#", "<!--", "<a b>", "é"])
@pytest.mark.parametrize("start", ["", "<a "])
def test_cutting(start: str, piece: str) -> None:
    assert_linear(
        lambda text: cut(text, len(text) - 1, is_html=True),
        lambda size: start + piece * (size // len(piece)),
        1_000_000,
    )


@pytest.mark.parametrize("piece", ["x", " ", "fo ", "a\u0308", "\u0308", "日", "ﬁ", "<"])
def test_snippets(piece: str) -> None:
    terms = snippet.folded_terms(["foo", *[f"{letter}z" for letter in "abcdefghijklmnopqrstuvwxyz"]])

    assert_linear(
        lambda text: snippet.excerpt([text[at : at + 16_384] for at in range(0, len(text), 16_384)], terms),
        lambda size: piece * (size // len(piece)),
        1_000_000,
    )
    assert_linear(
        lambda text: snippet.subject(text, terms), lambda size: piece * (size // len(piece)), 64 * 1024
    )
