"""Lines and pieces, however the chunks were cut."""

import pytest

from pillarbox.protocol.imap.receiver import LineTooLong, LiteralCount, Receiver, literal_count


def fed(*chunks: bytes) -> Receiver:
    receiver = Receiver()
    for chunk in chunks:
        receiver.feed(chunk)
    return receiver


def test_lines_across_chunks() -> None:
    receiver = fed(b"on", b"", b"e\r", b"\ntwo\nth", b"ree")
    assert receiver.buffered == 14
    assert receiver.line(100) == b"one"
    assert receiver.line(100) == b"two"
    assert receiver.line(100) is None
    receiver.feed(b"\r\n")
    assert receiver.line(100) == b"three"
    assert receiver.buffered == 0


def test_pieces_are_handed_on_as_they_lie() -> None:
    receiver = fed(b"abc", b"def\r\n")
    assert [receiver.piece(4), receiver.piece(1), receiver.piece(9)] == [b"abc", b"d", b"ef\r\n"]
    assert receiver.piece(1) == b""


def test_the_limit_of_a_line() -> None:
    assert fed(b"12345\r\n").line(5) == b"12345"
    assert fed(b"12345\n").line(5) == b"12345"
    for chunks in ((b"1234567\r\n",), (b"123", b"4567"), (b"123456789",)):
        receiver = fed(*chunks)
        with pytest.raises(LineTooLong):
            receiver.line(5)
        assert receiver.peek(3) == b"123"


def test_a_dropped_line_takes_its_literals_along() -> None:
    receiver = fed(b"xxx {3", b"+", b"}\r", b"\na\nb", b" {2}\r\nnext\r\n")
    receiver.drop_line()
    assert receiver.line(100) == b"next"


def test_a_dropped_line_ends_in_one_cr_however_it_is_cut() -> None:
    for chunks in (
        (b"xxx {3+}\r\r\nnext\r\n",),
        (b"xxx {3+}\r", b"\r\nnext\r\n"),
        (b"xxx {3+}\r\r", b"\nnext\r\n"),
    ):
        receiver = fed(*chunks)
        receiver.drop_line()
        assert receiver.line(100) == b"next", chunks


def test_a_dropped_command() -> None:
    receiver = fed(b"ab", b"c {4+}\r\n", b"defg\r", b"\nnext\r\n")
    receiver.drop_command(LiteralCount(3, synchronizing=False))
    assert receiver.line(100) == b"next"
    receiver = fed(b"next\r\n")
    receiver.drop_command(LiteralCount(3, synchronizing=True))
    receiver.drop_command(None)
    assert receiver.line(100) == b"next"


def test_dropping_needs_no_memory() -> None:
    receiver = Receiver()
    receiver.drop_command(LiteralCount(10**6, synchronizing=False))
    for _ in range(100):
        receiver.feed(b"x" * 10**4)
        assert receiver.line(100) is None
        assert receiver.buffered == 0
    receiver.feed(b"\r\nnext\r\n")
    assert receiver.line(100) == b"next"


def test_clear_resets_what_was_to_be_dropped() -> None:
    receiver = fed(b"abc")
    receiver.drop_line()
    receiver.clear()
    receiver.feed(b"next\r\n")
    assert receiver.line(100) == b"next"


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b"a {5}", LiteralCount(5, synchronizing=True)),
        (b"a ~{0+}", LiteralCount(0, synchronizing=False)),
        (b"{5+}", LiteralCount(5, synchronizing=False)),
        (b"a {5} ", None),
        (b"a {}", None),
        (b"a {-5}", None),
        (b"a {5-}", None),
        (b"a 5}", None),
        (b"", None),
    ],
)
@pytest.mark.rfc("7888 §3", "MUST")
def test_literal_count(line: bytes, count: LiteralCount | None) -> None:
    assert literal_count(line) == count
