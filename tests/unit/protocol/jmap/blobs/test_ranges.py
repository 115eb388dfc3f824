"""Ranges that clients ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.blobs import ranges
from pillarbox.protocol.jmap.blobs.ranges import MAX_RANGES, NOT_SATISFIABLE, Range

TAG = '"x"'


@pytest.mark.rfc("9110 §14.1.2", "MUST")
@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=0-", [(0, 10)]),
        ("bytes=3-5", [(3, 6)]),
        ("bytes=9-99", [(9, 10)]),
        ("bytes=-3", [(7, 10)]),
        ("bytes=-30", [(0, 10)]),
        ("BYTES = 1-2", [(1, 3)]),
        ("bytes=0-1, 4-5,\t-1", [(0, 2), (4, 6), (9, 10)]),
        ("bytes=0-1,20-30", [(0, 2)]),
        ("bytes=10-", []),
        ("bytes=10-12,999999999999999-", []),
        ("bytes=-0", []),
    ],
)
def test_ranges(field: str, wanted: list[tuple[int, int]]) -> None:
    assert ranges.read(field, 10) == tuple(Range(*one) for one in wanted)


@pytest.mark.rfc("9110 §14.2", "MAY")
@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=5-3",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=1-2,",
        "bytes=\u0661-",
        "bytes=1-1000000000000000",
        "lines=1-2",
        "bytes=0-9,0-9",
        "bytes=0-8,1-9",
        "bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)),
        "bytes=" + "0-0," * 10_000,
        "bytes=" + "1" * 10_000 + "-",
    ],
)
def test_all_else_gets_the_whole(field: str | None) -> None:
    assert ranges.read(field, 10) is None


def test_of_nothing_there_is_no_range() -> None:
    assert ranges.read("bytes=0-", 0) == NOT_SATISFIABLE
    assert ranges.read("bytes=-0", 0) == NOT_SATISFIABLE
    assert ranges.read("bytes=-5", 0) is None


@given(st.text(alphabet="bytes=-,0123456789 ", max_size=40), st.integers(0, 30))
def test_ranges_are_within_the_blob_and_not_more_than_it(field: str, size: int) -> None:
    for text in (field, "bytes=" + field):
        found = ranges.read(text, size)
        if found:
            assert all(0 <= one.start < one.end <= size for one in found)
            assert sum(one.size for one in found) <= size


@pytest.mark.rfc("9110 §13.1.5", "MUST")
@pytest.mark.parametrize(
    ("if_range", "current"),
    [
        (None, True),
        (TAG, True),
        (f" {TAG}", True),
        (f"W/{TAG}", False),
        ('"y"', False),
        ("Tue, 15 Nov 1994", False),
    ],
)
def test_if_range(if_range: str | None, current: bool) -> None:
    assert ranges.still_current(if_range, TAG) is current


@pytest.mark.rfc("9110 §13.1.2", "MUST")
@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [
        (None, False),
        ("*", True),
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"y", {TAG}', True),
        ('"y"', False),
        ("", False),
    ],
)
def test_if_none_match(if_none_match: str | None, known: bool) -> None:
    assert ranges.is_known(if_none_match, TAG) is known
