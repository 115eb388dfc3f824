"""The header of a message or of a MIME part, kept as the octets that came.

A header is a tiling of its octets by fields: ``b"".join(field.raw for field in header.fields)`` followed
by ``header.separator`` is ``header.octets``, always, however broken the input. Reading and writing back
therefore changes nothing, which is what DKIM (RFC 6376 §3.4) and IMAP's ``BODY[HEADER]`` (RFC 9051
§6.4.5) live on.

What is read is RFC 5322 §2.2 and, because mail is old, §4.5 as well: bare LF ends a line as CRLF does,
white space may stand before the colon, octets above 127 and controls are kept. A line that is no field
(an mbox ``From `` line, stray text) is a field without a name: kept, never found by name.

Where the header ends: at the first empty line. Where there is none, at the first line that is no field;
and where not one line before the empty line is a field, there is no header. So a message that lost its
separator, or never had a header, keeps its text.

Only the first ``MAX_FIELDS`` fields, within ``MAX_OCTETS``, are told apart; what follows them is one
nameless field. Nothing here raises on what a peer sent.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

MAX_FIELDS: Final = 4_000
"""Fields told apart in one header; the octets beyond are kept, not read."""
MAX_OCTETS: Final = 1024 * 1024
"""Fields that begin after so many octets are not told apart either."""

_BOM: Final = b"\xef\xbb\xbf"

# RFC 5322 §2.2: printable US-ASCII but the colon; octets above 127 do occur.
# §4.5: white space before the colon.
_NAME: Final = rb"([^\s:\x00-\x20\x7f]+)[ \t]*:"
# RFC 5322 §2.2.3: a line that begins with white space continues the one before. These tile the header:
# each match begins where the last one ended.
_FIELD: Final = re.compile(rb"((?:" + _NAME + rb")?([^\n]*+(?:\n[ \t][^\n]*+)*)\n?)")
_STARTS_FIELD: Final = re.compile(rb"^" + _NAME, re.MULTILINE)
_STARTS_TEXT: Final = re.compile(rb"^(?![ \t]|>?From |" + _NAME + rb")", re.MULTILINE)
_END: Final = re.compile(rb"\n\r?\n")


def unfold(raw: bytes) -> bytes:
    """A field body on one line, without white space around it (RFC 5322 §2.2.3)."""
    if b"\n" in raw:
        raw = raw.replace(b"\r\n", b"").replace(b"\n", b"")
    return raw.strip(b" \t\r")


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    return name.encode("latin-1", "replace").lower()


@dataclass(frozen=True, slots=True)
class Field:
    """One header field."""

    name: bytes
    """As written, without white space before the colon; empty for a line that is no field."""
    raw: bytes
    """The field's octets: name, colon, body, folding and line end."""

    @property
    def key(self) -> str:
        """The name for comparisons (RFC 5322 §1.2.2: names are case-insensitive)."""
        return self.name.lower().decode("latin-1")  # octets above 127 have no case

    @property
    def body(self) -> bytes:
        """The unfolded value."""
        return unfold(self.raw[self.raw.index(b":") + 1 :] if self.name else self.raw)


class Header:
    """An immutable header; fields are told apart when first asked for."""

    __slots__ = ("_bodies", "_tiled", "octets", "separator")

    octets: bytes
    """All of it, the empty line that ends it included (as in IMAP's ``BODY[HEADER]``)."""
    separator: bytes
    """The empty line's octets: CRLF, LF, or nothing where the header ends without one."""

    def __init__(self, octets: bytes, separator: bytes = b"") -> None:
        self.octets = octets
        self.separator = separator
        self._bodies: dict[bytes, list[bytes]] | None = None
        self._tiled: list[_Tile] | None = None

    @classmethod
    def parse(cls, octets: bytes, start: int = 0, end: int | None = None) -> tuple[Self, int]:
        """Read the header that begins at ``start``; answers it and the offset where the body begins."""
        limit = len(octets) if end is None else end
        for empty in (b"\r\n", b"\n"):
            if octets.startswith(empty, start, limit):
                return cls(empty, empty), start + len(empty)
        if found := _END.search(octets, start, limit):
            body_start = found.end()
            if _STARTS_FIELD.match(octets, start) or _STARTS_FIELD.search(octets, start, body_start):
                return cls(octets[start:body_start], octets[found.start() + 1 : body_start]), body_start
            return cls(b""), start
        stray = _STARTS_TEXT.search(octets, start, limit)
        body_start = stray.start() if stray else limit
        return cls(octets[start:body_start]), body_start

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields in the order they stand, nameless lines included."""
        fields: list[Field] = []
        block, at = self._block(), 0
        told_apart = min(len(block), MAX_OCTETS)
        while at < told_apart and len(fields) < MAX_FIELDS:
            found = _FIELD.match(block, at)
            assert found is not None  # the pattern matches anywhere
            fields.append(Field(found[2] or b"", found[0]))
            at = found.end()
        if at < len(block):
            fields.append(Field(b"", block[at:]))
        return tuple(fields)

    def lines(self, names: Set[bytes]) -> bytes:
        """The fields of these lower-case names as they came, one behind the other."""
        return b"".join([raw for raw, name, _ in self._tiles() if name.lower() in names])

    def first(self, name: str) -> bytes | None:
        """The unfolded value of the topmost field of this name."""
        bodies = (self._bodies or self._index()).get(_key(name))
        return unfold(bodies[0]) if bodies else None

    def all(self, name: str) -> list[bytes]:
        """The unfolded values of all fields of this name, topmost first."""
        return [unfold(body) for body in self._index().get(_key(name), ())]

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._index()

    def prepend(self, field: bytes) -> "Header":
        """With these complete field octets on top, as trace fields are added (RFC 5321 §4.4)."""
        assert field.endswith(b"\n")
        assert field[:1] not in (b" ", b"\t", b"\r", b"\n")
        return Header(field + self.octets, self.separator)

    def without(self, *names: str) -> "Header":
        """Without the fields of these names; all else as it was."""
        keys = {name.lower() for name in names}
        kept = b"".join(field.raw for field in self.fields if field.key not in keys)
        return Header(kept + self.separator, self.separator)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Header) and other.octets == self.octets

    def __hash__(self) -> int:
        return hash(self.octets)

    def __repr__(self) -> str:
        return f"Header({self.octets!r})"

    def _block(self) -> bytes:
        """The fields' octets, without the empty line."""
        return self.octets[: len(self.octets) - len(self.separator)]

    def _index(self) -> dict[bytes, list[bytes]]:
        """Folded bodies by lower-case name, in the order they stand."""
        if self._bodies is None:
            bodies: dict[bytes, list[bytes]] = {}
            self._bodies = bodies
            for _, name, body in self._tiles():
                key = name.lower()
                if not bodies:
                    key = key.removeprefix(_BOM)
                if key in bodies:
                    bodies[key].append(body)
                else:
                    bodies[key] = [body]
            bodies.pop(b"", None)
        return self._bodies

    def _tiles(self) -> list["_Tile"]:
        if self._tiled is None:
            block = self._block()
            if len(block) <= MAX_OCTETS and block.count(b"\n") <= MAX_FIELDS:
                self._tiled = _FIELD.findall(block)
            else:
                self._tiled = [(field.raw, field.name, field.raw.partition(b":")[2]) for field in self.fields]
        return self._tiled


_Tile = tuple[bytes, bytes, bytes]
"""A field's octets, its name, and its body as it is folded; of a line that is no field, the name is empty."""
