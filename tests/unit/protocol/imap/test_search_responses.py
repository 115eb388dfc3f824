"""SEARCH and ESEARCH, and that the pieces of a long response are one."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import search_responses
from pillarbox.protocol.imap.search_responses import esearch, search
from tests.kit.imap.responses import Data, Response, read_response


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (search([]), Data(b"SEARCH")),
        (search([[2, 30]]), Data(b"SEARCH", [2, 30])),
        (search([[2]], modseq=9), Data(b"SEARCH", [2, [b"MODSEQ", 9]])),
        (search([], modseq=9), Data(b"SEARCH")),
        (esearch(b"a1", uid=False), Data(b"ESEARCH", [[b"TAG", b"a1"]])),
        (
            esearch(b"a1", uid=True, least=1, most=7, everything=[[1, 2, 3, 7]], count=4, modseq=9),
            Data(
                b"ESEARCH",
                [[b"TAG", b"a1"], b"UID", b"MIN", 1, b"MAX", 7, b"COUNT", 4, b"ALL", b"1:3,7", b"MODSEQ", 9],
            ),
        ),
        (
            esearch(b"a1", uid=False, everything=[], count=0),
            Data(b"ESEARCH", [[b"TAG", b"a1"], b"COUNT", 0]),
        ),
    ],
)
def test_response(made: Iterator[bytes], expected: Response) -> None:
    (octets,) = made
    assert read_response(octets) == expected


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 7))
def test_a_response_in_pieces_says_the_same(numbers: set[int], together: int) -> None:
    ascending = sorted(numbers)

    def pieces() -> Iterator[Sequence[int]]:
        return (ascending[start : start + together] for start in range(0, len(ascending), together))

    made = [*search(pieces(), modseq=3)]
    assert len(made) == -(-len(ascending) // together)
    assert read_response(b"".join(made)) == Data(b"SEARCH", [*ascending, [b"MODSEQ", 3]])
    made = [*esearch(b"a", uid=True, everything=pieces(), modseq=3)]
    assert len(made) == -(-len(ascending) // together)
    text = NumberSet.of(numbers).text().encode()
    assert b"".join(made) == b'* ESEARCH (TAG "a") UID ALL %b MODSEQ 3\r\n' % text


def test_no_piece_is_made_before_it_is_taken() -> None:
    taken = []

    def pieces() -> Iterator[Sequence[int]]:
        for start in range(3):
            taken.append(start)
            yield range(1 + 2 * start, 2 + 2 * start)

    made = search(pieces())
    assert (next(made), taken) == (b"* SEARCH 1", [0, 1])
    assert search_responses.PIECE_NUMBERS <= 10_000
