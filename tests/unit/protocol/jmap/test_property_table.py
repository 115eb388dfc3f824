"""What follows from a table of properties for /get and /set."""

from typing import Any

import pytest

from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Text, set_of

TABLE = TypeTable(
    "Thing",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="title", holds=Text),
    Property(name="kind", holds=Text | None, default="plain", immutable=True),
    Property(name="tags", holds=set_of(Text), default={}),
    Property(name="note", holds=Text | None, default=None),
    Property(name="until", holds=int | None),
    Property(name="count", holds=int, server_set=True),
    Property(name="status", holds=Text, server_set_on_create=True),
    Property(name="parent", holds=Id | None, default=None, refers=True, by_default=False),
)
CURRENT: dict[str, Any] = {
    "id": "T1",
    "title": "One",
    "kind": "plain",
    "tags": {"a": True, "2026": True},
    "note": "x",
    "until": 5,
    "count": 1,
    "status": "new",
    "parent": None,
}


def update(patch: dict[str, Any], **more: Any) -> dict[str, Any] | SetError:
    asked: list[str] = []

    def current(names: list[str]) -> dict[str, Any]:
        asked.extend(names)
        return {name: CURRENT[name] for name in names if name in CURRENT}

    found = TABLE.update(current, patch, DEFAULT_LIMITS, **more)
    assert len(asked) == len(set(asked))
    return found


def wrong(found: dict[str, Any] | SetError) -> list[str]:
    assert isinstance(found, SetError), found
    assert found.type == "invalidProperties"
    return sorted(found.extra["properties"])


# --- /get


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_what_is_returned() -> None:
    assert TABLE.requested(None, DEFAULT_LIMITS) == TABLE.by_default
    assert "parent" not in TABLE.by_default
    assert TABLE.requested([], DEFAULT_LIMITS) == ("id",)
    assert TABLE.requested(["title", "title", "parent", "id"], DEFAULT_LIMITS) == ("id", "title", "parent")
    assert TABLE.requested(["x:1"], DEFAULT_LIMITS, also=lambda name: name == "x:1") == ("id", "x:1")


@pytest.mark.rfc("8620 §5.1", "MUST")
@pytest.mark.parametrize("names", [["titel"], ["title", "Title"], [""], ["x:1"], ["title/x"]])
def test_an_unknown_property_is_refused(names: list[str]) -> None:
    with pytest.raises(MethodError) as refused:
        TABLE.requested(names, DEFAULT_LIMITS)
    assert refused.value.type == "invalidArguments"


def test_too_many_properties() -> None:
    with pytest.raises(MethodError):
        TABLE.requested([str(number) for number in range(9)], Limits(max_properties=8), also=lambda _: True)


# --- create


def test_defaults() -> None:
    given = {"title": "One", "until": None}
    assert TABLE.create(given) == {**given, "kind": "plain", "tags": {}, "note": None, "parent": None}
    assert TABLE.omitted(given) == {"kind": "plain", "tags": {}, "note": None, "parent": None}


@pytest.mark.rfc("8620 §5.3", "SHOULD")
def test_all_that_is_wrong_with_a_new_record() -> None:
    given = {
        "id": "T1",
        "titel": 1,
        "kind": 1,
        "tags": {"a": False},
        "note": "a\0",
        "count": 1,
        "status": "new",
        "parent": "a b",
        "x:1": 1,
        "x:2": 1,
    }
    found = wrong(TABLE.create(given, also=lambda name: name == "x:1"))
    assert found == [
        "count",
        "id",
        "kind",
        "note",
        "parent",
        "status",
        "tags",
        "titel",
        "title",
        "until",
        "x:2",
    ]


def test_a_default_belongs_to_its_record() -> None:
    made = TABLE.create({"title": "One", "until": None})
    assert isinstance(made, dict)
    made["tags"]["x"] = True
    assert TABLE.omitted({})["tags"] == {}


# --- update


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({}, {}),
        (CURRENT, {}),
        ({"title": "Two"}, {"title": "Two"}),
        ({"tags/b": True, "tags/a": None}, {"tags": {"2026": True, "b": True}}),
        ({"tags/2026": None}, {"tags": {"a": True}}),
        ({"tags/none": None}, {}),
        ({"tags": None}, {"tags": {}}),
        ({"note": None, "until": None}, {"note": None, "until": None}),
        ({"id": "T1", "count": 1, "kind": "plain"}, {}),
        ({"status": "old", "parent": "T2"}, {"status": "old", "parent": "T2"}),
    ],
)
def test_what_changes(patch: dict[str, Any], changed: dict[str, Any]) -> None:
    assert update(patch) == changed


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ({"id": "T2", "count": 2, "kind": "fancy", "titel": 1, "tags": ["a"]}, "count id kind tags titel"),
        ({"tags/a": "true"}, "tags"),
        ({"tags/a": False}, "tags"),
        ({"tags/b": 1}, "tags"),
        ({"tags/b/c": None}, ""),
        ({"title": None}, "title"),
        ({"count": None}, "count"),
        ({"kind": None, "note": 1}, "note"),
        ({"unknown/a": 1}, "unknown"),
        ({"x:1": 2}, "x:1"),
    ],
)
def test_all_that_is_wrong_with_an_update(patch: dict[str, Any], names: str) -> None:
    found = update(patch)
    if not names:
        assert isinstance(found, SetError)
        assert found.type == "invalidPatch"
    else:
        assert wrong(found) == names.split()


def test_fixed_properties_by_name() -> None:
    assert update({"x:1": None}, also=lambda name: name == "x:1") == {}
    assert wrong(update({"x:1": "y"}, also=lambda name: name == "x:1")) == ["x:1"]


@pytest.mark.rfc("8620 §5.3", "MUST")
@pytest.mark.parametrize("patch", [{"tags": {}, "tags/a": True}, {"title/0": 1}, {"note/~": 1}])
def test_an_invalid_patch(patch: dict[str, Any]) -> None:
    found = update(patch)
    assert isinstance(found, SetError)
    assert found.type == "invalidPatch"
