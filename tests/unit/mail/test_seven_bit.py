"""Conversion for servers without 8BITMIME or BINARYMIME: lossless, or refused."""

import email

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.composing.folding import MAX_LINE_OCTETS
from pillarbox.mail.part_parser import parse
from pillarbox.mail.seven_bit import (
    LongLines,
    NotConvertible,
    convert,
    in_final_form,
    needs_smtputf8,
)
from pillarbox.mail.slices import SLICE_OCTETS
from pillarbox.mail.transfer import decode
from tests.kit.mail.parts import parts_of

HIGH = "Viele schöne Grüße aus Köln am Rhein".encode()


def message(*lines: bytes | str) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)


def leaves(octets: bytes) -> list[bytes]:
    return [
        decode(octets[part.body_start : part.end], part.encoding)
        for part in parse(octets).walk()
        if not part.children
    ]


def fit(octets: bytes) -> bool:
    lines = octets.split(b"\r\n")
    return octets.isascii() and not any(
        len(line) > MAX_LINE_OCTETS or b"\r" in line or b"\n" in line for line in lines
    )


TEXT = ("MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8")
MIXED = (
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "Content-Transfer-Encoding: 8bit",
    "",
)


@pytest.mark.rfc("6152 §3", "MUST")
def test_text_becomes_quoted_printable_and_its_label_follows() -> None:
    octets = message("Subject: x", *TEXT, "Content-Transfer-Encoding: 8bit", "", HIGH, ".", "end  ")
    converted = convert(octets, eight_bit=False)
    assert fit(converted)
    assert leaves(converted) == leaves(octets)
    parsed = email.message_from_bytes(converted)
    assert parsed["Content-Transfer-Encoding"] == "quoted-printable"
    assert parsed["Subject"] == "x"


def test_a_message_that_needs_no_conversion_is_the_same_object() -> None:
    octets = message("Subject: x", "", "plain")
    assert convert(octets, eight_bit=False) is octets
    high = message("Subject: x", *TEXT, "", HIGH)
    assert convert(high, eight_bit=True) is high


def test_each_leaf_by_itself_and_plain_ones_as_they_were() -> None:
    octets = message(
        *MIXED, b"pre\xe4mble", "--b", "Content-Type: text/plain", "", "plain", "--b",
        "Content-Type: text/plain; charset=utf-8", "", HIGH, "--b", "Content-Type: application/pdf", "",
        bytes(range(128, 255)), "--b--", "epilogue",
    )  # fmt: skip
    converted = convert(octets, eight_bit=False)
    assert fit(converted)
    assert leaves(converted) == leaves(octets)
    root = email.message_from_bytes(converted)
    assert root["Content-Transfer-Encoding"] == "7bit"
    assert [part["Content-Transfer-Encoding"] for part in parts_of(root)] == [
        None,
        "quoted-printable",
        "base64",
    ]
    assert b"pre?mble" in converted


def test_inside_an_enclosed_message() -> None:
    inner = ("Subject: inner", *TEXT, "Content-Transfer-Encoding: 8bit", "", HIGH)
    octets = message(*MIXED, "--b", "Content-Type: message/rfc822", "", *inner, "--b--")
    converted = convert(octets, eight_bit=False)
    assert fit(converted)
    assert leaves(converted) == leaves(octets)


@pytest.mark.rfc("6532 §3.7", "MAY")
def test_an_international_message_inside_is_encoded_whole() -> None:
    inner = message("Subject: Grüße", "", HIGH)
    octets = message(*MIXED, "--b", "Content-Type: message/global", "", inner, "--b--")
    converted = convert(octets, eight_bit=False)
    assert fit(converted)
    assert leaves(converted) == [inner]


@pytest.mark.rfc("1428 §3", "SHOULD")
def test_text_without_a_label_gets_one() -> None:
    octets = message("Subject: x", "", HIGH)
    converted = convert(octets, eight_bit=False)
    assert email.message_from_bytes(converted).get_content_charset() == "unknown-8bit"
    assert leaves(converted) == leaves(octets)


def test_encoded_parts_with_stray_octets_are_repaired() -> None:
    octets = message(
        *MIXED, "--b", "Content-Type: text/plain", "Content-Transfer-Encoding: quoted-printable", "",
        b"=E4 \xe4", "--b", "Content-Type: image/png", "Content-Transfer-Encoding: base64", "",
        b"QUJD\xa0", "--b--",
    )  # fmt: skip
    assert leaves(convert(octets, eight_bit=False)) == [b"\xe4 \xe4", b"ABC"]


@pytest.mark.rfc("3030 §3", "MAY")
def test_binary_parts_become_lines_that_data_can_carry() -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\r" * 300
    octets = message(
        *MIXED[:2], "Content-Transfer-Encoding: binary", "", "--b", "Content-Type: image/png",
        "Content-Transfer-Encoding: binary", "", picture, "--b", *TEXT[1:], "", HIGH, "--b--",
    )  # fmt: skip
    converted = convert(octets, eight_bit=True)
    assert leaves(converted) == [picture, HIGH]
    assert HIGH in converted
    assert b"\x00" not in converted
    assert fit(convert(octets, eight_bit=False))


