"""Creation ids: how records are named before they have ids (RFC 8620 §3.3, §5.3).

One map for a request and all its types. A reference is `#` and a creation id, wherever an id may stand.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pillarbox.protocol.jmap.errors import SetError, invalid_properties

MARK: Final = "#"


class CreatedIds:
    """The records that a request has created so far, by creation id."""

    __slots__ = ("_ids", "_sent")

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        """`given`: `createdIds` of the request, if it has that member."""
        self._ids = dict(given or {})
        self._sent = given is not None

    def add(self, creation_id: str, record_id: str) -> None:
        """A record was created. An id that is used again means the newest record."""
        self._ids[creation_id] = record_id

    def get(self, reference: str) -> str | None:
        """The id that is meant: of the creation behind `#`, or the text itself. None: nothing was created so."""
        if not reference.startswith(MARK):
            return reference
        return self._ids.get(reference[1:])

    def known(self, reference: str) -> str:
        """As `get`; what was never created stays as it is, and is found nowhere since no id begins with `#`."""
        return self.get(reference) or reference

    def for_response(self) -> dict[str, str] | None:
        """`createdIds` of the response: only where the request has it (§3.4)."""
        return self._ids if self._sent else None

    # --- in the properties of a record

    def resolve(self, properties: Mapping[str, Any], named: Iterable[str]) -> dict[str, Any] | SetError:
        """The properties, with ids for references.

        `named`: those that hold ids (`property_table.TypeTable.references`): one, several in an array, or as the
        names of members. In a PatchObject their pointers may end in a reference as well (`mailboxIds/#inbox`). Each
        that was never created makes its property invalid.
        """
        names, resolved, unknown = frozenset(named), dict(properties), []
        for pointer, value in properties.items():
            name, slash, rest = pointer.partition("/")
            if name not in names:
                continue
            try:
                resolved_value = self._value(value)
                if rest.startswith(MARK):
                    del resolved[pointer]
                    pointer = name + slash + self._one(rest)
            except KeyError:
                unknown.append(pointer)
            else:
                resolved[pointer] = resolved_value
        if unknown:
            return invalid_properties(unknown, "A creation id is not known")
        return resolved

    def _one(self, reference: str) -> str:
        return self._ids[reference[1:]] if reference.startswith(MARK) else reference

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self._one(value)
            case list():
                return [self._one(item) if isinstance(item, str) else item for item in value]
            case dict():
                return {self._one(key): item for key, item in value.items()}
        return value


def in_order(creates: Mapping[str, Mapping[str, Any]], named: Iterable[str]) -> list[str]:
    """The creation ids of one /set so that each comes after those that it refers to (§5.3).

    Those that refer to each other in a circle come last, with all that depend on them: when their turn comes, what
    they name is not created, so each is refused. `named`: as in `CreatedIds.resolve`.
    """
    names = tuple(named)
    waits_for = {
        creation: {other for other in _referred(properties, names) if other in creates}
        for creation, properties in creates.items()
    }
    awaited_by: dict[str, list[str]] = {}
    for creation, others in waits_for.items():
        for other in others:
            awaited_by.setdefault(other, []).append(creation)
    order = [creation for creation, others in waits_for.items() if not others]
    for creation in order:  # which grows meanwhile
        for waiting in awaited_by.get(creation, ()):
            others = waits_for[waiting]
            others.discard(creation)
            if not others:
                order.append(waiting)
    placed = set(order)
    return order + [creation for creation in creates if creation not in placed]


def _referred(properties: Mapping[str, Any], names: Iterable[str]) -> Iterable[str]:
    for name in names:
        value = properties.get(name)
        texts = (value,) if isinstance(value, str) else value if isinstance(value, list | dict) else ()
        for text in texts:
            if isinstance(text, str) and text.startswith(MARK):
                yield text[1:]
