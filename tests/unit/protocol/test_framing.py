import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.framing import LineFraming, LineTooLong


def lines(framing: LineFraming, chunks: list[bytes]) -> list[bytes | None]:
    """Every line, `None` for one that is too long."""
    found: list[bytes | None] = []
    for chunk in chunks:
        framing.feed(chunk)
        while True:
            try:
                line = framing.line()
            except LineTooLong:
                found.append(None)
                continue
            if line is None:
                break
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("stream", "strict", "lenient"),
    [
        (b"a\r\nb\r\n", [b"a", b"b"], [b"a", b"b"]),
        (b"\r\n\r\n", [b"", b""], [b"", b""]),
        (b"a\nb\r\n", [b"a\nb"], [b"a", b"b"]),
        (b"a\rb\r\n", [b"a\rb"], [b"a\rb"]),
        (b"a\r\r\n", [b"a\r"], [b"a\r"]),
        (b"unfinish\r", [], []),
        (b"12345678\r\nx\r\n", [b"12345678", b"x"], [b"12345678", b"x"]),
        (b"123456789\r\nx\r\n", [None, b"x"], [None, b"x"]),
        (b"123456789\nx\r\n", [None], [b"123456789", b"x"]),
        (b"12345678901234567890\r\n\r\nx\r\n", [None, b"", b"x"], [None, b"", b"x"]),
    ],
)
def test_lines_of_at_most_ten_octets(
    stream: bytes, strict: list[bytes | None], lenient: list[bytes | None]
) -> None:
    for chunks in ([stream], [stream[n : n + 1] for n in range(len(stream))]):
        assert lines(LineFraming(10), chunks) == strict
        assert lines(LineFraming(10, lenient=True), chunks) == lenient


@given(
    stream=st.text("ab\r\n", max_size=80).map(str.encode),
    cuts=st.lists(st.integers(0, 80), max_size=10),
    lenient=st.booleans(),
)
def test_any_chunking_gives_the_same_lines(stream: bytes, cuts: list[int], lenient: bool) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    whole, pieces = LineFraming(7, lenient=lenient), LineFraming(7, lenient=lenient)
    assert lines(pieces, chunks) == lines(whole, [stream])


def test_a_line_that_is_too_long_is_reported_before_its_end_and_not_kept() -> None:
    framing = LineFraming(100)
    assert lines(framing, [b"x" * 101]) == [None]
    assert lines(framing, [b"x" * 10_000]) == []
    assert framing.buffered <= 1
    assert lines(framing, [b"x\r\nnext\r\n"]) == [b"next"]


def test_take_and_discard() -> None:
    framing = LineFraming(100)
    framing.feed(b"a\r\nliteral\r\nrest")
    assert framing.line() == b"a"
    assert framing.take(7) == b"literal"
    assert framing.line() == b""
    assert framing.take(10) == b"rest"
    framing.feed(b"half a li")
    assert framing.buffered == 9
    assert framing.discard() == 9
    assert lines(framing, [b"x\r\n"]) == [b"x"]


def test_discard_ends_the_skipping_of_a_long_line() -> None:
    framing = LineFraming(5)
    assert lines(framing, [b"too long"]) == [None]
    framing.discard()
    assert lines(framing, [b"x\r\n"]) == [b"x"]


def test_octet_by_octet_costs_no_more_than_in_proportion() -> None:
    def cost(size: int) -> float:
        framing = LineFraming(size + 2)
        start = time.process_time()
        lines(framing, [b"x"] * size + [b"\r\n"])
        return time.process_time() - start

    # Quadratic behaviour would make it 256 times as long.
    assert cost(64_000) < 64 * max(cost(4_000), 0.001)
