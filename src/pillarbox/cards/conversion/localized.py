"""Properties in other languages, and in sounds: `localizations` and `phonetic` (RFC 9555 §2.3.11, §2.3.15)."""

from collections.abc import Iterator
from typing import Any, Final

from pillarbox.cards import scalars
from pillarbox.cards.checking import wrong_properties
from pillarbox.cards.conversion import components, rows
from pillarbox.cards.conversion.building import STEP_PROPERTIES, Building
from pillarbox.cards.conversion.parameters import Taken
from pillarbox.cards.conversion.properties import altid, sort_as_of
from pillarbox.cards.conversion.single import SINGLE
from pillarbox.cards.objects import TYPES
from pillarbox.cards.pointers import difference, joined, tokens
from pillarbox.cards.vcard import values

Patch = dict[str, Any]
_IN_ORDER: Final = ("isOrdered", "defaultSeparator")
_is_system: Final = scalars.one_of("ipa", "jyut", "piny")


class _Patches:
    """Those of one language: none is a prefix of another."""

    def __init__(self) -> None:
        self.patch: Patch = {}
        self._prefixes: set[str] = set()

    def add(self, patch: Patch) -> bool:
        """All of them or none."""
        if any(pointer in self.patch or pointer in self._prefixes for pointer in patch):
            return False
        prefixes = {prefix for pointer in patch for prefix in _prefixes(pointer)}
        if not prefixes.isdisjoint(self.patch):
            return False
        self.patch |= patch
        self._prefixes |= prefixes
        return True


def _prefixes(pointer: str) -> list[str]:
    parts = pointer.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def add_localized(building: Building) -> Iterator[None]:
    """Adds what `building.localized` says, and keeps what fits nowhere; a step after each few."""
    found: dict[str, _Patches] = {}
    for number, row in enumerate(building.localized):
        if number % STEP_PROPERTIES == STEP_PROPERTIES - 1:
            yield
        taken = building.taken(row)
        taken.take("prop-id")
        path = building.bases.get((row.name, altid(row)))
        if path is None:
            building.keep(row)
            continue
        language = taken.take("language", scalars.language)
        patch = _patch_of(building, taken, path)
        if not patch:
            building.keep(row)
        elif language is not None:
            if not found.setdefault(language, _Patches()).add(patch):
                building.keep(row)
        elif not _add_sounds(building.card, patch):
            building.keep(row)
    localizations = {language: patches.patch for language, patches in found.items() if patches.patch}
    if localizations:
        building.card["localizations"] = localizations


def _patch_of(building: Building, taken: Taken, path: str) -> Patch | None:
    name = taken.row.name
    base = _at(building.card, path)
    if name in ("n", "adr") and taken.peek("phonetic") is not None:
        return _sounds(building, taken, path)
    if name == "fn":
        taken.drop_value_type("text")
        return None if taken.rest() else {"name/full": values.unescaped(taken.row.value)}
    if name == "n":
        return _name(taken, base)
    if name in SINGLE:
        value = SINGLE[name].read(taken)
        return None if value is None or taken.rest() else {path: value}
    return _object(taken, base, path)


def _at(card: dict[str, Any], path: str) -> Any:
    found: Any = card
    for token in tokens(path):
        found = found[int(token)] if isinstance(found, list) else found[token]
    return found


def _sounds(building: Building, taken: Taken, path: str) -> Patch | None:
    system = (taken.take("phonetic") or "").lower()
    script = taken.take("script", scalars.script)
    found = components.read_phonetic(taken.row.value, building.places.get(path, []))
    if not found or taken.rest() or (system == "script" and script is None):
        return None
    patch: Patch = {f"{path}/components/{index}/phonetic": sound for index, sound in found.items()}
    if system != "script":
        if not _is_system(system):
            return None
        patch[f"{path}/phoneticSystem"] = system
    if script is not None:
        patch[f"{path}/phoneticScript"] = script
    return patch


def _add_sounds(card: dict[str, Any], patch: Patch) -> bool:
    """Those of the Card itself, where it has none."""
    places = [(_at(card, pointer.rpartition("/")[0]), pointer.rpartition("/")[2]) for pointer in patch]
    if any(name in place for place, name in places):
        return False
    for (place, name), value in zip(places, patch.values(), strict=True):
        place[name] = value
    return True


def _name(taken: Taken, base: dict[str, Any]) -> Patch | None:
    read = components.read("n", taken.row.value, taken.peek("jscomps"))
    if read is None or not read.properties.get("components"):
        return None
    if read.ordered:
        taken.take("jscomps")
    found = dict(read.properties)
    sort_as = sort_as_of(taken, read)
    found |= {"sortAs": sort_as} if sort_as else {}
    if taken.rest():
        return None
    removed = [name for name in (*_IN_ORDER, "sortAs") if name in base and name not in found]
    changed = {name for name, value in found.items() if base.get(name) != value} | {"components"}
    return {f"name/{name}": found.get(name) for name in (*changed, *removed)}


def _object(taken: Taken, base: dict[str, Any], path: str) -> Patch | None:
    """What differs; what it does not say stays as it is. Its value is always among it."""
    row = rows.ROWS[taken.row.name]
    found = rows.build(row, taken)
    if found is None or any(wrong_properties(found, TYPES[row.type_name])):
        return None
    rest = taken.rest()
    found |= {"vCardParams": rest} if rest else {}
    patch = {pointer: value for pointer, value in difference(base, found, path) if value is not None}
    value = row.value if row.value in found else next(name for name in found if name != "kind")
    within = joined(path, value)
    if not any(pointer == within or pointer.startswith(f"{within}/") for pointer in patch):
        patch[within] = found[value]
    if "components" in found:
        patch |= {joined(path, name): None for name in _IN_ORDER if name in base and name not in found}
    return patch
