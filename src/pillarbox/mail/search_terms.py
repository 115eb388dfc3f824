"""What a person types to look for: words that must all be there, and phrases in quotes (RFC 8621 §4.4.1)."""

from collections.abc import Iterator
from typing import Final

QUOTES: Final = "'\""
"""A phrase ends with the quote that it begins with."""


def terms(text: str) -> list[str]:
    r"""The texts that must all be found: `a "b c" d` has three.

    A quote begins a phrase at the start of a word only, so that `don't` is a word, and only where the phrase ends.
    Within a phrase, a backslash makes a quote or a backslash an ordinary character.
    """
    return list(dict.fromkeys(term for term in _split(text) if term))


def _split(text: str) -> Iterator[str]:
    at, end = 0, len(text)
    # A quote that found no end once has none further on
    lonely = set[str]()
    while at < end:
        character = text[at]
        if character.isspace():
            at += 1
            continue
        if character in QUOTES and character not in lonely:
            found = _phrase(text, at)
            if found:
                phrase, at = found
                yield phrase
                continue
            lonely.add(character)
        start = at
        while at < end and not text[at].isspace():
            at += 1
        yield text[start:at]


def _phrase(text: str, at: int) -> tuple[str, int] | None:
    """The phrase that begins with the quote here, and where the text goes on; None where it does not end."""
    quote, at, found = text[at], at + 1, list[str]()
    while at < len(text):
        character = text[at]
        if character == quote:
            return "".join(found), at + 1
        if character == "\\" and text[at + 1 : at + 2] in ("'", '"', "\\"):
            at += 1
            character = text[at]
        found.append(character)
        at += 1
    return None
