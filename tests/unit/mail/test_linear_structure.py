"""Every parser of a message's structure costs no more than its input deserves, at the limit of its input."""

from collections.abc import Callable

import pytest

from pillarbox.mail import address_field, address_list, bodystructure, date, parameter, threading
from pillarbox.mail.binary_parts import encoded
from pillarbox.mail.header import MAX_HEADER_OCTETS, Header, extent
from pillarbox.mail.imap_string import string
from pillarbox.mail.part_parser import parse
from pillarbox.mail.seven_bit import NotConvertible, convert
from pillarbox.mail.summary import summarize
from pillarbox.mail.surrogate import ascii_header
from tests.kit.linear import assert_linear

MESSAGE_OCTETS = 8 * 1024 * 1024
"""Enough to show what is quadratic; a message may be six times as large."""
FIELD_OCTETS = threading.MAX_VALUE_OCTETS
"""Of some fields less is read, of address fields twice as much."""

Shape = tuple[bytes, bytes, bytes]
"""What an input begins with, what is repeated, and what it ends with."""


def grown(shape: Shape) -> Callable[[int], bytes]:
    """Inputs of this shape, by their length."""
    before, piece, after = shape
    return lambda size: before + piece * ((size - len(before) - len(after)) // len(piece)) + after


_HEADERS: list[Shape] = [
    (b"", b"x", b""), (b"", b"x", b": y\r\n\r\n"), (b"", b"x ", b""), (b"", b"\n", b""), (b"", b"\r", b"\n"),
    (b"A:", b"\r\r\n", b""), (b"A: b\n", b"x y\n", b""), (b"", b"A: b\n", b""), (b"A: b\n", b" c\n", b"\n"),
    (b"", b"From x\n", b"x"), (b"", b"A \t", b":"), (b"", b">From ", b""), (b"\xef\xbb\xbf", b":", b""),
    (b"", b":\n", b"\n"), (b"A:", b"x", b"\n\n"), (b"", b"x\n", b"\nA: b\n"),
]  # fmt: skip


@pytest.mark.parametrize("shape", _HEADERS)
def test_headers(shape: Shape) -> None:
    def read(octets: bytes) -> None:
        header, _ = Header.parse(octets)
        _ = (header.all("a"), header.fields, header.lines({b"a"}), header.without("a"), header.cut)

    assert_linear(read, grown(shape), MAX_HEADER_OCTETS)
    assert_linear(lambda octets: extent(octets, 0, len(octets)), grown(shape), MESSAGE_OCTETS)


_MULTIPART = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
_LONG = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n" % (b"-" * 4000)
_MESSAGES: list[Shape] = [
    (b"", b"x", b""), (b"A: b\n\n", b"\n", b""), (b"A: b\n\n", b"\r", b""), (b"A: b\n\n", b"\r\n", b""),
    (_MULTIPART, b"--b\n", b""), (_MULTIPART, b"--b\n\n", b""), (_MULTIPART, b"--bx\n", b""),
    (_MULTIPART, b"--b", b""), (_MULTIPART + b"--b", b" ", b"x"),
    (_MULTIPART, b"--b" + b" " * 998 + b"x\n", b""), (_MULTIPART, b"--b\n--bx\n", b""),
    (_MULTIPART, b"-", b""), (_LONG, b"-", b""), (_LONG, b"-" * 4001 + b"\n", b""),
    (_MULTIPART, b"--b--x\n", b""), (b"", _MULTIPART + b"--b\n", b""),
    (b"", b"Content-Type: message/rfc822\n\n", b""), (b"Content-Type: message/rfc822\n\n" * 40, b"x\n", b""),
    (_MULTIPART, b"--b\nContent-Type: message/rfc822\n\nFrom: a@b, c@d\n\n", b""),
    (_MULTIPART, b"--b\nA: " + b"b" * 9000 + b"\n\n", b""),
    (_MULTIPART, b"--b\nContent-Description: \"\"\"\"\n\n", b""),
    (b"Content-Type: text/html\n\n", b"<a", b""), (b"A: b\n\n", b">\n", b""),
]  # fmt: skip


@pytest.mark.parametrize("shape", _MESSAGES)
def test_messages(shape: Shape) -> None:
    assert_linear(summarize, grown(shape), MESSAGE_OCTETS, within_s=3.0)


_VALUES: list[Shape] = [
    (b"", b"a", b""), (b"", b"a@b,", b""), (b"", b"a ", b""), (b"", b"(", b""), (b"", b"(", b"a@b"),
    (b"", b"()", b""), (b"", b'"', b""), (b"", b'\\"', b""), (b'"', b"\\", b""), (b"", b"<", b""),
    (b"", b"<a@b>", b""), (b"<", b"@a,", b":b@c>"), (b"", b"a:", b""), (b"", b"a:;", b""), (b"", b"[", b""),
    (b"", b"=?a?q?", b""), (b"", b"=?a?q?b?= ", b""), (b"", b"@", b""), (b"", b"a.", b"@b"),
    (b"", b"a. ", b"@b"), (b"", b"\xff", b""), (b"", b";a*0*=b", b""), (b"a", b"; b=c d", b""),
    (b"a; b=", b" c", b""), (b"a/", b" ", b"b"), (b"", b";", b""), (b'a; b="', b"\\", b""),
    (b"a; ", b"b ", b"=c"), (b"a; b=", b"(", b""), (b"", b"=", b""), (b"a; b=c", b" d=\"", b""),
    (b"", b"<", b"a@b"), (b"", b"<a@b> ", b""), (b"", b'<"a"@b>', b""), (b"", b'<"', b""), (b"<", b'"', b">"),
    (b"", b"a@b ", b""), (b"", b"1 ", b""), (b"Thu, ", b"1", b""), (b"", b"1 Jan 2020 ", b""),
    (b"", b"(a)", b" 1 Jan 2020"), (b"1 Jan 2020 00:00", b":00", b""), (b"1 Jan 2020 ", b" ", b"x"),
    (b"", b"en,", b""), (b"", b"\"\\", b""), (b"", b",", b""), (b"", b"\t \t", b"a@b"),
]  # fmt: skip
_READERS: dict[str, Callable[[bytes], object]] = {
    "address list": address_list.parse_address_list,
    "address field": lambda value: address_field.read(Header(b"To: " + value + b"\n"), "to"),
    "parameters": lambda value: parameter.decode(parameter.parse(value).parameters),
    "message ids": threading.message_ids,
    "date": date.parse_sent,
    "IMAP string": string,
    "surrogate": lambda value: ascii_header(b"To: \xc3\xa4%b\nContent-Type: \xc3\xa4%b\n" % (value, value)),
    "part": lambda value: bodystructure.render(
        parse(
            b"Content-Type: %b\nContent-Disposition: %b\nContent-Language: %b\nContent-Location: %b\n\n"
            % ((value,) * 4)
        )
    ),
}


@pytest.mark.parametrize("reader", _READERS)
def test_values_of_fields(reader: str) -> None:
    for shape in _VALUES:
        try:
            assert_linear(_READERS[reader], grown(shape), FIELD_OCTETS, within_s=2.0)
        except AssertionError as error:
            raise AssertionError(f"{shape}: {error}") from None


_BINARY_PART = b"--b\r\nContent-Transfer-Encoding: binary\r\n\r\n"


@pytest.mark.parametrize(
    "shape",
    [
        (b"Content-Transfer-Encoding: binary\n\n", b"x\0", b""),
        (_MULTIPART, _BINARY_PART + b"\0\r\n", b""),
        (_MULTIPART, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", _BINARY_PART + b"\0"),
    ],
)
def test_binary_parts(shape: Shape) -> None:
    assert_linear(lambda octets: list(encoded(octets) or ()), grown(shape), MESSAGE_OCTETS // 4)


_CONVERTED: list[Shape] = [
    (b"\n", b"x" * 999, b""), (b"\n", b"x" * 990 + b"\r\n", b"\xff"), (b"\n\xff", b"x", b""),
    (b"\n", b"\xff", b""), (b"\n\xff", b"\n", b""), (b"\n\xff", b"\r", b""), (_MULTIPART, b"\xff\r\n", b""),
    (_MULTIPART, b"--b\r\n\r\n\xff\r\n", b""), (_MULTIPART, b"\r", b"\xff\n"),
    (b"Content-Transfer-Encoding: base64\n\n", b"\xff", b""),
    (b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\xff\r\n", b""),
]  # fmt: skip


@pytest.mark.parametrize("shape", _CONVERTED)
def test_conversion(shape: Shape) -> None:
    def converted(octets: bytes) -> None:
        try:
            convert(b"MIME-Version: 1.0\r\n" + octets, eight_bit=False)
        except NotConvertible:
            pass

    assert_linear(converted, grown(shape), MESSAGE_OCTETS // 4, within_s=3.0)
