"""Binary parts in base64: what is changed, and that nothing is lost."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from pillarbox.mail import binary_parts

PICTURE = bytes(range(256)) * 500 + b"\r\n--b\r\n\n\r"
TEXT = b"Content-Type: text/plain\r\n\r\nword\r\n"


def message(*parts: bytes, kind: bytes = b"mixed", above: bytes = b"Subject: x\r\n") -> bytes:
    header = above + b"MIME-Version: 1.0\r\nContent-Type: multipart/%b; boundary=out\r\n" % kind
    divided = b"".join(b"--out\r\n%b\r\n" % part for part in parts)
    return header + b"Content-Transfer-Encoding: binary\r\n\r\n" + divided + b"--out--\r\n"


def part(body: bytes = PICTURE, label: bytes = b"Content-Transfer-Encoding: Binary (x)\r\n") -> bytes:
    return b"Content-Type: image/png\r\n" + label + b"Content-ID: <1@x>\r\n\r\n" + body


def encoded(octets: bytes) -> bytes:
    pieces = binary_parts.encoded(octets)
    return octets if pieces is None else b"".join(pieces)


def read(octets: bytes) -> EmailMessage:
    return email.message_from_bytes(octets, policy=email.policy.default)


@pytest.mark.rfc("9051 §4.3", "MUST")
def test_a_binary_part_is_encoded_where_it_stands() -> None:
    octets = message(TEXT, part(), TEXT)
    found = encoded(octets)

    assert b"\0" not in found
    assert max(map(len, found.split(b"\r\n"))) <= 76
    head, _, rest = octets.partition(part())
    label = b"Content-Transfer-Encoding: base64\r\n"
    assert found.startswith(head + b"Content-Type: image/png\r\n" + label + b"Content-ID: <1@x>\r\n\r\n")
    assert found.endswith(rest)
    one, picture, other = read(found).iter_parts()
    assert picture.get_payload(decode=True) == PICTURE
    assert one.get_content() == other.get_content() == "word\r\n"


def test_a_message_that_is_binary_itself_and_one_within_another() -> None:
    whole = b"Received: y\r\n" + part()
    assert read(encoded(whole)).get_payload(decode=True) == PICTURE
    assert encoded(whole).startswith(b"Received: y\r\n")

    inner = b"Content-Type: message/rfc822\r\n\r\n" + part()
    assert read(encoded(message(inner))).get_payload(0).get_payload(0).get_payload(decode=True) == PICTURE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(message(TEXT, part(b"text\n")), id="no NUL"),
        pytest.param(message(part(label=b"")), id="not labelled"),
        pytest.param(message(part(label=b"Content-Transfer-Encoding: 8bit\r\n")), id="another label"),
        pytest.param(message(part(), TEXT, kind=b"signed"), id="signed"),
        pytest.param(message(part(), kind=b"encrypted"), id="encrypted"),
        pytest.param(message(TEXT, above=b"Subject: a\0b\r\n"), id="in a header"),
        pytest.param(b"Subject: x\r\n\r\na\0b", id="text without MIME"),
        pytest.param(
            message(b"Content-Type: message/partial\r\nContent-Transfer-Encoding: binary\r\n\r\n\0"),
            id="message",
        ),
    ],
)
def test_what_is_left_as_it_is(octets: bytes) -> None:
    assert binary_parts.encoded(octets) is None


def test_whether_there_is_nul() -> None:
    assert binary_parts.holds_binary(b"a" * 1_000_000 + b"\0")
    assert not binary_parts.holds_binary(PICTURE.replace(b"\0", b""))
