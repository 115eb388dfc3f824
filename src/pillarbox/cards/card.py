"""What makes a valid JSContact Card (RFC 9553)."""

from typing import Any, Final

import msgspec

from pillarbox.cards import scalars
from pillarbox.cards.checking import wrong_properties
from pillarbox.cards.objects import TYPES
from pillarbox.cards.pointers import InvalidPatch, apply, copied, joined, tokens

MAX_CARD_OCTETS: Final = 1_000_000
"""Of the JSON: a photograph may be in it, as a `data:` URI."""
MAX_DEPTH: Final = 16
"""Of objects and arrays; the Card itself is the first."""
MAX_ENTRIES: Final = 5_000
"""Of all objects and arrays of a card together."""
MAX_LOCALIZED_ENTRIES: Final = MAX_ENTRIES
"""Of what localizations change, counted for each language: the Card is looked at in each of them."""
_CARD: Final = TYPES["Card"]


def check(card: dict[str, Any]) -> list[str]:
    """JSON pointers, without the first slash, to all that is not valid in a Card; empty where it is valid.

    A missing property is named as one that is wrong. Unknown and vendor-specific properties are valid where their
    names are (§1.7.4, §1.8.1). Beyond a limit the list is `[""]` alone, and nothing else has been looked at.
    """
    if not within_limits(card):
        return [""]
    found = list(wrong_properties(card, _CARD))
    if isinstance(card.get("localizations"), dict):
        found += _wrong_localizations(card)
    return list(dict.fromkeys(found))


def within_limits(card: dict[str, Any]) -> bool:
    """Whether a Card is small enough to be looked at, and can be written as JSON."""
    if count_entries(card, MAX_ENTRIES) > MAX_ENTRIES:
        return False
    try:
        return len(msgspec.json.encode(card)) <= MAX_CARD_OCTETS
    except (
        TypeError,
        ValueError,
    ):  # half of a surrogate pair, keys that are no texts, numbers that JSON has not
        return False


def count_entries(value: Any, limit: int) -> int:
    """How many entries objects and arrays have; more than `limit` where there are more, or they are too deep."""
    count, level = 0, [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        below: list[Any] = []
        for item in level:
            inner = list(item.values()) if isinstance(item, dict) else item
            count += len(inner)
            if count > limit:
                return count
            below += [each for each in inner if isinstance(each, dict | list)]
        if not below:
            return count
        level = below
    return limit + 1


def _wrong_localizations(card: dict[str, Any]) -> list[str]:
    """§2.7.1: each language's Card must be valid. Only the properties that it changes are looked at again."""
    found: list[str] = []
    left = MAX_LOCALIZED_ENTRIES
    for language, patch in card["localizations"].items():
        path = joined("localizations", language)
        if not scalars.language(language) or not isinstance(patch, dict):
            found.append(path)
            continue
        touched = frozenset(tokens(pointer)[0] for pointer in patch)
        localized = {name: value for name, value in card.items() if name != "localizations"}
        changed = {name: localized[name] for name in touched if name in localized}
        left -= count_entries(changed, left) + len(patch) if left > 0 else 0
        if left <= 0:
            return [*found, path]
        localized |= copied(changed)
        found += _wrong_patch(card, localized, patch, touched, path)
    return found


def _wrong_patch(
    card: dict[str, Any], localized: dict[str, Any], patch: dict[str, Any], touched: frozenset[str], path: str
) -> list[str]:
    if "localizations" in touched:
        return [joined(path, pointer) for pointer in patch if tokens(pointer)[0] == "localizations"]
    try:
        apply(localized, patch)
    except InvalidPatch as refused:
        return [joined(path, str(refused))]
    wrong = set(wrong_properties(localized, _CARD, only=touched))
    if not wrong or wrong <= set(wrong_properties(card, _CARD, only=touched)):
        return []
    named = [pointer for pointer in patch if any(_concerns(pointer, place) for place in wrong)]
    return [joined(path, pointer) for pointer in named] or [path]


def _concerns(pointer: str, place: str) -> bool:
    """Whether what a pointer sets is at a place, or around or inside it."""
    return f"{place}/".startswith(f"{pointer}/") or f"{pointer}/".startswith(f"{place}/")
