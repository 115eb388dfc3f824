"""Normalization in slices gives what normalization at once does, in linear time."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail import normalization
from pillarbox.mail.normalization import (
    MAX_RUN_CHARACTERS,
    MAX_SLICE_CHARACTERS,
    Form,
    fold,
    normalize,
    slices,
)
from tests.kit.linear import assert_linear

FORMS: tuple[Form, ...] = ("NFC", "NFKC", "NFKD")

WRITINGS = {
    "german": "Grüße aus Köln",
    "decomposed": "cafe\u0301 vietnamie\u0323\u0302t ",
    "ideographs": "今日は東京へ行きます",
    "voiced": "か\u3099き\u3099ﾊﾞﾊﾟｶﾞ",
    "hangul": "한국어 조선말",
    "jamo": "\u1112\u1161\u11ab\u1100\u116e\u11a8",
    "halfwidth jamo": "ﾡￂﾡￂﾤￃ",
    "compatibility jamo": "ㅎㅏㄴㄱㅜㄱ",
    "devanagari": "क़ख़ हिन्दी में",
    "sinhala": "ද\u0dd9\u0dcf\u0dca",
    "tamil": "க\u0bc6\u0bbe",
    "hebrew": "שָׁלוֹם",
    "arabic": "السَّلَامُ عَلَيْكُمْ \ufdfa",
    "thai": "ที่นี่น้ำ",
    "tibetan": "\u0f40\u0f73\u0f75\u0f81",
    "symbols": "ℌ ﬁ ① ㎏ \U0001d400",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("writing", WRITINGS)
def test_slices_change_nothing(writing: str, form: Form) -> None:
    for shift in range(len(WRITINGS[writing])):
        text = WRITINGS[writing][shift:] + WRITINGS[writing] * 60
        assert normalize(form, text) == unicodedata.normalize(form, text)


@given(
    st.lists(
        st.text(st.sampled_from("aé가\u1100\u1161\u11a8\u0301\u0323\u3099かﾊﾟ\u0dd9\u0dcf\u0345Σ ")),
        max_size=60,
    )
)
def test_pieces_are_normalized_as_if_they_were_one(pieces: list[str]) -> None:
    text = "".join(pieces)
    for form in FORMS:
        assert "".join(unicodedata.normalize(form, each) for each in slices(pieces)) == unicodedata.normalize(
            form, text
        )
    assert "".join(map(fold, slices(pieces))) == fold(text)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_of_marks_is_broken_in_the_same_places_again(form: Form) -> None:
    once = normalize(form, "a" + "\u0301" * 1_000 + "\u0323" * 1_000 + "b")
    assert normalize(form, once) == once
    assert max(map(len, once.split("\u034f"))) <= MAX_SLICE_CHARACTERS


def test_a_run_within_the_limit_is_not_broken() -> None:
    text = (
        "x" * MAX_SLICE_CHARACTERS
        + "a"
        + "\u0301" * (MAX_RUN_CHARACTERS - 1)
        + "\u0323b"
        + "y" * MAX_SLICE_CHARACTERS
    )
    assert normalize("NFC", text) == unicodedata.normalize("NFC", text)


def test_no_slice_is_longer_than_its_limit() -> None:
    for text in ("Σ" * 10_000, "\u0301" * 10_000, "\u1161" * 10_000, "か" * 10_000):
        assert max(map(len, slices((text,)))) <= MAX_SLICE_CHARACTERS


HOSTILE = [
    "\u0301\u0323",
    "\u0323\u0301",
    "\uff9e\u0301",
    "\u0f73\u0301",
    "\u0344",
    "\u0345\u0301",
    "\u1161",
    "\ufdfa",
    "Σ",
]


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("function", ["fold", "caseless", "NFC", "NFKC", "NFKD"])
def test_hostile_text_takes_linear_time(function: str, unit: str) -> None:
    def call(text: str) -> str:
        match function:
            case "fold" | "caseless":
                return str(getattr(normalization, function)(text))
            case "NFC" | "NFKC" | "NFKD":
                return normalize(function, text)
            case _:
                raise AssertionError(function)

    assert_linear(call, lambda length: "a" + "".join(each * (length // len(unit)) for each in unit), 30_000)
    assert_linear(call, lambda length: "a" + unit * (length // len(unit)), 30_000)
