"""Bodies in ASCII: decoded they are the same, and nothing on the way has a reason to change them."""

import base64
import quopri

import pytest

from pillarbox.mail.composing.encodings import (
    LineScan,
    TextScan,
    base64_lines,
    crlf_lines,
    quoted_printable,
    text_lines,
)
from pillarbox.mail.slices import SLICE_OCTETS

SIZES = [1, 7, 1000, 1 << 20]


def cut(octets: bytes, size: int) -> list[bytes]:
    return [octets[at : at + size] for at in range(0, len(octets), size)]


@pytest.mark.rfc("2045 §6.8", "MUST")
@pytest.mark.parametrize("size", [1000, 58_368, 58_369, 1 << 20])
@pytest.mark.parametrize("length", [0, 1, 57, 58, 58_367, 58_368, 58_369, 200_000])
def test_base64(length: int, size: int) -> None:
    octets = bytes(n * 7 % 256 for n in range(length))
    written = b"".join(base64_lines(cut(octets, size)))
    assert base64.b64decode(written) == octets
    lines = written.split(b"\r\n")
    assert all(len(line) == 76 for line in lines[:-1])
    assert len(lines[-1]) <= 76
    assert bool(lines[-1]) == bool(octets)


TEXTS = [
    "",
    "a",
    "a\n",
    "\n\n",
    "trailing \n\ttab\t\n end ",
    "From here\nFrom there\n" + "x" * 70 + "\nFrom" + " y" * 60,
    ".\n..\n.",
    "grün = 5\n" * 20,
    "x" * 3000,
    "é" * 3000 + "\n",
    "a b " * 500,
    "\x0c\x1b",
    "x" * (3 * SLICE_OCTETS) + "é\nend",
    ("x" * 997 + "\n") * 5,
    "=_=20=\n",
]


@pytest.mark.rfc("2045 §6.7", "MUST")
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("size", [1, 100_000])
def test_quoted_printable(text: str, size: int) -> None:
    octets = b"".join(text_lines(text))
    if size == 1 and len(octets) > 10_000:
        size = 1000
    written = b"".join(quoted_printable(cut(octets, size)))
    assert written.isascii()
    assert quopri.decodestring(written) == octets
    for line in written.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b"From ")
        assert line != b"."
        assert line[-1:] not in (b" ", b"\t")
        assert b"=_" not in line
        assert b"\n" not in line


def test_a_line_end_is_never_cut() -> None:
    pieces = [b"x" * 40_000 + b"\r", b"\nend"]
    assert quopri.decodestring(b"".join(quoted_printable(pieces))) == b"".join(pieces)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("", "7bit"),
        ("hello\nworld", "7bit"),
        ("a\tb\n", "7bit"),
        ("x" * 998 + "\n", "7bit"),
        ("x" * 998, "7bit"),
        ("x" * 999, "quoted-printable"),
        ("x" * 999 + "\n", "quoted-printable"),
        ("a\n" + "x" * 999 + "\n", "quoted-printable"),
        ("x" * 200_000, "quoted-printable"),
        ("grün, aber fast nur ASCII", "quoted-printable"),
        ("日本語", "base64"),
        ("-- \nAnn", "quoted-printable"),
        ("end ", "quoted-printable"),
        ("end\t\n", "quoted-printable"),
        ("From here", "quoted-printable"),
        ("a\nFrom here", "quoted-printable"),
        ("a From here", "7bit"),
        ("a\rb", "base64"),
        ("a\r", "base64"),
        ("a\0b", "base64"),
        ("\x1b[2J", "quoted-printable"),
        ("--=_boundary", "quoted-printable"),
        ("é" + "x" * 100_000 + "\nFrom ", "quoted-printable"),
        ("x\n" * 100_000 + "From ", "quoted-printable"),
    ],
)
def test_which_encoding_a_text_has(text: str, encoding: str) -> None:
    scan = TextScan()
    for lines in text_lines(text):
        scan.add(lines)
    assert scan.encoding() == encoding


def test_what_is_seen_at_an_edge_of_two_pieces() -> None:
    for edge in range(1, 12):
        for text in (b"ab\r\nFrom x\r\n", b"ab\r\n--=_x\r\n", b"abcdefg \r\nx\r\n"):
            scan = TextScan()
            if text[edge - 1 : edge] != b"\r":
                scan.add(text[:edge])
                scan.add(text[edge:])
                assert scan.encoding() == "quoted-printable"


@pytest.mark.parametrize("text", ["a\nb\r\nc", "\r\n" * 70_000, "x" * 32_767 + "\r\ny\r\r\nz\r", "a\rb"])
def test_line_ends_of_texts(text: str) -> None:
    written = b"".join(text_lines(text))
    assert written == text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


@pytest.mark.parametrize("size", SIZES)
def test_line_ends_of_messages(size: int) -> None:
    octets = b"a\nb\r\nc\r\r\n\n\rd\r"
    assert b"".join(crlf_lines(cut(octets, size))) == b"a\r\nb\r\nc\r\r\n\r\n\rd\r"


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("octets", "is_ascii", "is_unfit"),
    [
        (b"Subject: x\r\n\r\nhi\r\n", True, False),
        (b"Subject: x\n\nhi\n", True, False),
        ("Subject: é\r\n".encode(), False, False),
        (b"x" * 998 + b"\r\n", True, False),
        (b"x" * 999 + b"\r\n", True, True),
        (b"x\r\n" + b"y" * 999 + b"\n", True, True),
        (b"x" * 998, True, False),
        (b"x" * 999, True, True),
        (b"a\0b", True, True),
        (b"a\rb", True, True),
        (b"a\r", True, True),
    ],
)
def test_how_a_message_may_stand_in_another(octets: bytes, is_ascii: bool, is_unfit: bool, size: int) -> None:
    scan = LineScan([b"mark"])
    for piece in crlf_lines(cut(octets, size)):
        scan.add(piece)
    assert (scan.is_ascii, scan.is_unfit, scan.found) == (is_ascii, is_unfit, set())


def test_marks_are_found_at_any_place() -> None:
    for before in range(8):
        scan = LineScan([b"mark", b"other"])
        for piece in cut(b"x" * before + b"mark", 4):
            scan.add(piece)
        assert scan.found == {b"mark"}
