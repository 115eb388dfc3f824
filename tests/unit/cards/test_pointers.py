"""PatchObjects: applied, and made of two Cards."""

from typing import Any

import pytest
from hypothesis import given

from pillarbox.cards.pointers import InvalidPatch, apply, copied, difference, same, tokens
from tests.kit.cards.made_up import not_null, texts

from hypothesis import strategies as st  # isort: skip

objects = st.dictionaries(texts.filter(bool), not_null, max_size=4)


@given(objects, objects)
def test_the_difference_makes_one_of_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    changed = copied(one)
    apply(changed, dict(difference(one, other)))
    assert same(changed, other)


@pytest.mark.rfc("9553 §1.4.3", "MUST NOT")
@pytest.mark.parametrize(
    "patch",
    [
        {"a": 1, "a/b": 2},
        {"a/b": 2, "a/c": 1, "a": 3},
        {"x/y": 1},
        {"l/-": 1},
        {"l/1": 1},
        {"l/0": None},
        {"s/x": 1},
    ],
)
def test_invalid_patches_are_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(InvalidPatch):
        apply({"a": {}, "l": [0], "s": "text"}, patch)


def test_what_was_patched_shares_nothing_with_the_patch() -> None:
    patch = {"a": {"b": [1]}}
    value: dict[str, Any] = {}
    apply(value, patch)
    value["a"]["b"].append(2)
    assert patch == {"a": {"b": [1]}}


def test_slashes_and_tildes_in_keys() -> None:
    assert tokens("a~1b/c~0d/~01") == ["a/b", "c~d", "~1"]
    assert list(difference({"x": {"y": 1}}, {"x": {"y": 1, "a/b~": 2}})) == [("x/a~1b~0", 2)]


def test_an_object_that_gets_a_null_is_replaced() -> None:
    assert list(difference({"x": {"y": 1}}, {"x": {"y": None}})) == [("x", {"y": None})]
    assert list(difference({}, {"x": None})) == []
