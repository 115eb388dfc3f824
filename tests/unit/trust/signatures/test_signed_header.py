"""Header fields in canonical form, and which of them `h=` names (RFC 6376 §3.4, §3.5, §5.4.2)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.header import Header
from pillarbox.trust.signatures.signed_header import (
    Canonicalization,
    SignedHeader,
    relaxed,
    simple,
    without_signature,
)

EXAMPLE = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n"


def seen(octets: bytes) -> SignedHeader:
    return SignedHeader(Header.parse(octets)[0])


@pytest.mark.rfc("6376 §3.4.2", "MUST")
def test_relaxed_form_of_the_example() -> None:
    assert seen(EXAMPLE).covered((b"a", b"b"), Canonicalization.RELAXED) == b"a:X\r\nb:Y Z\r\n"


@pytest.mark.rfc("6376 §3.4.1", "MUST")
def test_simple_form_of_the_example() -> None:
    assert seen(EXAMPLE).covered((b"a", b"b"), Canonicalization.SIMPLE) == b"A: X\r\nB : Y\t\r\n\tZ  \r\n"


@pytest.mark.rfc("6376 §5.4.2", "MUST")
def test_fields_of_one_name_are_taken_from_the_bottom_up() -> None:
    header = seen(b"R: 1\r\nF: x\r\nR: 2\r\nR: 3\r\n\r\n")
    assert header.selected((b"r", b"none", b"r", b"f")) == [b"R: 3\r", b"R: 2\r", b"F: x\r"]


@pytest.mark.rfc("6376 §5.4", "MUST")
def test_a_mention_without_a_field_adds_nothing() -> None:
    assert seen(b"F: x\r\n\r\n").selected((b"f", b"f", b"f")) == [b"F: x\r"]


def test_a_signature_does_not_cover_itself_but_others() -> None:
    header = seen(b"DKIM-Signature: 1\r\nDKIM-Signature: 2\r\nDKIM-Signature: 1\r\n\r\n")
    one, two, three = header.fields[b"dkim-signature"]
    assert header.selected((b"dkim-signature",) * 3, three) == [two, one]
    assert header.selected((b"dkim-signature",), one) == [three]
    names = (b"dkim-signature",)
    assert header.covered(names, Canonicalization.RELAXED, three) == b"dkim-signature:2\r\n"
    assert header.covered(names, Canonicalization.RELAXED, two) == b"dkim-signature:1\r\n"


def test_a_header_without_a_line_end_has_one_in_its_form() -> None:
    header = seen(b"A: 1\r\nB: 2")
    assert header.covered((b"b",), Canonicalization.SIMPLE) == b"B: 2\r\n"
    assert header.covered((b"b",), Canonicalization.RELAXED) == b"b:2\r\n"


def test_a_field_behind_a_byte_order_mark_has_another_name() -> None:
    """A signature, or a trace field, is put on top of it: then nobody takes the mark for one."""
    assert seen(b"\xef\xbb\xbfFrom: x\r\nFrom: y\r\n\r\n").count(b"from") == 1


@given(
    st.lists(
        st.sampled_from([b" ", b"\t", b"\r\n ", b"\r\n\t", b"x", b":", b"\x0b", b"\x0c", b"\r", b"\xe9"])
    )
)
def test_relaxed_is_what_the_rules_say_step_by_step(pieces: list[bytes]) -> None:
    value = b"".join(pieces)
    unfolded = re.sub(rb"\r\n(?=[ \t])", b"", value.removesuffix(b"\r") if value.endswith(b"\r") else value)
    expected = b"subject:" + re.sub(rb"[ \t]+", b" ", unfolded).strip(b" \t") + b"\r\n"
    field = b"SUBject \t:" + value
    if not value.endswith(b"\r"):
        assert relaxed(field + b"\r") == expected
        assert relaxed(relaxed(field)) == relaxed(field)
        assert (
            SignedHeader(Header(field + b"\r\n\r\n", b"\r\n")).canonical(
                field + b"\r", Canonicalization.RELAXED
            )
            == expected
        )
    assert simple(field + b"\r") == field + b"\r\n"


@pytest.mark.rfc("6376 §3.7", "MUST")
@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"S: a=1; b=xyz; c=2\r", b"S: a=1; b=; c=2\r"),
        (b"S: a=1; b = \r\n x\r\n yz ;c=2\r", b"S: a=1; b =;c=2\r"),
        (b"S: a=1; b=xyz=\r", b"S: a=1; b="),
        (b"S: b=xyz; a=1\r", b"S: b=; a=1\r"),
        (b"S:b=xyz", b"S:b="),
        (b"S: bh=1; h=from:b=x; b=1", b"S: bh=1; h=from:b=x; b="),
        (b"S: bb=1;\r\n\tb=1;", b"S: bb=1;\r\n\tb=;"),
        (b"S: a=1", b"S: a=1"),
        (b"S:", b"S:"),
    ],
)
def test_the_value_of_b_is_left_out(field: bytes, expected: bytes) -> None:
    assert without_signature(field) == expected


def test_signatures_that_name_different_fields_cover_different_ones() -> None:
    header = seen(b"A: 1\r\nB: 2\r\nDKIM-Signature: x\r\n\r\n")
    for _ in range(2):
        assert header.covered((b"a",), Canonicalization.RELAXED) == b"a:1\r\n"
        assert header.covered((b"b",), Canonicalization.RELAXED) == b"b:2\r\n"
        assert header.covered((b"b",), Canonicalization.SIMPLE) == b"B: 2\r\n"
        assert header.covered((b"dkim-signature",), Canonicalization.RELAXED) == b"dkim-signature:x\r\n"
    assert header.covered((), Canonicalization.SIMPLE) == b""
