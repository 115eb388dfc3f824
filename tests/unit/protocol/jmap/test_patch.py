"""PatchObjects: what they do, and which are none (RFC 8620 §5.3)."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap import patch
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.patch import InvalidPatch

RECORD: dict[str, Any] = {
    "keywords": {"$seen": True, "2026": True},
    "name": "x",
    "nested": {"a": {"b": 1}},
    "list": [1, {"c": 2}],
    "null": None,
    "odd": {"a/b": 1, "m~n": 2},
}


def patched(changes: dict[str, Any], record: dict[str, Any] = RECORD) -> dict[str, Any]:
    return patch.apply(record, patch.parse(changes, DEFAULT_LIMITS))


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"keywords/2026": None}, {"keywords": {"$seen": True}}),
        ({"keywords/0": True}, {"keywords": {"$seen": True, "2026": True, "0": True}}),
        ({"keywords/none": None}, {}),
        ({"keywords/$seen": None, "keywords/$flagged": True}, {"keywords": {"2026": True, "$flagged": True}}),
        ({"keywords": {"x": True}}, {"keywords": {"x": True}}),
        ({"nested/a/b": 2, "nested/a/c": 3}, {"nested": {"a": {"b": 2, "c": 3}}}),
        ({"nested/a/b": None}, {"nested": {"a": {}}}),
        ({"odd/a~1b": 3, "odd/m~0n": None}, {"odd": {"a/b": 3}}),
        ({"list": [2]}, {"list": [2]}),
        ({"new": {"a": None}}, {"new": {"a": None}}),
        ({"keywords/": True}, {"keywords": {"$seen": True, "2026": True, "": True}}),
        ({}, {}),
    ],
)
def test_what_patches_do(changes: dict[str, Any], after: dict[str, Any]) -> None:
    before = copy.deepcopy(RECORD)
    assert patched(changes) == {**RECORD, **after}
    assert before == RECORD


def test_null_removes() -> None:
    assert "name" not in patched({"name": None})


@pytest.mark.rfc("8620 §5.3", "MUST NOT")
@pytest.mark.parametrize(
    "changes",
    [
        {"keywords": {}, "keywords/$seen": True},
        {"nested/a": 1, "nested/a/b": 1},
        {"nested": 1, "nested-a": 1, "nested/a/b": 1},
        {"list/0": 1},
        {"list/1/c": 1},
        {"list/-": 1},
        {"name/x": 1},
        {"null/x": 1},
        {"none/x": 1},
        {"nested/none/x": None},
        {"name/~2": 1},
        {"~": 1},
        {"/".join("abcdefghi"): 1},
    ],
)
def test_what_is_no_patch(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidPatch):
        patched(changes)


def test_there_is_a_limit() -> None:
    changes = {f"keywords/{number}": True for number in range(11)}
    with pytest.raises(InvalidPatch):
        patch.parse(changes, Limits(max_patches=10))


def test_the_properties_that_it_is_about() -> None:
    assert patch.touched(patch.parse({"a/b": 1, "c": 1, "a/d": 1}, DEFAULT_LIMITS)) == ["a", "c"]


JSON = st.recursive(
    st.booleans() | st.integers(),
    lambda inner: st.dictionaries(st.sampled_from("abc/~"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.sampled_from(["p", "q", "r"]), JSON, max_size=3)


@given(RECORDS, RECORDS)
def test_a_whole_record_is_a_patch(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert patched(after, before) == {**before, **after}
    assert patched(after, patched(after, before)) == patched(after, before)


def pointers(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Each leaf of a record by its pointer."""
    found: dict[str, Any] = {}
    for key, value in record.items():
        at = prefix + key.replace("~", "~0").replace("/", "~1")
        if isinstance(value, dict) and value:
            found |= pointers(value, at + "/")
        else:
            found[at] = value
    return found


@given(RECORDS)
def test_leaf_by_leaf_is_the_same_as_whole(record: dict[str, Any]) -> None:
    emptied = copy.deepcopy(record)
    for at in pointers(record):
        *parents, last = patch.parse({at: None}, DEFAULT_LIMITS)[0].tokens
        place = emptied
        for parent in parents:
            place = place[parent]
        del place[last]
    assert patched(pointers(record), emptied) == record
