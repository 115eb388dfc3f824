"""Encoded words in header text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail import encoded_word


@pytest.mark.rfc("2047 §8", "MUST")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
    ],
)
def test_the_rfcs_examples(value: bytes, text: str) -> None:
    assert encoded_word.decode(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"plain", "plain", id="plain"),
        pytest.param(b"\xc3\xa9", "é", id="raw UTF-8"),
        pytest.param(b"\xe9", "é", id="raw Latin-1"),
        pytest.param("é =?utf-8?q?=C3=A9?=", "é é", id="text"),
        pytest.param("\udce9", "?", id="lone surrogate"),
        pytest.param(b"=?utf-8*en?Q?x?=", "x", id="RFC 2231 language"),
        pytest.param(b"=?utf-8?Q?=C3?= =?UTF-8?Q?=A9?=", "é", id="character split in two"),
        pytest.param(b"=?utf-8?B?w6k?=", "é", id="padding missing"),
        pytest.param(b"x=?utf-8?Q?=C3=A9?=y", "xéy", id="touching"),
        pytest.param(b"=?utf-8?Q?a b?=", "a b", id="space inside"),
        pytest.param(b"=?x-unknown?Q?=C3=A9?=", "é", id="unknown charset"),
        pytest.param(b"=?utf-8?X?a?=", "=?utf-8?X?a?=", id="unknown encoding"),
        pytest.param(b"=?utf-8?Q?a", "=?utf-8?Q?a", id="never closed"),
        pytest.param(b"=?utf-8?Q??= x", " x", id="empty"),
        pytest.param(b"a =?utf-8?Q?b?= c =?utf-8?Q?d?=", "a b c d", id="words between"),
        pytest.param(b"a\r\n b", "a b", id="folded"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_careless_senders_are_understood(value: bytes | str, text: str) -> None:
    assert encoded_word.decode(value) == text


@pytest.mark.rfc("8621 §4.1.2.2", "MUST")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"=?utf-8?Q?=C3=A9?= b", "é b", id="word"),
        pytest.param(b"a =?utf-8*en?B?w6k=?=", "a é", id="language"),
        pytest.param(b"=?utf-8?Q?=C3?= \t=?UTF-8?Q?=A9?=", "é", id="a character in two words"),
        pytest.param(b"=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?= b", "aé b", id="two charsets"),
        pytest.param(b"=?us-ascii?Q?a_b?=", "a b", id="US-ASCII"),
        pytest.param(b"=?utf-8?Q?a=00=07=0D=0Ab=C2=85?= \x07", "ab \x07", id="encoded controls are dropped"),
        pytest.param(b"a\0b =?utf-8?q?c?= d\0", "ab c d", id="NUL is dropped"),
        pytest.param(b"=?utf-8?Q?=FF?=", "\ufffd", id="malformed"),
        pytest.param(b"x=?utf-8?Q?y?=", "x=?utf-8?Q?y?=", id="no white space before"),
        pytest.param(b"=?utf-8?Q?y?=x", "=?utf-8?Q?y?=x", id="no white space behind"),
        pytest.param(b"=?utf-8?Q?a?==?utf-8?Q?b?=", "=?utf-8?Q?a?==?utf-8?Q?b?=", id="touching"),
        pytest.param(b"=?utf-8?Q?a b?=", "=?utf-8?Q?a b?=", id="white space inside"),
        pytest.param(b"=?utf-8?X?a?=", "=?utf-8?X?a?=", id="unknown encoding"),
        pytest.param(b"=?x-unknown?Q?a?= =?utf-8?q?b?=", "=?x-unknown?Q?a?= b", id="unknown charset"),
        pytest.param(b"\xc3\xa9 \xe9 =?utf-8?q?b?=", "Ã© é b", id="windows-1252"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_what_is_misplaced_is_not_decoded_for_jmap(value: bytes, text: str) -> None:
    assert encoded_word.decode_text(value) == text


@pytest.mark.parametrize("octets", [b"=?", b"=?a?Q?", b"?=", b"=?utf-8?q?", b"=?a*", b"=?utf-8?Q?x?= "])
def test_hostile_values_take_linear_time(octets: bytes) -> None:
    encoded_word.decode(octets * (200_000 // len(octets)))
    encoded_word.decode_text(octets * (200_000 // len(octets)))


WORDS = [
    b"=?utf-8?q?=C3?=",
    b"=?utf-8?q?=A9?=",
    b"=?utf-8?b?w6k=?=",
    b"=?koi8-r?q?=F0?=",
    b"=?x",
    b"?=",
    b"\xe9",
    b"w",
]


@given(
    st.lists(st.sampled_from(WORDS), max_size=20),
    st.integers(20, 60),
)
def test_pieces_decode_as_the_whole_does(words: list[bytes], size: int) -> None:
    for between in (b" ", b"\r\n ", b"  "):
        value = between.join(words)
        assert "".join(encoded_word.pieces(value, size=size)) == encoded_word.decode(value)
