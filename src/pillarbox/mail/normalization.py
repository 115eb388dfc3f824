"""Unicode normalization and case folding: the only place that calls `unicodedata.normalize`.

Python's `normalize` sorts each run of combining marks by insertion, which is quadratic: two hundred thousand marks
after one letter take minutes, with the interpreter's lock held. So text is normalized in slices. A slice ends where
the text may be cut without changing the result (UAX #15 §9: before a character that neither reorders nor composes with
what comes before), which real text has every few characters; it may have at most `MAX_SLICE_CHARACTERS`. A run of
marks without such a place is broken by U+034F COMBINING GRAPHEME JOINER, as the Stream-Safe Text Format of UAX #15
§13 breaks runs of more than 30; no language has such runs, so what is broken is only compared with itself. The time is
linear in the length of the text, whatever the text.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, Literal

Form = Literal["NFC", "NFKC", "NFKD"]

MAX_SLICE_CHARACTERS: Final = 512
"""Characters that are normalized at once where text is neither ASCII nor Latin; the worst take 0.6 ms."""

MAX_LATIN_CHARACTERS: Final = 64 * 1024
"""Characters that are normalized at once where all are ASCII or Latin."""

MAX_RUN_CHARACTERS: Final = 128
"""Characters without a place to cut, after which the text is cut all the same."""

_JOINER: Final = "\u034f"
_FIRST_MARK: Final = "\u0300"
"""Characters before it neither reorder nor compose with what comes before."""
_IDEOGRAPHS: Final = ("\u3400", "\u9fff")
"""Nor do these."""
_NEAR_CHARACTERS: Final = 8
"""Characters before a place that are enough to see what composes across it."""


def normalize(form: Form, text: str, database: unicodedata.UCD | None = None) -> str:
    """Text in a normalization form; `database`: the Unicode version to use, if not the newest."""
    if text.isascii():
        return text
    of_version = unicodedata.normalize if database is None else database.normalize
    if len(text) <= MAX_SLICE_CHARACTERS:
        return of_version(form, text)
    return "".join(of_version(form, each) for each in slices((text,)))


def fold(text: str) -> str:
    """The form in which texts are searched: case folding, then compatibility composition.

    It makes composed and decomposed accents, full-width and half-width forms alike.
    """
    if text.isascii():
        return text.lower()
    if len(text) <= MAX_SLICE_CHARACTERS:
        return unicodedata.normalize("NFKC", text.casefold())
    return "".join(unicodedata.normalize("NFKC", each.casefold()) for each in slices((text,)))


def caseless(text: str) -> str:
    """The form in which names are compared: case folding between two canonical compositions."""
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).casefold())


def slices(pieces: Iterable[str]) -> Iterator[str]:
    """A text that comes in pieces, in slices that may be normalized one by one.

    A slice is no longer than `MAX_LATIN_CHARACTERS`, and where it is neither ASCII nor Latin than
    `MAX_SLICE_CHARACTERS`.
    """
    held = ""
    for piece in pieces:
        text, held = held + piece, ""
        if _is_latin(text):  # but its last character may compose with the next piece
            for at in range(0, len(text) - 1, MAX_LATIN_CHARACTERS):
                yield text[at : min(at + MAX_LATIN_CHARACTERS, len(text) - 1)]
            held = text[-1:]
            continue
        at = 0
        while len(text) - at > MAX_SLICE_CHARACTERS:
            end = _place_to_cut(text, at + MAX_SLICE_CHARACTERS)
            yield text[at : end or at + MAX_RUN_CHARACTERS] + ("" if end else _JOINER)
            at = end or at + MAX_RUN_CHARACTERS
        held = text[at:]
    yield held


def _is_latin(text: str) -> bool:
    """Whether no character is beyond U+00FF: Python keeps such text in one octet a character, and copies it."""
    if text.isascii():
        return True
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _place_to_cut(text: str, last: int) -> int | None:
    """The last place up to `last` before which and from which on the text may be normalized alone."""
    for place in range(last, last - MAX_SLICE_CHARACTERS + MAX_RUN_CHARACTERS, -1):
        character = text[place]
        if character < _FIRST_MARK or _IDEOGRAPHS[0] <= character <= _IDEOGRAPHS[1]:
            return place
        if not unicodedata.combining(character) and _begins_anew(
            text[place - _NEAR_CHARACTERS : place], character
        ):
            return place
    return None


def _begins_anew(before: str, character: str) -> bool:
    """Whether nothing before composes with this character, or changes places with it."""
    alone = unicodedata.normalize("NFKD", character)
    if unicodedata.combining(alone[0]):
        return False
    parts = unicodedata.normalize("NFKC", before) + unicodedata.normalize("NFKC", character)
    return unicodedata.normalize("NFKC", before + character) == parts
