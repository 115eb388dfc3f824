"""Words and phrases of a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.search_terms import terms
from tests.kit.linear import assert_linear


@pytest.mark.rfc("8621 §4.4.1", "SHOULD")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  \t ", []),
        ("invoice", ["invoice"]),
        (" two  words ", ["two", "words"]),
        ("again again", ["again"]),
        ('a "b c" d', ["a", "b c", "d"]),
        ("'b  c'", ["b  c"]),
        (r'"say \"hi\" \\ it\'s"', ['say "hi" \\ it\'s']),
        (r'"a\b"', [r"a\b"]),
        ('"it\'s"', ["it's"]),
        ("don't won't", ["don't", "won't"]),
        ("'no end", ["'no", "end"]),
        ("\"no end 'but this'", ['"no', "end", "but this"]),
        ('""', []),
        ('"a"b', ["a", "b"]),
        (r"a\"b", [r"a\"b"]),
        ("東京 へ", ["東京", "へ"]),
        ("a\u3000b", ["a", "b"]),
        ("\\", ["\\"]),
        ('"\\', ['"\\']),
    ],
)
def test_terms(text: str, found: list[str]) -> None:
    assert terms(text) == found


@given(st.text(st.sampled_from("ab '\"\\\n")))
def test_nothing_is_made_up(text: str) -> None:
    for term in terms(text):
        assert term
        assert set(term) <= set(text)


@pytest.mark.parametrize("unit", ["'", '" ', "a'", "\\", "'\"", "a "])
def test_the_cost_is_linear(unit: str) -> None:
    assert_linear(terms, unit.__mul__, 50_000, within_s=0.5)
