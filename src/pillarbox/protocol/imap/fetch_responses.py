"""FETCH responses in bulk: columns in, chunks of ready octets out (RFC 9051 §7.5.2).

One format string is made for the set of columns, repeated for as many lines as a chunk holds, and applied
once: there is no Python per line. Values of `octets` columns are on the wire as they are given: rendered at
delivery, or by `strings`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

CHUNK_OCTETS: Final = 64 * 1024
"""About how much one chunk holds: one write to the socket."""

FIRST_CHUNK_ROWS: Final = 64
"""How many messages the first chunk has, if there are so many."""


class Column(NamedTuple):
    """One item of every line: its label, how a value is written, and the values.

    Where a value is written in several parts, `parts` has a sequence for each.
    """

    label: bytes
    form: bytes
    parts: tuple[Sequence[object], ...]


def numbers(label: bytes, values: Sequence[int]) -> Column:
    """`UID 5`, `RFC822.SIZE 100`."""
    return Column(label, b"%d", (values,))


def octets(label: bytes, values: Sequence[bytes]) -> Column:
    """`ENVELOPE (...)`, `BODY[TEXT] {3}`: values ready for the wire."""
    return Column(label, b"%b", (values,))


def literals(label: bytes, values: Sequence[bytes]) -> Column:
    """`BODY[HEADER.FIELDS (DATE)] {2}`: values that go as literals."""
    return Column(label, b"{%d}\r\n%b", (list(map(len, values)), values))


def listed(label: bytes, values: Sequence[bytes]) -> Column:
    """`EMAILID (M1)`: values that the response has in parentheses."""
    return Column(label, b"(%b)", (values,))


def modseqs(values: Sequence[int]) -> Column:
    """`MODSEQ (17)` (RFC 7162 §3.1.4.2)."""
    return Column(b"MODSEQ", b"(%d)", (values,))


def flags(values: Sequence[str]) -> Column:
    """`FLAGS (\\Seen)`, from stored texts (`mail.flags`); of which a mailbox has few different ones."""
    known = {text: text.encode() for text in set(values)}
    return Column(b"FLAGS", b"(%b)", ([known[text] for text in values],))


def lines(sequence_numbers: Sequence[int], columns: Sequence[Column]) -> Iterator[bytes]:
    """Chunks of FETCH responses, one response for each sequence number, in order."""
    items = b" ".join([column.label.replace(b"%", b"%%") + b" " + column.form for column in columns])
    line = b"* %d FETCH (" + items + b")\r\n"
    parts = [sequence_numbers, *(part for column in columns for part in column.parts)]
    start, rows = 0, FIRST_CHUNK_ROWS
    while start < len(sequence_numbers):
        stop = min(start + rows, len(sequence_numbers))
        chunk = line * (stop - start) % _line_by_line(parts, start, stop)
        yield chunk
        start, rows = stop, max(1, rows * CHUNK_OCTETS // max(len(chunk), CHUNK_OCTETS // 16))


def _line_by_line(parts: Sequence[Sequence[object]], start: int, stop: int) -> tuple[object, ...]:
    """All values of some lines, in the order in which they are written."""
    values: list[object] = [None] * (len(parts) * (stop - start))
    for place, part in enumerate(parts):
        values[place :: len(parts)] = part[start:stop]
    return tuple(values)


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
