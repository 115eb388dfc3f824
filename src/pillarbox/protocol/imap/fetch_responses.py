"""FETCH responses in bulk: columns in, chunks of ready octets out (RFC 9051 §7.5.2).

A line is joined of pieces, some the same in every line and some a value of the line's own; all lines of a chunk are one
join, so there is no Python per line, and what is long is copied once. Values of `octets` columns are on the wire as
they are given: rendered at delivery, or by `strings`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from pillarbox.mail.lookup import each_of

CHUNK_OCTETS: Final = 64 * 1024
"""About how much one chunk holds: one write to the socket."""

FIRST_CHUNK_ROWS: Final = 64
"""How many messages the first chunk has, if there are so many."""

_WRITTEN: Final = tuple(map(b"%d".__mod__, range(8192)))
"""The numbers that occur most, as they are written: a twelfth of the time that writing one takes."""


class Decimals:
    """Numbers, as octets where a slice of them is taken."""

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def __getitem__(self, part: slice) -> Sequence[bytes]:
        numbers = self._numbers[part]
        if isinstance(numbers, range) and numbers.stop <= len(_WRITTEN):
            return _WRITTEN[numbers.start : numbers.stop]
        try:
            return each_of(_WRITTEN, numbers)
        except IndexError:
            # One format for all of them: two thirds of the time of one for each
            return (b"%d " * len(numbers) % tuple(numbers)).split()


class FewTexts:
    """Texts of which few are different, as octets where a slice of them is taken; each with what goes around all."""

    __slots__ = ("_texts", "after", "before")

    def __init__(self, texts: Sequence[str], before: bytes = b"") -> None:
        self._texts = texts
        self.before, self.after = before, b""

    def behind(self, octets: bytes) -> "FewTexts":
        """The same texts, each behind these octets."""
        return FewTexts(self._texts, octets)

    def __getitem__(self, part: slice) -> Sequence[bytes]:
        texts = self._texts[part]
        known = {text: self.before + text.encode() + self.after for text in set(texts)}
        return each_of(known, texts)


Piece: TypeAlias = bytes | Sequence[bytes] | Decimals | FewTexts
"""Of a line: the same in every line, or line by line."""


class Column(NamedTuple):
    """One item of every line: its label, and the pieces that its value is joined of."""

    label: bytes
    pieces: tuple[Piece, ...]

    def value(self) -> bytes:
        """The value of the first line."""
        return b"".join([piece if isinstance(piece, bytes) else piece[:1][0] for piece in self.pieces])


def numbers(label: bytes, values: Sequence[int]) -> Column:
    """`UID 5`, `RFC822.SIZE 100`."""
    return Column(label, (Decimals(values),))


def octets(label: bytes, values: Sequence[bytes]) -> Column:
    """`ENVELOPE (...)`, `BODY[TEXT] {3}`: values ready for the wire."""
    return Column(label, (values,))


def literals(label: bytes, values: Sequence[bytes]) -> Column:
    """`BODY[HEADER.FIELDS (DATE)] {2}`: values that go as literals."""
    return Column(label, (b"{", Decimals(list(map(len, values))), b"}\r\n", values))


def listed(label: bytes, values: Sequence[bytes]) -> Column:
    """`EMAILID (M1)`: values that the response has in parentheses."""
    return Column(label, (b"(", values, b")"))


def modseqs(values: Sequence[int]) -> Column:
    """`MODSEQ (17)` (RFC 7162 §3.1.4.2)."""
    return Column(b"MODSEQ", (b"(", Decimals(values), b")"))


def flags(values: Sequence[str]) -> Column:
    """`FLAGS (\\Seen)`, from stored texts (`mail.flags`); of which a mailbox has few different ones."""
    return Column(b"FLAGS", (b"(", FewTexts(values), b")"))


def lines(sequence_numbers: Sequence[int], columns: Sequence[Column]) -> Iterator[bytes]:
    """Chunks of FETCH responses, one response for each sequence number, in order."""
    pieces = _pieces(Decimals(sequence_numbers), columns)
    same = [piece if isinstance(piece, bytes) else b"" for piece in pieces]
    own = [(place, piece) for place, piece in enumerate(pieces) if not isinstance(piece, bytes)]
    start, rows, count = 0, FIRST_CHUNK_ROWS, len(sequence_numbers)
    while start < count:
        stop = min(start + rows, count)
        joined = same * (stop - start)
        for place, piece in own:
            joined[place :: len(same)] = piece[start:stop]
        joined[-1] = joined[-1][: -len(_BEGIN)]
        joined.insert(0, _BEGIN)
        chunk = b"".join(joined)
        yield chunk
        start, rows = stop, max(1, rows * CHUNK_OCTETS // max(len(chunk), CHUNK_OCTETS // 16))


_BEGIN: Final = b"* "
_END: Final = b")\r\n"


def _pieces(numbers: Decimals, columns: Sequence[Column]) -> list[Piece]:
    """What a line is joined of, from its number up to the beginning of the next line."""
    pieces: list[Piece] = [numbers]
    same = b" FETCH ("
    for column in columns:
        same += column.label + b" "
        for piece in column.pieces:
            if isinstance(piece, bytes):
                same += piece
                continue
            if isinstance(piece, FewTexts):
                pieces.append(piece.behind(same))
            else:
                _add(pieces, same)
                pieces.append(piece)
            same = b""
        same += b" "
    _add(pieces, same[:-1] + _END + _BEGIN)
    return pieces


def _add(pieces: list[Piece], same: bytes) -> None:
    last = pieces[-1]
    if isinstance(last, FewTexts):
        last.after = same  # one piece less in each line
    elif same:
        pieces.append(same)


class FlagsOf(NamedTuple):
    """A message whose flags are sent."""

    number: int
    uid: int
    flags: str
    modseq: int


FlagRows: TypeAlias = Iterable[FlagsOf]


def flag_lines(rows: FlagRows, *, condstore: bool) -> bytes:
    """Unsolicited FETCH responses with flags; with UID and MODSEQ once CONDSTORE is enabled (RFC 7162
    §3.2.4)."""
    if condstore:
        return "".join(
            [
                f"* {row.number} FETCH (UID {row.uid} FLAGS ({row.flags}) MODSEQ ({row.modseq}))\r\n"
                for row in rows
            ]
        ).encode()
    return "".join([f"* {row.number} FETCH (FLAGS ({row.flags}))\r\n" for row in rows]).encode()
