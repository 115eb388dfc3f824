import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.smtp.line_ends import SPACES_OCTETS, LineEnds, is_clean, repair

ODD = st.text("\r\n.a ", max_size=40).map(str.encode)


@pytest.mark.parametrize(
    ("received", "kept"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb", b"a\r\nb"),
        (b"a\r\r\nb", b"a\r\nb"),
        (b"a\rb", b"a b"),
        (b"\n.\n", b"\r\n.\r\n"),
        (b"\r.\r", b" . "),
        (b"a\n\rb", b"a\r\n b"),
        (b"\r", b" "),
    ],
)
def test_the_rule(received: bytes, kept: bytes) -> None:
    assert repair(received) == kept


def test_a_clean_message_is_the_same_object() -> None:
    message = b"Subject: x\r\n\r\nbody\r\n"
    assert repair(message) is message


@given(ODD)
def test_what_is_repaired_is_clean_and_stays_as_it_is(octets: bytes) -> None:
    repaired = repair(octets)
    assert is_clean(repaired)
    assert repair(repaired) == repaired
    assert repaired.replace(b"\r\n", b"").count(b"\n") == 0


@given(ODD)
def test_clean_is_what_holds_pairs_only(octets: bytes) -> None:
    rest = octets.replace(b"\r\n", b"")
    assert is_clean(octets) == (b"\r" not in rest and b"\n" not in rest)


@given(ODD, st.lists(st.integers(0, 40)))
def test_pieces_come_to_the_same_as_the_whole(octets: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(octets)]
    ends = LineEnds()
    pieces = [ends.feed(octets[start:end]) for start, end in itertools.pairwise(edges)]
    assert b"".join([*pieces, ends.finish()]) == repair(octets)
    assert ends.repaired == (repair(octets) != octets)


def test_a_flood_of_carriage_returns_costs_its_length_once() -> None:
    ends = LineEnds()
    pieces = [ends.feed(b"\r" * 1000) for _ in range(1000)]
    assert not any(pieces)
    assert ends.feed(b"\n") == b"\r\n"


@pytest.mark.parametrize("octets", [b"x", b""])
def test_a_flood_becomes_spaces_in_pieces(octets: bytes) -> None:
    ends = LineEnds()
    count = 3 * SPACES_OCTETS + 1
    assert not list(ends.pieces(b"\r" * count))
    pieces = [*ends.pieces(octets), *ends.last_pieces()]
    assert b"".join(pieces) == b" " * count + octets
    assert max(map(len, pieces)) == SPACES_OCTETS
