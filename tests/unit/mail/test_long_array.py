"""Long arrays in pieces: what is read of them, and that a copy leaves the others as they are."""

from array import array
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.long_array import LONG, PIECE, LongArray, without_uids
from pillarbox.mail.number_set import NumberSet


def divided(lengths: list[int]) -> LongArray:
    """Numbers from 1 in pieces of these lengths."""
    pieces, first = [], 1
    for length in lengths:
        pieces.append(array("I", range(first, first + length)))
        first += length
    return LongArray(pieces)


LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@given(LENGTHS)
def test_it_is_read_as_an_array_is(lengths: list[int]) -> None:
    numbers, plain = divided(lengths), array("I", range(1, sum(lengths) + 1))
    count = len(plain)
    assert len(numbers) == count
    assert array("I", numbers) == plain
    for place in range(-count, count):
        assert numbers[place] == plain[place]
    for place in (count, -count - 1):
        with pytest.raises(IndexError):
            numbers[place]
    for start in (None, *range(-count - 1, count + 2)):
        for stop in (None, *range(-count - 1, count + 2)):
            assert numbers[start:stop] == plain[start:stop]
    assert numbers[::-1] == plain[::-1]
    assert [bisect_left(numbers, number) for number in plain] == list(range(count))


@given(LENGTHS, st.sets(st.integers(1, 30)), st.integers(0, 3), st.sets(st.integers(1, 30)))
def test_a_copy_without_some_leaves_the_others_as_they_are(
    lengths: list[int], gone: set[int], more: int, later: set[int]
) -> None:
    one = divided(lengths)
    there = list(one)
    other = one.without(NumberSet.of(gone).slices(one))
    left = [number for number in there if number not in gone]
    assert (list(one), list(other)) == (there, left)
    # Both grow, each by its own
    other.extend(range(100, 100 + more))
    one.extend([200])
    left += range(100, 100 + more)
    assert (list(one), list(other)) == ([*there, 200], left)
    third = other.without(NumberSet.of(later).slices(other))
    assert list(third) == [number for number in left if number not in later]
    assert (list(one), list(other)) == ([*there, 200], left)


def test_it_grows_by_pieces() -> None:
    numbers = LongArray.of(array("I", range(PIECE - 1)))
    view = numbers[:]
    for first, more in ((PIECE - 1, 1), (PIECE, 1), (PIECE + 1, 3 * PIECE)):
        numbers.extend(range(first, first + more))
    assert array("I", numbers) == array("I", range(4 * PIECE + 1))
    assert numbers[PIECE - 1 : PIECE + 2].tolist() == [PIECE - 1, PIECE, PIECE + 1]
    assert numbers[: PIECE - 1] == view


def test_only_long_arrays_are_divided() -> None:
    last = [slice(LONG - 1, LONG)]
    assert isinstance(without_uids(array("I", range(LONG)), last), array)
    numbers = without_uids(array("I", range(LONG + 2)), last)
    assert isinstance(numbers, LongArray)
    assert array("I", numbers) == array("I", (*range(LONG - 1), LONG, LONG + 1))
    # No longer long
    assert without_uids(numbers, [slice(0, 2)]) == array("I", (*range(2, LONG - 1), LONG, LONG + 1))


def test_all_may_go() -> None:
    empty = divided([2, 3]).without([slice(0, 5)])
    assert (len(empty), list(empty), empty[:].tolist()) == (0, [], [])
    empty.extend([7])
    assert list(empty) == [7]
