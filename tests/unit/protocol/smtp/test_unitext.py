"""Addresses in Unicode where only ASCII may stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail import unitext, xtext


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_every_text_comes_back_and_travels_as_xtext_would(text: str) -> None:
    encoded = unitext.encode(text)
    assert encoded.isascii()
    assert xtext.is_xtext(encoded)
    assert unitext.decode(encoded) == text


@pytest.mark.rfc("6533 §3", "MUST")
@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (r"j\x{FC}rgen@zwei.example", "jürgen@zwei.example"),
        (r"a\x{2B}b\x{3D}@x", "a+b=@x"),
        (r"\x{5C}x{61}", r"\x{61}"),
        (r"\x{110000}\x{D800}\x{1}", r"\x{110000}\x{D800}\x{1}"),
    ],
)
def test_code_points_are_read_and_what_is_none_stays(encoded: str, text: str) -> None:
    assert unitext.decode(encoded) == text
