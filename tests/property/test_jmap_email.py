"""Any octets are an email whose properties have their declared types, and rows say the same as the message."""

from hypothesis import example, given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.email.body_values import cut
from tests.kit.mail.emails import check_email

PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b" ", b"\t", b"\0", b"\r", b": ", b"From", b"To", b"Subject", b"X-A", b"Date", b"References",
        b"List-Id", b"List-Post", b"Content-Type: ", b"multipart/alternative", b"multipart/mixed; boundary=b",
        b"\r\n\r\n--b\r\n", b"--b--", b"text/html", b"text/plain; charset=utf-8", b"image/png", b"message/rfc822",
        b"multipart/digest; boundary=c", b"--c\r\n", b"Content-Disposition: attachment; filename=x", b"a@b", b"<", b">",
        b"(", b")", b'"', b"\\", b",", b";", b"g:", b"=?utf-8?q?=C3=A4?=", b"=?utf-8?b?w6Q=?=", b"\xc3\xa4", b"\xff",
        b"1 Jan 2000 00:00 +0100", b"<a@b>", b"<http://x>", b"\xef\xbb\xbf", b"Content-Transfer-Encoding: base64",
        b"quoted-printable", b"QUJD", b"=C3=\r\n", b"From : ", b"Content-ID: <x>", b"<img src=cid:x>",
    ]
)  # fmt: skip
MESSAGES = st.lists(PIECES, max_size=40).map(b"".join)


@given(MESSAGES | st.binary(max_size=300))
@example(b"From : a@b\r\nFrom: c@d\r\n\r\n")
@example(b"From: a@b\r\nFrom : c@d\r\n\r\n")
@example(b"\xef\xbb\xbfFrom: a@b\r\nTo: c@d\r\n\r\n")
@example(b"Subject: a\n b\nTo:\n c@d\n")
@example(b"Subject: a\r\n \r\n")
@example(b"From: a@b\nSubject: x\r")
@example(b"From: a@b\nstray\nContent-Type: multipart/mixed; boundary=b\n--b\n\nx\n--b--\n")
@example(b"To: a@b\rCc: c@d\n\n")
def test_any_octets_are_an_email(octets: bytes) -> None:
    check_email(octets)


@given(st.text("aä😀<>&;\"' /!#x1", max_size=60), st.integers(0, 70), st.booleans())
def test_a_text_is_cut_between_characters(text: str, most: int, is_html: bool) -> None:
    found = cut(text, most, is_html=is_html)

    assert len(found.encode()) <= most
    assert text.startswith(found)
    assert found == text or len(text.encode()) > most