@pytest.mark.rfc("1847 §2.1", "MUST NOT")
@pytest.mark.parametrize(
    "octets",
    [
        message("Subject: Grüße", *TEXT, "", "x"),
        message("Content-Type: multipart/signed; boundary=b", "", "--b", *TEXT, "", HIGH, "--b--"),
        message(*MIXED, "--b", "Content-Type: message/rfc822", "", "Subject: Grüße", "", "x", "--b--"),
        message("Content-Type: text/plain", "Content-Transfer-Encoding: x-odd", "", HIGH),
        message("Content-Type: message/partial; id=1", "", HIGH),
        message("Content-Type: multipart/mixed", "", HIGH),
    ],
)
def test_what_would_be_broken_is_refused(octets: bytes) -> None:
    with pytest.raises(NotConvertible):
        convert(octets, eight_bit=False)


@pytest.mark.parametrize(
    ("octets", "needs"),
    [
        (message("Subject: x", *TEXT, "", HIGH), False),
        (message("Subject: Grüße", "", "x"), True),
        (message(*MIXED, "--b", 'Content-Type: text/plain; name="Grüße"', "", "x", "--b--"), True),
        (
            message(*MIXED, "--b", "Content-Type: message/rfc822", "", "Subject: Grüße", "", "x", "--b--"),
            False,
        ),
        (message(*MIXED, "--b", "Content-Type: message/global", "", "Subject: x", "", HIGH, "--b--"), True),
    ],
)
def test_only_headers_in_unicode_need_smtputf8(octets: bytes, needs: bool) -> None:
    assert needs_smtputf8(octets) is needs


TEXTS = st.lists(st.text(max_size=200).map(lambda t: t.replace("\r", "").replace("\n", "")), max_size=8)


@given(TEXTS, st.sampled_from(["text/plain", "application/octet-stream"]), st.booleans())
@settings(max_examples=200)
def test_no_octet_is_lost(lines: list[str], kind: str, ends: bool) -> None:
    body = "\r\n".join(lines).encode() + (b"\r\n" if ends else b"")
    octets = message("MIME-Version: 1.0", f"Content-Type: {kind}", "") + body
    converted = convert(octets, eight_bit=False)
    assert fit(converted)
    assert leaves(converted) == [body]


@given(st.binary(max_size=3000))
@settings(max_examples=200)
def test_nor_of_anything_binary(body: bytes) -> None:
    octets = message("Content-Type: text/plain", "Content-Transfer-Encoding: binary", "") + body
    for eight_bit in (True, False):
        assert leaves(convert(octets, eight_bit=eight_bit)) == [body]


@given(st.binary(max_size=600))
@settings(max_examples=200)
def test_anything_at_all_is_converted_or_refused(octets: bytes) -> None:
    try:
        assert fit(convert(octets, eight_bit=False))
    except NotConvertible:
        pass


def test_what_was_not_divided_is_not_converted() -> None:
    part = message("--b", *TEXT[1:], "", HIGH)
    octets = message(*MIXED) + part * 1500 + b"--b--\r\n"
    with pytest.raises(NotConvertible, match="too many parts"):
        convert(octets, eight_bit=False)


def test_a_text_larger_than_a_slice() -> None:
    for line in (HIGH + b" \r\n", HIGH, b"x" * 990 + b"\xe4\r\n"):
        body = line * (2 * SLICE_OCTETS // len(line))
        octets = message(*TEXT, "") + body
        converted = convert(octets, eight_bit=False)
        assert fit(converted)
        assert leaves(converted) == [body]


@pytest.mark.rfc("6376 §5.3", "SHOULD")
@pytest.mark.parametrize(
    ("octets", "final"),
    [
        (b"A: b\r\n\r\n\xe9\r\n", True),
        (b"A: b\r\n\r\n" + b"x" * 998 + b"\r\n", True),
        (b"A: b\r\n\r\n" + b"x" * 999 + b"\r\n", False),
        (b"A: b\r\n\r\nx\n", False),
        (b"A: b\r\n\r\nx\r", False),
        (b"A: b\r\n\r\n\0\r\n", False),
    ],
)
def test_whether_relays_leave_a_message_as_it_is(octets: bytes, final: bool) -> None:
    assert in_final_form(octets) is final


@pytest.mark.parametrize("size", [1, 7, 500, 1001, 5000])
@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (b"x" * 998 + b"\r\n" + b"y" * 998 + b"\r\n", False),
        (b"x" * 999 + b"\r\nend\r\n", True),
        (b"a\r\n" * 300 + b"x" * 999 + b"\r\nend\r\n", True),
        (b"a\r\n" * 300 + b"x" * 998 + b"\r\nend\r\n", False),
        (b"", False),
    ],
)
def test_a_long_line_is_found_wherever_pieces_end(octets: bytes, found: bool, size: int) -> None:
    lines = LongLines()
    for start in range(0, len(octets), size):
        lines.add(octets[start : start + size])
    assert lines.found is found
