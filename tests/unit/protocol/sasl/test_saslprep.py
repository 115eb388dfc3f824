"""SASLprep against the examples of RFC 4013 §3."""

import pytest

from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query, prepare_stored


@pytest.mark.rfc("4013 §3", "MUST")
@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("", ""),
    ],
)
def test_the_examples_of_the_rfc(text: str, prepared: str) -> None:
    assert prepare_query(text) == prepared
    assert prepare_stored(text) == prepared


@pytest.mark.rfc("4013 §2.3", "MUST")
@pytest.mark.parametrize(
    "text", ["\u0007", "a\tb", "\ue000", "\ufdd0", "\ufffd", "\u2ff0", "\u200e", "\U000e0001"]
)
def test_what_cannot_be_typed_again_is_prohibited(text: str) -> None:
    with pytest.raises(PreparationFailed):
        prepare_query(text)


@pytest.mark.rfc("3454 §6", "MUST")
@pytest.mark.parametrize("text", ["\u0627\u0031", "\u0627a\u0628", "1\u0627"])
def test_mixed_directions_are_prohibited(text: str) -> None:
    with pytest.raises(PreparationFailed):
        prepare_query(text)


def test_right_to_left_text_passes() -> None:
    assert prepare_stored("\u0627\u0031\u0628") == "\u0627\u0031\u0628"


@pytest.mark.rfc("4013 §2.5", "MUST")
def test_unassigned_characters_may_be_presented_but_not_stored() -> None:
    newer = "\u0221"
    assert prepare_query(newer) == newer
    with pytest.raises(PreparationFailed):
        prepare_stored(newer)


def test_what_is_too_long_is_refused_before_it_is_prepared() -> None:
    for prepare in (prepare_query, prepare_stored):
        with pytest.raises(PreparationFailed, match="more than"):
            prepare("a" + "\u0301" * 1_000_000 + "\u0323" * 1_000_000)
