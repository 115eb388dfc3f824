"""The vCard properties of a Card, one after another; what has no vCard form is left out."""

from collections.abc import Generator
from typing import Any, Final

from pillarbox.cards.conversion import components, rows
from pillarbox.cards.conversion.forms import add_types
from pillarbox.cards.conversion.parameters import as_parameters, from_jcard, group_of
from pillarbox.cards.conversion.single import SINGLE, write_text_or_uri
from pillarbox.cards.objects import RELATIONS
from pillarbox.cards.pointers import joined
from pillarbox.cards.vcard import values
from pillarbox.cards.vcard.card import Property

_PLACES: Final = {"birth": "birthplace", "death": "deathplace"}
_TRUE: Final = "TRUE"
_STEP_OBJECTS: Final = 16
"""Converted between two steps."""
_EMPTY_ADDRESS: Final = ";" * (len(components.ADDRESS_FIELDS) - 1)


class Made:
    """A property that may get more parameters."""

    def __init__(self, path: str, name: str, value: str, parameters: dict[str, list[str]]) -> None:
        self.path = path
        """Pointer to what it is made of."""
        self.name = name
        self.value = value
        self.parameters = parameters
        self.group: str | None = None
        self.group_is_kept = False
        """Whether the Card has it in its `vCardParams`; it was made up otherwise."""

    @property
    def key(self) -> tuple[str, str, bool]:
        """The same for the same thing in another language."""
        return self.path, self.name, "phonetic" in self.parameters

    @property
    def key_without_sounds(self) -> tuple[str, str, bool]:
        """Of what says in letters what this says in sounds."""
        return self.path, self.name, False

    @property
    def derived(self) -> bool:
        """Whether it says what others say."""
        return "derived" in self.parameters

    def says_the_same(self, other: "Made | None") -> bool:
        """Whether another language has nothing new."""
        if other is None:
            return False
        mine = {name: each for name, each in self.parameters.items() if name != "altid"}
        return self.value == other.value and mine == {
            name: each for name, each in other.parameters.items() if name != "altid"
        }

    def row(self) -> Property:
        """As it stands in a vCard."""
        return Property(self.name, self.value, as_parameters(self.parameters), self.group)


