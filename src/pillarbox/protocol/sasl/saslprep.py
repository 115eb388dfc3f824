"""SASLprep: making names and passwords comparable (RFC 4013, a profile of RFC 3454).

The same password typed on different keyboards must give the same octets: all spaces become one kind of space,
invisible characters are removed, compatibility forms are folded (NFKC, Unicode 3.2), and characters that cannot be
typed reliably are prohibited. Printable US-ASCII is unchanged.
"""

import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

from pillarbox.mail.normalization import normalize

MAX_GIVEN_CHARACTERS: Final = 1024
"""Characters of a text that is prepared: as many as a password may have octets."""

# RFC 4013 §2.3: prohibited output.
_PROHIBITED = (
    stringprep.in_table_c12,  # non-ASCII spaces
    stringprep.in_table_c21_c22,  # control characters
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # non-characters
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # inappropriate for plain text
    stringprep.in_table_c7,  # inappropriate for canonical representation
    stringprep.in_table_c8,  # change display properties, deprecated
    stringprep.in_table_c9,  # tags
)


class PreparationFailed(ValueError):
    """The text has characters that may not be in a name or password. The message never quotes them."""


def prepare_query(text: str) -> str:
    """Prepare what a client presented. Raises `PreparationFailed`, also for what is too long.

    Code points that Unicode 3.2 had not assigned pass (RFC 3454 §7).
    """
    if len(text) > MAX_GIVEN_CHARACTERS:
        raise PreparationFailed(f"more than {MAX_GIVEN_CHARACTERS} characters")
    if text.isascii() and text.isprintable():
        return text
    prepared = _normalize(text)
    if any(prohibits(character) for character in prepared for prohibits in _PROHIBITED):
        raise PreparationFailed("a prohibited character")
    _check_direction(prepared)
    return prepared


def prepare_stored(text: str) -> str:
    """Prepare what will be kept for comparison. Raises `PreparationFailed`.

    Unassigned code points are refused: a later Unicode may normalize them differently (RFC 3454 §7).
    """
    prepared = prepare_query(text)
    if any(stringprep.in_table_a1(character) for character in prepared):
        raise PreparationFailed("a character that Unicode 3.2 has not assigned")
    return prepared


def _normalize(text: str) -> str:
    # RFC 4013 §2.1: map spaces to SPACE, drop what is "commonly mapped to nothing"; §2.2: NFKC.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    return normalize("NFKC", mapped, ucd_3_2_0)


def _check_direction(prepared: str) -> None:
    # RFC 3454 §6: with any RandALCat character, no LCat one, and RandALCat at both ends.
    if not any(map(stringprep.in_table_d1, prepared)):
        return
    if any(map(stringprep.in_table_d2, prepared)):
        raise PreparationFailed("left-to-right and right-to-left text mixed")
    if not (stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])):
        raise PreparationFailed("right-to-left text that begins or ends otherwise")
