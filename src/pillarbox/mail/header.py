"""The header of a message or of a MIME part, kept as the octets received.

The fields of a header cover all its octets: `b"".join(field.raw for field in header.fields)` followed by
`header.separator` always equals `header.octets`, however broken the input. Parsing and writing back therefore changes
nothing, as DKIM (RFC 6376 §3.4) and IMAP's `BODY[HEADER]` (RFC 9051 §6.4.5) need.

Accepted are RFC 5322 §2.2 and the obsolete §4.5: a bare LF ends a line as CRLF does, white space may precede the
colon, octets above 127 and control characters are kept. A line that is not a field (an mbox `From ` line, stray text)
is a field without a name: kept, but never found by name.

The header ends at the first empty line. Where there is none, it ends at the first line that is not a field; and where
no line before the empty line is a field, there is no header. So a message without a separator or without a header
keeps its text.

A header has at most `MAX_HEADER_OCTETS`: where no empty line stands within them, it ends at the first line that is
not a field, or with the last line that ends within them, and the lines below belong to the body. So whatever reads a
header never reads more than that. Only the first `MAX_FIELDS` fields, within `MAX_OCTETS`, are parsed; what follows
them is one field without a name. `Header.cut` tells either. Nothing here raises on input from a peer.
"""

import re
from collections.abc import Set
from functools import lru_cache
from typing import Final, Self

import msgspec

from pillarbox.mail.slices import SLICE_OCTETS, search

MAX_FIELDS: Final = 4_000
"""Fields parsed in one header; the octets beyond are kept, but not parsed."""
MAX_OCTETS: Final = 1024 * 1024
"""Fields that begin after so many octets are not parsed either."""
MAX_HEADER_OCTETS: Final = 2 * MAX_OCTETS
"""The longest header of a message; what follows is body."""

_LF: Final = 10
_EMPTY_LINES: Final = (b"\r\n", b"\n")
_BOM: Final = b"\xef\xbb\xbf"

# RFC 5322 §2.2: printable US-ASCII except the colon; octets above 127 occur in practice.
# §4.5: white space before the colon.
_MAX_NAME_OCTETS: Final = 998
"""A longer name does not fit on a line (RFC 5322 §2.1.1), nor does more white space before the colon."""
_NAME: Final = rb"([^\s:\x00-\x20\x7f]{1,%d}+)[ \t]{0,%d}+:" % (_MAX_NAME_OCTETS, _MAX_NAME_OCTETS)
# RFC 5322 §2.2.3: a line that begins with white space continues the one before
_BETWEEN_FIELDS: Final = re.compile(rb"\n(?![ \t])")
_IS_NAME: Final = re.compile(rb"[^\s:\x00-\x20\x7f]+")
# The patterns below begin with a line feed: a search skips from one to the next.
_FIELD_LINE: Final = re.compile(_NAME)
_BEFORE_FIELD: Final = re.compile(rb"\n" + _NAME)
_TEXT_LINE: Final = re.compile(rb"(?![ \t]|>?From |" + _NAME + rb")")
_BEFORE_TEXT: Final = re.compile(rb"\n" + _TEXT_LINE.pattern)
_END: Final = re.compile(rb"\n\r?\n")
_REACH_OCTETS: Final = 2 * _MAX_NAME_OCTETS + 2
"""What these patterns look at, at most."""


def unfold(raw: bytes) -> bytes:
    """A field body unfolded to one line and stripped (RFC 5322 §2.2.3)."""
    if _LF in raw:
        raw = raw.replace(b"\r\n", b"").replace(b"\n", b"")
    return raw.strip(b" \t\r")


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    key = name.encode("latin-1", "replace").lower()
    return key if _IS_NAME.fullmatch(key) else _NO_KEY


_NO_KEY: Final = b":"
"""A key that no field has."""


class Field(msgspec.Struct, frozen=True, gc=False):
    """One header field."""

    name: bytes
    """As written, without white space before the colon; empty for a line that is not a field."""
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


def extent(octets: bytes, start: int, end: int) -> tuple[int, int, bool]:
    """The end of the header that begins at `start`, in a message or part that ends at `end`.

    Returns the offset of the empty line that ends it, the offset of the body, and whether it is cut: it would go on
    beyond `MAX_HEADER_OCTETS`.
    """
    if octets.startswith(_EMPTY_LINES, start, end):
        return start, start + (1 if octets[start] == _LF else 2), False
    if end - start <= SLICE_OCTETS:
        limit, found = end, _END.search(octets, start, end)
    else:
        limit = min(end, start + MAX_HEADER_OCTETS)
        found = search(_END, octets, start, limit, reach=_REACH_OCTETS)
    if found:
        last_line, body_start = found.span()
        if _FIELD_LINE.match(octets, start, body_start) or search(
            _BEFORE_FIELD, octets, start, body_start, reach=_REACH_OCTETS
        ):
            return last_line + 1, body_start, False
        return start, start, False
    if _TEXT_LINE.match(octets, start, limit):
        body_start = start
    elif stray := search(_BEFORE_TEXT, octets, start, limit, reach=_REACH_OCTETS):
        body_start = stray.start() + 1
    elif limit == end:
        body_start = end
    else:
        body_start = octets.rfind(b"\n", start, limit) + 1 or start
    return body_start, body_start, limit < end


