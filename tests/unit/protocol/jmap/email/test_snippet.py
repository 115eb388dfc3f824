"""What a search has found, as HTML."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.email import snippet
from tests.kit.mail.messages import multipart, part


def subject(text: str, *terms: str) -> str | None:
    return snippet.subject(text, snippet.folded_terms(terms))


def excerpt(text: str, *terms: str) -> str | None:
    return snippet.excerpt([text], snippet.folded_terms(terms))


@pytest.mark.rfc("8621 §5", "MUST")
@pytest.mark.parametrize(
    ("text", "terms", "expected"),
    [
        ("The Foosball competition", ["foo"], "The <mark>Foo</mark>sball competition"),
        ("a & b < c > d", ["b"], "a &amp; <mark>b</mark> &lt; c &gt; d"),
        ("x <b> & y", ["<B> &"], "x <mark>&lt;b&gt; &amp;</mark> y"),
        (
            "<mark>x</mark> &lt;img onerror=1",
            ["x"],
            "&lt;mark&gt;<mark>x</mark>&lt;/mark&gt; &amp;lt;img onerror=1",
        ),
        ("one two one", ["one", "two"], "<mark>one</mark> <mark>two</mark> <mark>one</mark>"),
        ("abcd", ["abc", "bcd"], "<mark>abcd</mark>"),
        ("abab", ["ab"], "<mark>abab</mark>"),
        ("Die Straße", ["STRASSE"], "Die <mark>Straße</mark>"),
        ("Straße", ["s"], "<mark>S</mark>tra<mark>ß</mark>e"),
        ("ＡＢＣ", ["b"], "Ａ<mark>Ｂ</mark>Ｃ"),
        ("a\u0308pfel", ["Äpfel"], "<mark>a\u0308pfel</mark>"),
        ("\u1112\u1161\u11ab x", ["한"], "<mark>\u1112\u1161\u11ab</mark> x"),
        ("日本語", ["本"], "日<mark>本</mark>語"),
        ("foo  bar", ["foo bar"], None),
        ("nothing", ["foo"], None),
        ("anything", [], None),
        ("anything", ["", " "], None),
        ("", ["foo"], None),
    ],
)
def test_matches_are_marked(text: str, terms: list[str], expected: str | None) -> None:
    assert subject(text, *terms) == expected


@pytest.mark.rfc("8621 §5", "MUST")
def test_a_preview_is_the_text_around_the_first_match() -> None:
    found = excerpt(
        "before it " * 200 + "the Foosball <competition>\r\n will\tbe held " + "after that " * 200, "foo"
    )

    assert found is not None
    assert found.startswith(("…before it ", "…it "))
    assert " the <mark>Foo</mark>sball &lt;competition&gt; will be held after that " in found
    assert re.search(r"(after|that)…\Z", found)
    assert 200 < len(found.encode()) <= snippet.MAX_PREVIEW_OCTETS


@pytest.mark.rfc("8621 §5", "MUST")
@pytest.mark.parametrize(
    ("text", "term", "expected"),
    [
        ("foo", "foo", "<mark>foo</mark>"),
        ("a  foo\n b", "foo", "a <mark>foo</mark> b"),
        ("a foo\r\n bar", "foo bar", "a <mark>foo bar</mark>"),
        ("nothing", "foo", None),
        ("", "foo", None),
    ],
)
def test_a_short_text_is_shown_whole(text: str, term: str, expected: str | None) -> None:
    assert excerpt(text, term) == expected


@pytest.mark.rfc("8621 §5", "MUST")
@pytest.mark.parametrize("around", ["日本語", "<", "&", "x", "ä ", "😀", " "])
@pytest.mark.parametrize("term", ["foo", "<&>", "日", "f" * 300])
def test_a_preview_is_never_too_large(around: str, term: str) -> None:
    found = excerpt(around * 500 + term + around * 500, term)

    assert found is not None
    assert len(found.encode()) <= 255
    assert found.count("<mark>") == found.count("</mark>") == found.count("<") / 2 > 0


def test_a_match_is_found_however_the_text_is_cut() -> None:
    text = "lorem ipsum " * 300 + "the needle is here" + " dolor" * 300
    terms = snippet.folded_terms(["NEEDLE is"])
    for size in (1, 7, 100, 1024, 10_000):
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        assert "the <mark>needle is</mark> here dolor" in (snippet.excerpt(pieces, terms) or "")


@pytest.mark.rfc("8621 §5", "MUST")
def test_html_is_searched_without_markup() -> None:
    message = multipart(
        "alternative", part("text/html", body=b"<p>one <b>t</b>wo &amp; three</p><style>four</style>")
    )

    assert snippet.preview(message, snippet.folded_terms(["two"])) == "one <mark>two</mark> &amp; three"
    assert snippet.preview(message, snippet.folded_terms(["four"])) is None
    assert snippet.preview(message, snippet.folded_terms(["<b>"])) is None


def test_terms_are_limited() -> None:
    assert len(snippet.folded_terms(map(str, range(1000)))) == snippet.MAX_TERMS
    assert snippet.folded_terms(["x" * 10_000, " a  b ", "A B"]) == ["a b"]


def test_a_long_text_is_searched_in_slices() -> None:
    slices: list[int] = []
    snippet.excerpt(["no match " * 100_000], snippet.folded_terms(["foo"]), lambda: slices.append(1))

    assert len(slices) > 500


@given(
    st.text("fo ä&<\u0301ẞ😀\n日ﬁ", max_size=800),
    st.lists(st.text("fo &<ssi\u0301", max_size=20)),
    st.integers(0, 800),
)
def test_whatever_is_searched_is_shown_safely(text: str, terms: list[str], at: int) -> None:
    folded = snippet.folded_terms(terms)
    for found in (snippet.subject(text, folded), snippet.excerpt([text[:at], text[at:]], folded)):
        if found is not None:
            without = re.sub("</?mark>|&(?:lt|gt|amp);", "", found)
            assert "<" not in without
            assert "&" not in without
            assert found.count("<mark>") == found.count("</mark>") > 0
            assert not re.search("<mark></mark>", found)
    found = snippet.excerpt([text[:at], text[at:]], folded)
    assert found is None or len(found.encode()) <= 255


def test_no_more_terms_are_folded_than_are_looked_for() -> None:
    terms = iter([*["A"] * 5, *[f"t{number}" for number in range(100)]])
    found = snippet.folded_terms(terms)
    assert found == ["a", *[f"t{number}" for number in range(snippet.MAX_TERMS - 1)]]
    assert next(terms) == f"t{snippet.MAX_TERMS - 1}"
