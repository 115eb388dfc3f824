"""The fields of a header for JMAP: values by name, and all in order (RFC 8621 §4.1.3).

The same is read of a whole header and of the lines that the store keeps of it (`mail.summary.CACHED_FIELDS`), so what
both have is equal.
"""

from functools import lru_cache
from typing import Final, Protocol

import msgspec

from pillarbox.mail.header import Header
from pillarbox.protocol.jmap.email import header_forms
from pillarbox.protocol.jmap.email.header_forms import Form, FormValue
from pillarbox.protocol.jmap.email.header_property import HeaderProperty
from pillarbox.protocol.jmap.types.email import EmailHeader

_MAX_CACHED_OCTETS: Final = 160
_encode: Final = msgspec.json.Encoder().encode


class Fields(Protocol):
    """Header fields by lower-case name: what stands behind the colon, folded as it is, without the line end and stray
    CRs before it."""

    def last(self, key: bytes) -> bytes | None:
        """Of the last field of a name."""

    def all(self, key: bytes) -> list[bytes]:
        """Of all fields of a name, topmost first."""


class HeaderFields:
    """The fields of a header."""

    __slots__ = ("_by_name",)

    def __init__(self, header: Header) -> None:
        self._by_name = header.by_name()

    def last(self, key: bytes) -> bytes | None:
        """As `Fields` has it."""
        lines = self._by_name.get(key)
        return None if lines is None else _value(lines[-1])

    def all(self, key: bytes) -> list[bytes]:
        """As `Fields` has it."""
        return [_value(line) for line in self._by_name.get(key, ())]


class KnownFields:
    """The fields of `Summary.cached_fields`. Few are wanted of many: they are looked for, not divided."""

    __slots__ = ("_lines", "_lowered", "_whole")

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._lowered = lines.lower()
        # RFC 5322 §4.5: white space before the colon is obsolete, and rare. It may also be in a value.
        is_plain = b" :" not in lines and b"\t:" not in lines
        self._whole = None if is_plain else HeaderFields(Header(lines))

    def last(self, key: bytes) -> bytes | None:
        """As `Fields` has it."""
        if self._whole is not None:
            return self._whole.last(key)
        lowered, name = self._lowered, b"\n%b:" % key
        at = lowered.rfind(name)
        if at < 0:
            if not lowered.startswith(name[1:]):
                return None
            at = -1
        start = at + len(name)
        lines, end = self._lines, lowered.find(b"\n", start)
        while end >= 0 and lines[end + 1 : end + 2] in _FOLDED:
            end = lowered.find(b"\n", end + 1)
        return (lines[start:end] if end >= 0 else lines[start:]).rstrip(b"\r")

    def all(self, key: bytes) -> list[bytes]:
        """As `Fields` has it."""
        return HeaderFields(Header(self._lines)).all(key)


_FOLDED: Final = frozenset((b" ", b"\t"))


def email_headers(header: Header) -> list[EmailHeader]:
    """All fields in order; lines that are no fields are left out."""
    return [
        EmailHeader(
            field.name.decode("utf-8", "replace"), header_forms.raw(_value(field.raw.removesuffix(b"\n")))
        )
        for field in header.fields
        if field.name
    ]


def value(fields: Fields, wanted: HeaderProperty) -> FormValue | list[FormValue]:
    """The value of a property: of the last field of the name, or of all."""
    read = header_forms.READERS[wanted.form]
    if wanted.is_all:
        return [read(each) for each in fields.all(wanted.key)]
    last = fields.last(wanted.key)
    return None if last is None else read(last)


def json_value(fields: Fields, wanted: HeaderProperty) -> bytes:
    """The same as JSON; that of a short field is remembered, since the same people write again."""
    if wanted.is_all:
        return _encode(value(fields, wanted))
    last = fields.last(wanted.key)
    if last is None:
        return b"null"
    if wanted.form in _REPEATED and len(last) <= _MAX_CACHED_OCTETS:
        return _cached_json(wanted.form, last)
    return _encode(header_forms.READERS[wanted.form](last))


_REPEATED: Final = frozenset({Form.ADDRESSES, Form.GROUPED_ADDRESSES, Form.URLS})


@lru_cache(maxsize=4096)
def _cached_json(form: Form, octets: bytes) -> bytes:
    return _encode(header_forms.READERS[form](octets))


def _value(line: bytes) -> bytes:
    """What stands behind the colon."""
    return line[line.index(b":") + 1 :].rstrip(b"\r")