class Header:
    """An immutable header; fields are parsed on first use."""

    __slots__ = ("_cut", "_keys", "_lines", "_repeated", "_topmost", "_unended", "octets", "separator")

    octets: bytes
    """The whole header with the empty line that ends it, as in IMAP's `BODY[HEADER]`."""
    separator: bytes
    """The empty line's octets: CRLF, LF, or nothing where the header ends without one."""

    def __init__(self, octets: bytes, separator: bytes = b"", *, cut: bool = False) -> None:
        """`cut`: what stands below it in the message was meant to be part of it."""
        self.octets = octets
        self.separator = separator
        self._topmost: dict[bytes, bytes] | None = None
        self._unended: bytes | None = None
        self._cut = cut

    @classmethod
    def parse(cls, octets: bytes, start: int = 0, end: int | None = None) -> tuple[Self, int]:
        """Parse the header that begins at `start`; returns it and the offset of the body."""
        separator_start, body_start, cut = extent(octets, start, len(octets) if end is None else end)
        return cls(octets[start:body_start], octets[separator_start:body_start], cut=cut), body_start

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields in order, lines without a name included."""
        fields: list[Field] = []
        block, at = self._block(), 0
        parsed_octets = min(len(block), MAX_OCTETS)
        while at < parsed_octets and len(fields) < MAX_FIELDS:
            found, name = _BETWEEN_FIELDS.search(block, at), _FIELD_LINE.match(block, at)
            end = found.end() if found else len(block)
            fields.append(Field(name[1] if name else b"", block[at:end]))
            at = end
        if at < len(block):
            fields.append(Field(b"", block[at:]))
        return tuple(fields)

    def lines(self, names: Set[bytes]) -> bytes:
        """The fields of these lower-case names, as received and in order, joined."""
        if self._topmost is None:
            self._index()
        keys, lines = self._keys, self._lines
        kept = [line for key, line in zip(keys, lines, strict=True) if key in names]
        return b"\n".join([*kept, b""]) if not kept or kept[-1] is not self._unended else b"\n".join(kept)

    def first(self, name: str) -> bytes | None:
        """The unfolded value of the topmost field of this name."""
        body = (self._topmost if self._topmost is not None else self._index()).get(_key(name))
        return None if body is None else unfold(body)

    def all(self, name: str) -> list[bytes]:
        """The unfolded values of all fields of this name, topmost first."""
        key = _key(name)
        body = (self._topmost if self._topmost is not None else self._index()).get(key)
        if body is None:
            return []
        return [unfold(each) for each in self._repeated[key]] if key in self._repeated else [unfold(body)]

    @property
    def names(self) -> Set[bytes]:
        """The names of its fields in lower case; for lines that are not fields, keys that are not names."""
        return (self._topmost if self._topmost is not None else self._index()).keys()

    def by_name(self) -> dict[bytes, list[bytes]]:
        """The fields by lower-case name: their octets, topmost first.

        Each ends as received, but without its last LF. Lines that are not fields are under keys that are not names,
        and so is a first one behind a byte order mark, which it is not once another is put on top.
        """
        if self._topmost is None:
            self._index()
        found: dict[bytes, list[bytes]] = {}
        for key, line in zip(self._keys, self._lines, strict=True):
            found.setdefault(key, []).append(line)
        return found

    @property
    def cut(self) -> bool:
        """Fields stand beyond the limits and are not parsed: a name that is not found may be there all the same.

        A decision about safety must not rest on what is not found in such a header.
        """
        if self._topmost is None:
            self._index()
        return self._cut

    def __contains__(self, name: str) -> bool:
        return _key(name) in (self._topmost if self._topmost is not None else self._index())

    def without(self, *names: str) -> "Header":
        """A header without the fields of these names, otherwise unchanged."""
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

    def _index(self) -> dict[bytes, bytes]:
        """Index the topmost body by lower-case name; `_repeated` has all bodies of a name that occurs again.

        Lines that are not fields are indexed too, under keys that are not names and are never looked up: to detect
        them would cost more.
        """
        lines = self._split_fields()
        keys: list[bytes] = []
        topmost: dict[bytes, bytes] = {}
        repeated: dict[bytes, list[bytes]] = {}
        for line in lines:
            name, colon, body = line.partition(b":")
            key = name.rstrip(b" \t").lower() if colon else b""
            keys.append(key)
            if not topmost:
                key = key.removeprefix(_BOM)
            if key not in topmost:
                topmost[key] = body
            elif key in repeated:
                repeated[key].append(body)
            else:
                repeated[key] = [topmost[key], body]
        self._keys, self._lines, self._repeated = keys, lines, repeated
        self._topmost = topmost
        return topmost

    def _split_fields(self) -> list[bytes]:
        """The fields that are parsed, folded as received, without their last LF."""
        octets, lacks_end = self.octets, not self.octets.endswith(b"\n")
        if len(octets) > MAX_OCTETS and (end := _BETWEEN_FIELDS.search(octets, MAX_OCTETS - 1)):
            self._cut = self._cut or end.end() < len(octets) - len(self.separator)
            octets, lacks_end = octets[: end.start()], False
        lines = _BETWEEN_FIELDS.split(octets, MAX_FIELDS)
        if len(lines) > MAX_FIELDS:
            rest = lines.pop()
            if rest and rest not in _EMPTY_LINES:
                self._cut = True
        elif lacks_end:
            self._unended = lines[-1]
        return lines
