"""Why an Email cannot be created: the SetError it becomes (RFC 8620 §5.3, RFC 8621 §4.6)."""

from typing import Any, Final

import msgspec

MAX_PROPERTIES: Final = 1_000
"""Properties that one error names."""


class Refusal(msgspec.Struct, frozen=True):
    """What a SetError says."""

    type: str
    """`invalidProperties`, `blobNotFound` or `tooLarge`."""
    description: str
    """For who writes the client: English, one sentence for each property."""
    properties: tuple[str, ...] = ()
    """Of `invalidProperties`: every one; within a part its path, as in `bodyStructure/subParts/0/charset`."""
    not_found: tuple[str, ...] = ()
    """Of `blobNotFound`: every blob id."""

    def extra(self) -> dict[str, Any]:
        """The further members of the SetError."""
        if self.type == "blobNotFound":
            return {"notFound": list(self.not_found)}
        return {"properties": list(self.properties)} if self.properties else {}


class TooLarge(Exception):
    """A limit on the whole is exceeded, so nothing more is looked at; the text says which."""


class Faults:
    """Collects what is wrong with an Email, so that one answer names all of it; and what its header takes up."""

    __slots__ = ("_found", "_octets_left")

    def __init__(self, header_octets: int) -> None:
        self._found: dict[str, str] = {}
        self._octets_left = header_octets

    def spend(self, octets: int) -> None:
        """Fields were written. Raises `TooLarge`."""
        self._octets_left -= octets
        if self._octets_left < 0:
            raise TooLarge("the header fields are too large")

    def add(self, path: str, why: str) -> None:
        """This property is invalid; of several reasons the first counts."""
        if len(self._found) < MAX_PROPERTIES:
            self._found.setdefault(path, why)

    def __bool__(self) -> bool:
        return bool(self._found)

    def refusal(self) -> Refusal:
        """All of it as `invalidProperties`."""
        sentences = [f"{path}: {why}." for path, why in self._found.items()]
        return Refusal("invalidProperties", " ".join(sentences[:_TOLD]), tuple(self._found))


_TOLD: Final = 20
"""Properties whose reason is in the description."""


class Members:
    """The members of a JSON object, each taken once; what is left was not expected."""

    __slots__ = ("_faults", "_left", "_path")

    def __init__(self, members: dict[str, Any], path: str, faults: Faults) -> None:
        self._left = dict(members)
        self._path = path
        self._faults = faults

    def path(self, name: str) -> str:
        """Where a member is in the Email."""
        return f"{self._path}/{name}" if self._path else name

    def wrong(self, name: str, why: str) -> None:
        """This member is invalid."""
        self._faults.add(self.path(name), why)

    def has(self, name: str) -> bool:
        """Whether it is there, was not taken yet, and is not null."""
        return self._left.get(name) is not None

    def take(self, name: str) -> Any:
        """A member; None where there is none."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string, or None where there is none, or something else, which is a fault."""
        value = self.take(name)
        if value is None or isinstance(value, str):
            return value
        self.wrong(name, "must be a string")
        return None

    def none_of(self, names: tuple[str, ...], why: str) -> None:
        """Each of them that is there is a fault, unless it is null."""
        for name in names:
            if self.take(name) is not None:
                self.wrong(name, why)

    def with_prefix(self, prefix: str) -> dict[str, Any]:
        """All members whose names begin so."""
        names = [name for name in self._left if name.startswith(prefix)]
        return {name: self._left.pop(name) for name in names}

    def finish(self) -> None:
        """Whatever is left is a fault."""
        for name in self._left:
            self.wrong(name, "not a property that can be set")
