"""A Card as it grows, property by property."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from pillarbox.cards import scalars
from pillarbox.cards.checking import wrong_properties
from pillarbox.cards.conversion import components, jcard, rows
from pillarbox.cards.conversion.forms import text_of
from pillarbox.cards.conversion.parameters import Taken
from pillarbox.cards.conversion.properties import (
    ONE_NAME,
    altid,
    divided,
    full_name_of,
    geography,
    jscomps,
    parameter,
    sort_as_of,
)
from pillarbox.cards.conversion.single import SINGLE, add_categories, add_member, add_related
from pillarbox.cards.objects import TYPES
from pillarbox.cards.pointers import joined
from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Property

Place = components.Place
_PLACES: Final = {"birthplace": "birth", "deathplace": "death"}
_LATER: Final = frozenset(("geo", "tz", "x-ablabel", *_PLACES))
STEP_PROPERTIES: Final = 16
"""Converted between two steps."""
_IN_OFFICE: Final = frozenset(("Title", "Organization"))
_LABELLED: Final = frozenset(name for name, row in TYPES.items() if "label" in row.properties)


class Building:
    """The properties of a vCard, and what they have become."""

    def __init__(self, properties: list[Property]) -> None:
        self.card: dict[str, Any] = {}
        self.kept: list[list[Any]] = []
        self.plain: list[Property] = []
        self.localized: list[Property] = []
        """What says in another language, or in sounds, what another property says."""
        self.places: dict[str, list[Place | None]] = {}
        """By pointers to Names and Addresses: which field each component is from."""
        self.bases: dict[tuple[str, str | None], str] = {}
        """Pointers to what properties became, by their names and ALTID."""
        self._reserved = frozenset(value for row in properties for value in parameter(row, "prop-id"))
        self._numbers: dict[str, int] = {}
        self._grouped: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        """Names of types and objects, by the groups of their properties."""
        self._titles: list[tuple[str, dict[str, Any]]] = []
        self._organizations: dict[str, list[str]] = {}
        self._places_of: dict[tuple[str, str], dict[str, Any]] = {}
        """The first Address of a group, and the first Anniversary of a kind: what is added goes there."""
        self._sizes = Counter(row.group.lower() for row in properties if row.group is not None)
        self._is_group = any(
            row.name == "kind" and row.value.strip().lower() == "group" for row in properties
        )
        self._language = self._main_language(properties)
        self._divide(properties)

    def keep(self, row: Property) -> None:
        """It goes to `vCardProps`."""
        self.kept.append(jcard.to_jcard(row))

    def keep_all(self, properties: list[Property]) -> None:
        """They go to `vCardProps`."""
        for row in properties:
            self.keep(row)

    # --- which language is the Card's (§2.3.11)

    def _main_language(self, properties: list[Property]) -> str | None:
        for row in properties:
            if row.name == "language" and scalars.language(row.value.strip()):
                return row.value.strip()
        names = [parameter(row, "language") for row in properties if row.name == "fn"]
        if names and all(names) and scalars.language(names[0][0]):
            self.card["language"] = names[0][0].lower()
            return names[0][0]
        return None

    def is_main(self, language: str) -> bool:
        """Whether a LANGUAGE parameter says what is so anyway."""
        return self._language is not None and language.lower() == self._language.lower()

    def _divide(self, properties: list[Property]) -> None:
        main = {(row.name, altid(row)) for row in properties if not self._in_another_form(row)}
        for row in properties:
            if self._in_another_form(row) and (row.name, altid(row)) in main:
                self.localized.append(row)
            else:
                self.plain.append(row)
        self._alternatives = {(row.name, altid(row)) for row in self.localized}

    def _in_another_form(self, row: Property) -> bool:
        languages = parameter(row, "language")
        in_another = len(languages) == 1 and scalars.language(languages[0]) and not self.is_main(languages[0])
        known = row.name in rows.ROWS or row.name in ONE_NAME
        return known and (in_another or (row.name in ("n", "adr") and len(parameter(row, "phonetic")) == 1))

    # --- properties that say something by themselves

    def add_plain(self) -> Iterator[None]:
        """All but those that belong to others; a step after each few."""
        for number, row in enumerate(self.plain):
            if row.name in _LATER:
                continue
            if number % STEP_PROPERTIES == STEP_PROPERTIES - 1:
                yield
            taken = self.taken(row)
            if row.name in rows.ROWS:
                for each in divided(row, taken):
                    self._add_row(each)
            elif row.name in ("fn", "n"):
                self._add_name(taken)
            elif row.name == "categories":
                self._or_keep(taken, add_categories(self.card, taken))
            elif row.name == "member":
                self._or_keep(taken, self._is_group and add_member(self.card, taken))
            elif row.name == "related":
                self._or_keep(taken, add_related(self.card, taken))
            else:
                self._add_single(taken)

    def taken(self, row: Property) -> Taken:
        """Without what says that there are others like it."""
        taken = Taken(row)
        if (row.name, altid(row)) in self._alternatives:
            taken.left.pop("altid", None)
        language = taken.peek("language")
        if language is not None and self.is_main(language):
            del taken.left["language"]
        return taken

    def _or_keep(self, taken: Taken, done: bool) -> None:
        if not done:
            self.keep(taken.row)

    def _add_single(self, taken: Taken) -> None:
        row = SINGLE.get(taken.row.name)
        value = None if row is None else row.read(taken)
        if row is None or value is None:
            self.keep(taken.row)
            return
        holder = self.card.setdefault("speakToAs", {}) if row.name == "grammaticalGender" else self.card
        if row.name in holder and holder[row.name] != value and row.name != "language":
            self.keep(taken.row)
            return
        holder[row.name] = value
        self.bases[taken.row.name, altid(taken.row)] = (
            f"speakToAs/{row.name}" if holder is not self.card else row.name
        )
        if taken.rest():
            self.keep(taken.row)  # as well: a single property has no `vCardParams`

    def _add_row(self, taken: Taken) -> None:
        row = rows.ROWS[taken.row.name]
        wanted = taken.take("prop-id")
        found = rows.build(row, taken)
        if found is None or any(wrong_properties(found, TYPES[row.type_name])):
            self.keep(taken.row)
            return
        rest = taken.rest()
        if rest:
            found["vCardParams"] = rest
        holder = self.card
        for name in row.path.split("/"):
            holder = holder.setdefault(name, {})
        key = self._key(row, wanted, holder)
        holder[key] = found
        path = joined(row.path, key)
        self.bases[row.vcard, altid(taken.row)] = path
        if row.vcard == "adr":
            read = components.read(
                "adr", taken.row.value, None if not found.get("isOrdered") else jscomps(taken.row)
            )
            self.places[path] = read.places if read is not None else []
        group = taken.row.group
        if row.vcard == "adr":
            self._places_of.setdefault(("adr", (group or "").lower()), found)
        elif row.path == "anniversaries":
            self._places_of.setdefault(("kind", found["kind"]), found)
        if group is not None:
            self._grouped.setdefault(group.lower(), []).append((row.type_name, found))
            if row.vcard == "org":
                self._organizations.setdefault(group.lower(), []).append(key)
            elif row.path == "titles":
                self._titles.append((group.lower(), found))

    def _key(self, row: rows.Row, wanted: str | None, holder: dict[str, Any]) -> str:
        """PROP-ID (§2.3.18), or one that nobody else has."""
        if wanted is not None and scalars.identifier(wanted) and wanted not in holder:
            return wanted
        while True:
            number = self._numbers[row.prefix] = self._numbers.get(row.prefix, 0) + 1
            key = f"{row.prefix}-{number}"
            if key not in self._reserved:
                return key

    # --- the name

    def _add_name(self, taken: Taken) -> None:
        name = self.card.get("name", {})
        taken.take("prop-id")
        added = full_name_of(taken, name, self.plain) if taken.row.name == "fn" else self._n(taken, name)
        if not added:
            self.keep(taken.row)
        if name:
            self.card["name"] = name
            self.bases[taken.row.name, altid(taken.row)] = "name"

    def _n(self, taken: Taken, name: dict[str, Any]) -> bool:
        if "components" in name:
            return False
        read = components.read("n", taken.row.value, taken.peek("jscomps"))
        if read is None:
            return False
        if not read.properties.get("components"):
            return not taken.left
        if read.ordered:
            taken.take("jscomps")
        name |= read.properties
        self.places["name"] = read.places
        sort_as = sort_as_of(taken, read)
        name |= {"sortAs": sort_as} if sort_as else {}
        rest = taken.rest()
        name |= {"vCardParams": rest} if rest else {}
        return True

    # --- properties that belong to others

    def add_places(self) -> None:
        """GEO, TZ (§2.8), BIRTHPLACE and DEATHPLACE (§2.5.1)."""
        for row in self.plain:
            taken = self.taken(row)
            if row.name in ("geo", "tz"):
                self._or_keep(taken, self._add_geography(taken))
            elif row.name in _PLACES:
                self._or_keep(taken, self._add_place(taken))

    def _add_geography(self, taken: Taken) -> bool:
        name, value = geography(taken)
        if value is None:
            return False
        wanted = taken.take("prop-id")
        address = self._places_of.get(("adr", (taken.row.group or "").lower()))
        if address is not None and name not in address and not taken.left:
            address[name] = value
            return True
        row = rows.ROWS["adr"]
        found: dict[str, Any] = {name: value}
        contexts = taken.take_types(rows.contexts_of(row))
        found |= {"contexts": contexts} if contexts else {}
        pref = taken.take_number("pref", scalars.pref)
        found |= {} if pref is None else {"pref": pref}
        rest = taken.rest()
        found |= {"vCardParams": rest} if rest else {}
        holder = self.card.setdefault("addresses", {})
        holder[self._key(row, wanted, holder)] = found
        return True

    def _add_place(self, taken: Taken) -> bool:
        kind = _PLACES[taken.row.name]
        value = text_of(taken, uri=taken.value_type == "uri")
        taken.drop_value_type("text", *(["uri"] if scalars.geo(value) else []))
        taken.take("prop-id")
        if taken.rest():
            return False
        anniversary = self._places_of.get(("kind", kind))
        if anniversary is None or "place" in anniversary:
            return False
        anniversary["place"] = {"coordinates" if scalars.geo(value) else "full": value}
        return True

    def add_labels(self) -> None:
        """X-ABLabel (§2.11.11), and whose titles are an organization's (§2.9.6)."""
        labelled: set[str] = set()
        for row in self.plain:
            if row.name == "x-ablabel" and not self._add_label(row, labelled):
                self.keep(row)
        for group, title in self._titles:
            organizations = self._organizations.get(group, [])
            if len(organizations) == 1:
                title["organizationId"] = organizations[0]
        for group, members in self._grouped.items():
            alone = group in labelled and len(members) == 1
            of_one = len(self._organizations.get(group, ())) == 1 and all(
                name in _IN_OFFICE for name, _ in members
            )
            if self._sizes[group] == (2 if alone else len(members) if of_one and len(members) > 1 else 0):
                for _, found in members:
                    _forget_group(found)

    def _add_label(self, row: Property, labelled: set[str]) -> bool:
        group = (row.group or "").lower()
        holders = [found for name, found in self._grouped.get(group, ()) if name in _LABELLED]
        if row.parameters or not holders or group in labelled:
            return False
        labelled.add(group)
        for found in holders:
            found["label"] = values.unescaped(row.value)
        return True


def _forget_group(found: dict[str, Any]) -> None:
    """It is made up again when the Card is written: all that it says is said by the Card (§2.3.9)."""
    parameters = found.get("vCardParams", {})
    parameters.pop("group", None)
    if not parameters:
        found.pop("vCardParams", None)
