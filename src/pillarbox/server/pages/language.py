"""Which language a page is in, by what the browser prefers (RFC 9110 §12.5.4)."""

from enum import StrEnum
from typing import Final

MAX_FIELD_CHARACTERS: Final = 512
"""Of Accept-Language; what comes after that is not looked at."""


class Language(StrEnum):
    """A language that all words are there in."""

    ENGLISH = "en"
    GERMAN = "de"


def preferred(field: str) -> Language:
    """The best of what Accept-Language names; English where it names none that there is."""
    best, best_weight = Language.ENGLISH, 0.0
    for part in field[:MAX_FIELD_CHARACTERS].split(","):
        name, _, parameter = part.strip().partition(";")
        weight = _weight(parameter)
        tag = name.strip().lower().partition("-")[0]
        if weight > best_weight and (tag == "*" or tag in tuple(Language)):
            best, best_weight = Language.ENGLISH if tag == "*" else Language(tag), weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    digits = value.strip()
    # RFC 9110 §12.4.2: 0 to 1, with three decimals at most
    if name.strip().lower() != "q" or len(digits) > len("0.123") or not digits.isascii():
        return 0.0
    whole, _, decimals = digits.partition(".")
    return float(digits) if whole in ("0", "1") and (not decimals or decimals.isdigit()) else 0.0
