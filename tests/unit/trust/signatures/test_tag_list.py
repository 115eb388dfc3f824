"""Tag lists (RFC 6376 §3.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.signatures import tag_list
from pillarbox.trust.signatures.tag_list import MAX_OCTETS, MAX_TAGS, Malformed


@pytest.mark.rfc("6376 §3.2", "MUST")
def test_white_space_around_tags_and_values_does_not_count() -> None:
    assert tag_list.parse(b" v = 1;\r\n\t a=rsa-sha256 ;d=\r\n example.org; n=two  words;e=;") == {
        "v": "1",
        "a": "rsa-sha256",
        "d": "example.org",
        "n": "two  words",
        "e": "",
    }


@pytest.mark.rfc("6376 §3.2", "MUST")
def test_a_tag_that_occurs_twice_makes_the_list_invalid() -> None:
    with pytest.raises(Malformed, match="tag 'd' occurs twice"):
        tag_list.parse(b"d=a.example; d=b.example")


@pytest.mark.rfc("6376 §3.2", "MUST")
def test_the_case_of_tags_counts() -> None:
    assert tag_list.parse(b"a=1; A=2") == {"a": "1", "A": "2"}


@pytest.mark.parametrize(
    "octets", [b"v", b"v=1;;a=2", b"=1", b"1a=2", b"a b=2", b"v=\x00", b"v=\xff", b"a-b=1", b"v=1; ;"]
)
def test_what_is_no_tag_list(octets: bytes) -> None:
    with pytest.raises(Malformed):
        tag_list.parse(octets)


@pytest.mark.rfc("8616 §5", "MUST")
def test_values_may_be_utf_8() -> None:
    assert tag_list.parse("d=bücher.example".encode()) == {"d": "bücher.example"}


def test_limits() -> None:
    with pytest.raises(Malformed, match="longer than"):
        tag_list.parse(b"a=" + b"x" * MAX_OCTETS)
    with pytest.raises(Malformed, match="more than"):
        tag_list.parse(b";".join(b"a%d=" % place for place in range(MAX_TAGS + 1)))


@pytest.mark.parametrize(("text", "value"), [("a=0", 0), ("a=" + "9" * 76, int("9" * 76)), ("b=1", None)])
def test_numbers(text: str, value: int | None) -> None:
    assert tag_list.number(tag_list.parse(text.encode()), "a") == value


@pytest.mark.parametrize("value", ["", "-1", "1.0", "x", "1 2", "9" * 77, "²"])
def test_what_is_no_number(value: str) -> None:
    with pytest.raises(Malformed):
        tag_list.number({"a": value}, "a")


def test_white_space_in_base64_does_not_count() -> None:
    assert tag_list.octets_of({"b": "aGVs\r\n\t bG8="}, "b") == b"hello"


@pytest.mark.parametrize("value", ["", "a", "aGVs!", "aGVsbG8", "aGVsbG8==", "aGVsbG8=x", "äöüß"])
def test_what_is_not_base64(value: str) -> None:
    with pytest.raises(Malformed):
        tag_list.octets_of({"b": value}, "b")


@given(st.binary(max_size=200))
def test_any_octets_are_a_list_or_malformed(octets: bytes) -> None:
    try:
        reason = str(tag_list.parse(octets).keys())
    except Malformed as wrong:
        reason = str(wrong)
    assert reason.isascii()
