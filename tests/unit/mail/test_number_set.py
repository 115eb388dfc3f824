"""Sets of message numbers, against Python's own sets."""

from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.number_set import EMPTY, EVERYTHING, LARGEST, MAX_CUT, STAR, NumberSet, without

numbers = st.lists(st.integers(1, 60), max_size=30)
ranges = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=10)


@given(numbers)
def test_of_numbers_holds_exactly_those(some: list[int]) -> None:
    made = NumberSet.of(some)
    assert list(made) == sorted(set(some))
    assert len(made) == len(set(some))
    assert bool(made) == bool(some)
    assert all((number in made) == (number in some) for number in range(62))


@given(ranges)
def test_runs_ascend_and_do_not_touch(some: list[tuple[int, int]]) -> None:
    made = NumberSet.of_ranges(some)
    assert set(made) == {n for a, b in some for n in range(min(a, b), max(a, b) + 1)}
    assert all(before[1] + 1 < after[0] for before, after in zip(made.runs, made.runs[1:], strict=False))


@given(numbers, st.integers(1, 10))
def test_spans_join_what_is_near_and_nothing_else(some: list[int], apart: int) -> None:
    made = NumberSet.of(some)
    spans = made.spans(apart)
    assert all(other[0] - one[1] > apart for one, other in pairwise(spans))
    inside = NumberSet(spans)
    assert not made - inside
    assert all(last - first < apart - 1 for first, last in (inside - made).runs)


@given(numbers, st.integers(1, 6))
def test_a_widened_set_has_few_runs_and_as_few_others_as_possible(some: list[int], most: int) -> None:
    made = NumberSet.of(some)
    wide = made.widened(most)
    assert not made - wide
    assert len(wide.runs) == min(most, len(made.runs))
    filled = [last - first for first, last in (wide - made).runs]
    kept = [after[0] - before[1] for before, after in pairwise(wide.runs)]
    assert not filled or not kept or max(filled) + 2 <= min(kept)


@given(numbers, numbers)
def test_set_operations(one: list[int], other: list[int]) -> None:
    a, b = NumberSet.of(one), NumberSet.of(other)
    assert set(a | b) == set(one) | set(other)
    assert set(a & b) == set(one) & set(other)
    assert set(a - b) == set(one) - set(other)


@given(numbers, numbers)
def test_members_of_an_ascending_sequence(some: list[int], there: list[int]) -> None:
    ascending = array("I", sorted(set(there)))
    made = NumberSet.of(some)
    assert made.within(ascending) == sorted(set(some) & set(there))
    assert all(part.start < part.stop for part in made.slices(ascending))


@given(ranges, st.lists(st.integers(1, 300), max_size=60))
def test_slices_of_a_sequence_with_gaps(some: list[tuple[int, int]], there: list[int]) -> None:
    ascending, made = sorted(set(there)), NumberSet.of_ranges(some)
    found = made.slices(ascending)
    assert [number for part in found for number in ascending[part]] == [n for n in ascending if n in made]
    assert all(before.stop <= after.start for before, after in pairwise(found))


class Counted(list[int]):
    """Counts how often it is looked at."""

    looks = 0

    def __getitem__(self, place):  # type: ignore[no-untyped-def]
        self.looks += 1
        return super().__getitem__(place)


def test_slices_of_many_runs_look_at_few_numbers() -> None:
    ascending, made = Counted(n for n in range(40_000) if n % 7), NumberSet.of(range(0, 40_000, 2))
    made.slices(ascending)
    assert ascending.looks < 4 * len(made.runs)


def test_complement_of_all_is_nothing() -> None:
    assert EVERYTHING.complement() == EMPTY
    assert EMPTY.complement() == EVERYTHING


@given(numbers)
def test_text_names_each_run_once(some: list[int]) -> None:
    text = NumberSet.of(some).text()
    read = [tuple(map(int, part.split(":"))) for part in text.split(",") if part]
    assert NumberSet.of_ranges((ends[0], ends[-1]) for ends in read) == NumberSet.of(some)


def test_text_of_star() -> None:
    assert NumberSet.of_ranges([(7, 7), (9, STAR)]).text() == "7,9:*"
    assert NumberSet.of([1, 2, 3, 5]).text() == "1:3,5"


@pytest.mark.rfc("9051 §9", "MUST")
@pytest.mark.parametrize(
    ("asked", "largest", "meant"),
    [
        ([(559, STAR)], 600, "559:600"),
        ([(559, STAR)], 3, "3:559"),  # always contains the last message
        ([(STAR, STAR)], 5, "5"),
        ([(1, 2), (STAR, STAR)], 5, "1:2,5"),
        ([(2, STAR)], 0, ""),
        ([(2, 4)], 3, "2:4"),
    ],
)
def test_star_is_the_largest_number_in_use(asked: list[tuple[int, int]], largest: int, meant: str) -> None:
    assert NumberSet.of_ranges(asked).resolve(largest).text() == meant


def test_first_and_last() -> None:
    made = NumberSet.of([9, 4, LARGEST])
    assert (made.first, made.last) == (4, LARGEST)


@given(st.lists(st.integers(0, 50), unique=True), st.sets(st.integers(0, 50)))
def test_without_slices_the_others_are_left(values: list[int], gone: set[int]) -> None:
    values.sort()
    parts = NumberSet.of(number + 1 for number in gone).slices([value + 1 for value in values])
    assert list(without(array("I", values), parts)) == [value for value in values if value not in gone]
    assert without([str(value) for value in values], parts) == [str(v) for v in values if v not in gone]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9))))
def test_ascending_runs_are_joined(pairs: list[tuple[int, int]]) -> None:
    runs = sorted((first, first + more) for first, more in pairs)
    assert NumberSet.of_ascending(runs) == NumberSet.of_ranges(runs)


@given(st.lists(st.integers(1, 300), unique=True), st.integers(0, 100), st.booleans())
def test_a_column_without_some_slices(gone: list[int], count: int, few: bool) -> None:
    values = array("I", range(1, 201))
    uids = NumberSet.of(gone[:MAX_CUT] if few else gone)
    parts = uids.slices(values, count)
    kept = [number for number in range(1, count + 1) if number not in uids]
    assert list(without(values, parts, count)) == kept
    assert without([str(number) for number in values], parts, count) == list(map(str, kept))
    assert list(values) == list(range(1, 201))
