"""JSPROP: what of a Card vCard has no form for (RFC 9555 §3.2.1)."""

from typing import Any, Final

import msgspec

from pillarbox.cards.card import MAX_ENTRIES, check, count_entries
from pillarbox.cards.conversion import jcard
from pillarbox.cards.pointers import InvalidPatch, apply, copied, difference, joined, same
from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Parameter, Property

_UNDERSTOOD: Final = frozenset(("jsptr", "value"))
_OF_THE_SERVER: Final = frozenset(("id", "addressBookIds"))
"""What a Card has where it is kept (RFC 9610 §3): whoever writes a vCard neither names it nor files it."""


def apply_jsprops(card: dict[str, Any], rows: list[Property]) -> dict[str, Any]:
    """The Card with the patch that all JSPROPs are. It is not applied where it is not valid, and kept then."""
    try:
        patch = _patch(rows)
        patched: dict[str, Any] = copied(card)
        apply(patched, patch)
        if not check(patched):
            return patched
    except (InvalidPatch, ValueError):
        pass
    return {**card, "vCardProps": [*card.get("vCardProps", ()), *map(jcard.to_jcard, rows)]}


def _patch(rows: list[Property]) -> dict[str, Any]:
    """Raises ValueError for what is no JSON, and InvalidPatch for what points into arrays or has no pointer."""
    patch: dict[str, Any] = {}
    for row in rows:
        pointers = [value for each in row.parameters if each.name == "jsptr" for value in each.values]
        if (
            len(pointers) != 1
            or row.group
            or not _UNDERSTOOD.issuperset(each.name for each in row.parameters)
        ):
            raise InvalidPatch(row.value)
        pointer = pointers[0].removeprefix("/")
        try:
            value = msgspec.json.decode(values.unescaped(row.value).encode())
        except RecursionError:
            raise InvalidPatch(pointer) from None
        if pointer in _OF_THE_SERVER or pointer in patch or count_entries(value, MAX_ENTRIES) > MAX_ENTRIES:
            raise InvalidPatch(pointer)
        patch[pointer] = value
    return patch


def jsprops(card: dict[str, Any], wanted: dict[str, Any]) -> list[Property]:
    """What makes `wanted` of a Card that a vCard was converted to. What a language changes is one patch."""
    patches = dict(difference(_without_localizations(card), _without_localizations(wanted)))
    before, after = card.get("localizations"), wanted.get("localizations")
    if before and after:
        patches |= {joined("localizations", each): None for each in before if each not in after}
        patches |= {
            joined("localizations", k): each for k, each in after.items() if not same(before.get(k), each)
        }
    elif not same(before, after):
        patches["localizations"] = after
    return [
        Property("jsprop", _compact(value), (Parameter("jsptr", (pointer,)),))
        for pointer, value in patches.items()
    ]


def _without_localizations(card: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in card.items() if name != "localizations"}


def _compact(value: Any) -> str:
    """JSON without controls: DEL is one in vCard, and not in JSON."""
    return values.escaped(msgspec.json.encode(value).decode().replace("\x7f", "\\u007f"))