class Making:
    """A Card on its way to properties."""

    def __init__(self, card: dict[str, Any], groups: set[str]) -> None:
        self._card = card
        self._made: list[Made] = []
        self._groups = groups | _groups_of(card)
        self._number = 0
        self._labels: dict[str, str] = {}
        self._organizations: dict[str, str] = {}
        """The groups of those that have titles, by their ids."""

    def all(self) -> Generator[None, None, list[Made]]:
        """The properties, without what `vCardProps` has; a step after each few. The generator returns them."""
        self._add_single(self._card)
        if "uid" in self._card or "name" in self._card:
            self._add_name(self._card.get("name", {}))
        self._choose_organizations()
        for path in rows.PATHS:
            holder: Any = self._card
            for name in path.split("/"):
                holder = holder.get(name, {})
            for number, (key, found) in enumerate(holder.items()):
                self._add_object(path, key, found)
                if number % _STEP_OBJECTS == _STEP_OBJECTS - 1:
                    yield
        yield
        self._add_sets()
        return self._made

    def _add(
        self, path: str, name: str, value: str, parameters: dict[str, list[str]], extra: Any = None
    ) -> Made:
        made = Made(path, name, value, parameters)
        kept = from_jcard(extra)
        made.group = group_of(kept)
        made.group_is_kept = made.group is not None
        for parameter, given in kept.items():
            if parameter == "type":
                parameters["type"] = [*parameters.get("type", []), *given]
            else:
                parameters[parameter] = given
        self._made.append(made)
        return made

    def _add_single(self, card: dict[str, Any]) -> None:
        for name, row in SINGLE.items():
            holder, path = (card, row.name)
            if row.name == "grammaticalGender":
                holder, path = card.get("speakToAs", {}), f"speakToAs/{row.name}"
            if row.name in holder and (row.known is None or holder[row.name] in row.known):
                self._add(path, name, *row.write(holder[row.name]))

    # --- the name

    def _add_name(self, name: dict[str, Any]) -> None:
        """§3.1: there is always an FN."""
        if "full" in name or "components" not in name:
            self._add("name", "fn", values.escaped(name.get("full", "")), {})
        else:
            self._add("name", "fn", values.escaped(components.full_name(name)), {"derived": [_TRUE]})
        if "components" not in name:
            return
        written = components.write("n", name)
        parameters: dict[str, list[str]] = {}
        if written.jscomps is not None:
            parameters["jscomps"] = [written.jscomps]
        sort_as = components.write_sort_as(
            [name.get("sortAs", {}).get(kind, "") for kind in components.NAME_FIELDS]
        )
        if sort_as:
            parameters["sort-as"] = [sort_as]
        self._add("name", "n", written.value, parameters, name.get("vCardParams"))
        self._add_sounds("name", "n", name, written)

    def _add_sounds(self, path: str, name: str, holder: dict[str, Any], written: components.Written) -> None:
        """§2.3.15."""
        value = components.write_phonetic(
            [each for each in holder.get("components", ()) if each["value"]], written.places
        )
        if not value:
            return
        parameters = {"phonetic": [holder.get("phoneticSystem", "script")]}
        if "phoneticScript" in holder:
            parameters["script"] = [holder["phoneticScript"]]
        base = self._made[-1]
        parameters["altid"] = base.parameters.setdefault(
            "altid", ["1" if name == "n" else path.rpartition("/")[2]]
        )
        self._add(path, name, value, parameters)

    # --- objects

    def _add_object(self, path: str, key: str, found: dict[str, Any]) -> None:
        row = rows.row_of(path, found)
        written = None if row is None else rows.make(row, found)
        if row is None or written is None:
            return
        value, parameters = written
        name = row.vcard
        if name == "adr" and value == _EMPTY_ADDRESS and len(self._card["addresses"]) == 1:
            name, value, parameters = _geography(value, parameters)
        made = self._add(
            joined(path, key), name, value, parameters | {"prop-id": [key]}, found.get("vCardParams")
        )
        if name == "org" and key in self._organizations:
            made.group = self._organizations[key]
        elif path == "titles" and found.get("organizationId") in self._organizations:
            made.group = self._organizations[found["organizationId"]]
        if isinstance(found.get("label"), str) and row.holds("label"):
            self._add_label(made, found["label"])
        if path == "anniversaries":
            self._add_place(joined(path, key), found)
        if name == "adr":
            self._add_sounds(joined(path, key), "adr", found, components.write("adr", found))

    def _add_label(self, made: Made, label: str) -> None:
        """§2.11.11: it belongs to what is in its group."""
        group = made.group
        if group is None or self._labels.get(group.lower(), label) != label:
            group = made.group = self._new_group()
        if group.lower() not in self._labels:
            self._labels[group.lower()] = label
            self._add(f"{made.path}/label", "x-ablabel", values.escaped(label), {}).group = group

    def _choose_organizations(self) -> None:
        """§2.9.6: a title is of the organization that is in its group."""
        organizations = self._card.get("organizations", {})
        for title in self._card.get("titles", {}).values():
            wanted = title.get("organizationId")
            if wanted in organizations and wanted not in self._organizations:
                kept = group_of(from_jcard(organizations[wanted].get("vCardParams")))
                self._organizations[wanted] = kept or self._new_group()

    def _new_group(self) -> str:
        while True:
            self._number += 1
            group = f"item{self._number}"
            if group not in self._groups:
                return group

    def _add_place(self, path: str, found: dict[str, Any]) -> None:
        place, name = found.get("place", {}), _PLACES.get(found["kind"])
        if name is None:
            return
        if "full" in place:
            self._add(f"{path}/place", name, values.escaped(place["full"]), {})
        elif "coordinates" in place:
            self._add(f"{path}/place", name, place["coordinates"], {"value": ["uri"]})

    # --- sets

    def _add_sets(self) -> None:
        keywords = self._card.get("keywords")
        if keywords:
            self._add("keywords", "categories", ",".join(map(values.escaped, keywords)), {})
        for member in self._card.get("members", ()):
            self._add("members", "member", *write_text_or_uri(member))
        for related, relation in self._card.get("relatedTo", {}).items():
            value, parameters = write_text_or_uri(related)
            add_types(parameters, {each: each for each in RELATIONS}, relation.get("relation", {}))
            self._add("relatedTo", "related", value, parameters, relation.get("vCardParams"))


def _groups_of(card: dict[str, Any]) -> set[str]:
    """The groups that objects have in their `vCardParams`."""
    found: set[str] = set()
    for path in rows.PATHS:
        holder = card.get(path)
        for each in holder.values() if isinstance(holder, dict) else ():
            found.add((group_of(from_jcard(each.get("vCardParams"))) or "").lower())
    return found


def _geography(value: str, parameters: dict[str, list[str]]) -> tuple[str, str, dict[str, list[str]]]:
    """§2.8: GEO or TZ, where an address is nothing else."""
    others = parameters.keys() - {"pref", "type"}
    for name in ("geo", "tz"):
        if others == {name}:
            text = parameters[name][0]
            return name, text, {each: given for each, given in parameters.items() if each != name}
    return "adr", value, parameters
