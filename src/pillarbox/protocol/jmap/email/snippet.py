"""SearchSnippet: what of an email a search has found, as HTML (RFC 8621 §5).

Terms are found as the search finds them: as substrings, once both are folded (`mail.normalization.fold`). Folding may
change the number of characters, so the place of a match is found by folding what belongs together on its own.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from pillarbox.mail.normalization import fold
from pillarbox.mail.part_parser import parse
from pillarbox.mail.text import body_pieces
from pillarbox.protocol.jmap.email.body_part import Interlude, go_on

MAX_PREVIEW_OCTETS: Final = 255
"""Octets of a preview, markup included (RFC 8621 §5)."""
MAX_TERMS: Final = 32
"""Terms that are looked for; further ones are ignored."""
MAX_TERM_CHARACTERS: Final = 512
"""A longer term is ignored."""

_BEFORE_OCTETS: Final = 80
"""Of a preview, what may stand before the first match."""
_WINDOW_CHARACTERS: Final = 1024
"""Characters that are folded and searched at once."""
_ELLIPSIS: Final = "…"
_ELLIPSIS_OCTETS: Final = len(_ELLIPSIS.encode())
_MARK, _END_MARK = "<mark>", "</mark>"
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINING: Final = ("\u1160", "\u11ff")
"""Vowels and finals of Hangul, which compose with what is before them."""

Span = tuple[int, int]


def folded_terms(terms: Iterable[str]) -> list[str]:
    """Terms, as a filter has them, in the form in which they are looked for."""
    found = dict[str, None]()
    for term in terms:
        if len(term) <= MAX_TERM_CHARACTERS and (folded := fold(" ".join(term.split()))):
            found[folded] = None
        if len(found) == MAX_TERMS:
            break
    return list(found)


def subject(text: str, terms: Sequence[str]) -> str | None:
    """The property `subject`: all of it with each match marked; None where there is none. `terms`: folded."""
    spans = _matches(text, terms)
    return _written(text, spans, len(text)) if spans else None


def preview(octets: bytes, terms: Sequence[str], interlude: Interlude = go_on) -> str | None:
    """The property `preview` of a message: the text around the first match; None where there is none.

    `terms`: folded. Costs what a search of the message does: some 10 ms a megabyte, in slices.
    """
    return excerpt(body_pieces(octets, parse(octets)), terms, interlude)


def excerpt(pieces: Iterable[str], terms: Sequence[str], interlude: Interlude = go_on) -> str | None:
    """The same of a text that comes in pieces."""
    if not terms:
        return None
    longest = 2 * max(map(len, terms))
    windows = _windows(pieces, overlap=longest + _BEFORE_OCTETS)
    for is_first, window in windows:
        interlude()
        folded = fold(window)
        if any(term in folded for term in terms):
            # What follows the match, if that is at the end of the window
            _, following = next(windows, (False, ""))
            text = window + following[longest + _BEFORE_OCTETS :]
            if spans := _matches(text, terms):
                return _around(text, spans, is_beginning=is_first)
    return None


def _windows(pieces: Iterable[str], *, overlap: int) -> Iterator[tuple[bool, str]]:
    """The text on one line, in windows; each begins with the end of the one before. And whether it is the first."""
    held, is_first, is_new = "", True, False
    for piece in chain(pieces, (None,)):
        held, is_new = held + (piece or ""), is_new or bool(piece)
        while len(held) >= overlap + _WINDOW_CHARACTERS or (piece is None and is_new):
            window, rest = held[: overlap + _WINDOW_CHARACTERS], held[overlap + _WINDOW_CHARACTERS :]
            window = _on_one_line(window)
            yield is_first, window
            held, is_first, is_new = window[-overlap:] + rest, False, bool(rest)


def _on_one_line(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        return " " if text else ""
    return (" " if text[0].isspace() else "") + words + (" " if text[-1].isspace() else "")


# --- matches


def _matches(text: str, terms: Sequence[str]) -> list[Span]:
    """Where the terms are in a text, in order; those that touch or overlap are one."""
    folded, starts, ends = _folded(text)
    found: list[Span] = []
    for term in terms:
        at = folded.find(term)
        while at >= 0:
            last = at + len(term)
            found.append((starts[at], ends[last - 1]))
            at = folded.find(term, last)
    spans: list[Span] = []
    for start, end in sorted(found):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _folded(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """The folded text; for each of its characters, where in the text begins and ends what it was made of."""
    if text.isascii():
        return text.lower(), range(len(text)), range(1, len(text) + 1)
    folded, starts, ends = list[str](), list[int](), list[int]()
    at = 0
    while at < len(text):
        end = at + 1
        while end < len(text) and _joins(text[end]):
            end += 1
        one = fold(text[at:end])
        folded.append(one)
        starts += [at] * len(one)
        ends += [end] * len(one)
        at = end
    return "".join(folded), starts, ends


def _joins(character: str) -> bool:
    return character > "\u02ff" and (
        unicodedata.combining(character) != 0 or _JOINING[0] <= character <= _JOINING[1]
    )


# --- writing


def _around(text: str, spans: Sequence[Span], *, is_beginning: bool) -> str:
    """As much of the text around its first match as a preview may have."""
    start = _start(text, spans[0][0])
    before = "" if start == 0 and is_beginning else _ELLIPSIS
    end = _end(text, start, spans, MAX_PREVIEW_OCTETS - 2 * _ELLIPSIS_OCTETS)
    after = "" if end == len(text) else _ELLIPSIS
    shifted = [(first - start, last - start) for first, last in spans]
    return before + _written(text[start:end], shifted, end - start).strip(" ") + after


def _start(text: str, match: int) -> int:
    """Where to begin: at a word, unless the words before the match are too long."""
    start, octets = match, 0
    while start > 0 and octets <= _BEFORE_OCTETS:
        start -= 1
        octets += _octets(text[start])
    if start == 0 and octets <= _BEFORE_OCTETS:
        return 0
    space = text.find(" ", start, match)
    return space + 1 if space >= 0 else start + 1


def _end(text: str, start: int, spans: Sequence[Span], room: int) -> int:
    """Where to end, so that what is written has no more octets: behind a word, unless that is the match."""
    marked = {first for first, _ in spans}
    at = start
    while at < len(text):
        room -= _octets(text[at]) + (len(_MARK) + len(_END_MARK) if at in marked else 0)
        if room < 0:
            break
        at += 1
    else:
        return at
    space = text.rfind(" ", spans[0][1], at + 1)
    return at if space < 0 else space


def _octets(character: str) -> int:
    return len(_ESCAPES.get(character, character).encode())


def _written(text: str, spans: Iterable[Span], end: int) -> str:
    written, at = list[str](), 0
    for start, stop in spans:
        if start >= end:
            break
        written += (_escape(text[at:start]), _MARK, _escape(text[start:stop]), _END_MARK)
        at = stop
    return "".join([*written, _escape(text[at:])])


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
