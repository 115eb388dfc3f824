"""SEARCH and ESEARCH responses, made piece by piece: a million numbers are seven megabytes and a fifth of a second."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pillarbox.mail.number_set import NumberSet, Run
from pillarbox.protocol.imap import strings

PIECE_NUMBERS: Final = 5000
"""Numbers of which a piece of a response is made: one to two milliseconds."""

Pieces = Iterable[Sequence[int]]
"""Ascending numbers, at most `PIECE_NUMBERS` at a time."""


def search(pieces: Pieces, *, modseq: int | None = None) -> Iterator[bytes]:
    """RFC 3501 §7.2.5, with RFC 7162 §3.1.5's MODSEQ where messages were found."""
    made, first = b"* SEARCH", True
    for some in pieces:
        if not first:
            yield made
            made = b""
        # One format for all of them: half the time of a text for each
        made += b" %d" * len(some) % tuple(some)
        first = False
    yield made + (b"\r\n" if modseq is None or first else b" (MODSEQ %d)\r\n" % modseq)


def esearch(
    tag: bytes,
    *,
    uid: bool,
    least: int | None = None,
    most: int | None = None,
    everything: Pieces = (),
    count: int | None = None,
    modseq: int | None = None,
) -> Iterator[bytes]:
    """RFC 9051 §7.3.3, RFC 4731 §3.1; an empty ALL is left out, as are all that are None."""
    items = [b"UID"] if uid else []
    for label, number in ((b"MIN", least), (b"MAX", most), (b"COUNT", count)):
        if number is not None:
            items.append(b"%b %d" % (label, number))
    made = b"* ESEARCH (TAG %b)%b" % (strings.quoted(tag), b"".join(b" " + item for item in items))
    before, last, first = b" ALL ", None, True
    for some in pieces_of_runs(everything):
        if not first:
            yield made
            made = b""
        first = False
        *done, last = some
        if done:
            made += before + _text(done)
            before = b","
    if last is not None:
        made += before + _text([last])
    yield made + (b"\r\n" if modseq is None else b" MODSEQ %d\r\n" % modseq)


def pieces_of_runs(pieces: Pieces) -> Iterator[list[Run]]:
    """The runs of these numbers; the last of each piece is the first of the next, where it may go on."""
    last: Run | None = None
    for some in pieces:
        runs = [*NumberSet.of(some).runs]
        if last is not None:
            if runs[0][0] == last[1] + 1:
                runs[0] = (last[0], runs[0][1])
            else:
                runs.insert(0, last)
        last = runs[-1]
        yield runs


def _text(runs: Iterable[Run]) -> bytes:
    return NumberSet(tuple(runs)).text().encode()
