"""Texts of parts, and where they are cut."""

import base64

import pytest

from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email import body_values
from pillarbox.protocol.jmap.email.body_values import Room, body_value, cut
from pillarbox.protocol.jmap.types.email import EmailBodyValue
from tests.kit.mail.messages import part


def read(octets: bytes, max_octets: int = body_values.MAX_VALUE_OCTETS) -> EmailBodyValue:
    return body_value(octets, parse(octets), max_octets)


@pytest.mark.rfc("8621 §4.1.4", "MUST")
@pytest.mark.parametrize(
    ("message", "value", "has_problem"),
    [
        pytest.param(b"\r\na\r\nb\nc\rd", "a\nb\nc\rd", False, id="line ends"),
        pytest.param(part("text/plain; charset=utf-8", body="ä€😀".encode()), "ä€😀", False, id="UTF-8"),
        pytest.param(part("text/plain; charset=utf-8", body=b"a\xffb"), "a\ufffdb", True, id="not UTF-8"),
        pytest.param(part("text/plain; charset=utf-8", body="a\ufffdb".encode()), "a\ufffdb", False, id="U+FFFD"),
        pytest.param(
            part("text/plain; charset=utf-8", body="\ufffd".encode() + b"\xff"), "\ufffd\ufffd", True, id="both"
        ),
        pytest.param(part("text/plain; charset=latin1", body=b"\xe4"), "ä", False, id="Latin-1"),
        pytest.param(part("text/plain; charset=x-unknown", body=b"abc"), "abc", True, id="unknown charset"),
        pytest.param(part("text/plain; charset=us-ascii", body=b"abc"), "abc", False, id="US-ASCII"),
        pytest.param(part("text/plain; charset=us-ascii", body="ä".encode()), "ä", True, id="not US-ASCII"),
        pytest.param(part("text/plain", body="ä".encode()), "ä", False, id="no charset, UTF-8"),
        pytest.param(part("text/plain", body=b"\xe4"), "ä", True, id="no charset, guessed"),
        pytest.param(
            part("text/plain", "Content-Transfer-Encoding: foobar", body=b"=41"), "=41", True, id="unknown encoding"
        ),
        pytest.param(
            part("text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", body=b"w6Q="), "ä", False,
            id="base64",
        ),
        pytest.param(
            part("text/html", body=b"<meta charset=iso-8859-1>\xe4"), "<meta charset=iso-8859-1>ä", False,
            id="HTML names its charset",
        ),
        pytest.param(b"", "", False, id="nothing"),
    ],
)  # fmt: skip
def test_values(message: bytes, value: str, has_problem: bool) -> None:
    assert read(message) == EmailBodyValue(value, has_problem, False)


HTML = "ä€😀<a href=x>b</a> c"


@pytest.mark.rfc("8621 §4.2", "MUST")
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("max_octets", range(1, 31))
def test_no_value_is_longer_or_cut_inside_of_a_character_or_tag(encoding: str, max_octets: int) -> None:
    body = HTML.encode()
    if encoding == "base64":
        body = base64.encodebytes(body)
    elif encoding == "quoted-printable":
        body = "".join(f"={octet:02X}" for octet in body).encode()
    message = part("text/html; charset=utf-8", f"Content-Transfer-Encoding: {encoding}", body=body)
    found = read(message, max_octets)

    octets = found.value.encode()
    assert len(octets) <= max_octets
    assert HTML.startswith(found.value)
    assert found.is_truncated is (found.value != HTML)
    assert not found.is_encoding_problem
    ends = [2, 5, 9, 19, 20, 24, 25, 26]  # where it may be cut
    assert len(octets) == max([end for end in ends if end <= max_octets], default=0)


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ('a<b title="x > y" cd>', "a"),
        ("a<b title='x < y' cd>", "a"),
        ("a < b and so on and on", "a < b and so on and "),
        ("1 <2 and so on and on", "1 <2 and so on and o"),
        ("a<!-- comment -->bcd", "a<!-- comment -->bcd"[:20]),
        ("abcdefghijklmnop&amp;", "abcdefghijklmnop"),
        ("abcdefghijklmnop&#1234;", "abcdefghijklmnop"),
        ("abcdefghijkl AT&T. And", "abcdefghijkl AT&T. A"),
        ("<p>abc</p><p>defghij</p>", "<p>abc</p><p>defghij"),
    ],
)
def test_html_is_cut_between_tags_and_references(html: str, kept: str) -> None:
    assert cut(f"{html} x", 20, is_html=True) == kept


def test_other_text_is_cut_anywhere() -> None:
    assert cut("a<b title=c>", 5, is_html=False) == "a<b t"


def test_a_tag_that_never_ends_does_not_take_all_with_it() -> None:
    html = "text<a " + "x" * 100_000

    assert len(cut(html, 90_000, is_html=True)) == 90_000


@pytest.mark.parametrize(
    "label", ["utf-8", "utf-16", "utf-32", "shift_jis", "iso-2022-jp", "gb18030", "latin1"]
)
def test_of_a_large_part_the_beginning_is_read_in_any_charset(label: str) -> None:
    text = "abcd\r\n" * 100_000 if label == "latin1" else "日本語a\r\n" * 50_000
    message = part(
        f"text/plain; charset={label}", "Content-Transfer-Encoding: base64",
        body=base64.encodebytes(text.encode(label)),
    )  # fmt: skip
    slices: list[int] = []

    for max_octets in (1, 2, 3, 100, 1_001, 20_002):
        found = body_value(message, parse(message), max_octets, lambda: slices.append(1))
        expected = text.replace("\r\n", "\n").encode()[:max_octets].decode(errors="ignore")
        assert found == EmailBodyValue(expected, False, True)
    assert len(slices) < 200


def test_a_huge_part_is_not_read_whole() -> None:
    message = part("text/plain", body=b"\xc3\xa4" * 5_000_000)
    slices: list[int] = []

    found = body_value(message, parse(message), 1000, lambda: slices.append(1))
    assert found == EmailBodyValue("ä" * 500, False, True)
    assert len(slices) < 10


def test_the_room_of_a_response_is_counted_in_octets() -> None:
    room = Room(10)
    room.take(EmailBodyValue("aä"))

    assert room.octets == 7
