"""The header as signatures see it: fields by name, in canonical form.

RFC 6376 §3.4.1, §3.4.2 and §5.4.2: `h=` takes fields of one name from the bottom up, and a mention for which none is
left adds nothing.
"""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from pillarbox.mail.header import Header

_CRLF: Final = b"\r\n"
_WSP: Final = b" \t"
_SIGNATURE: Final = b"dkim-signature"
_LARGE_OCTETS: Final = 1000
"""A field whose canonical form is worth being remembered."""
_FWS: Final = b" \t\r\n"
_BEFORE_VALUE: Final = re.compile(rb";[ \t\r\n]*b[ \t\r\n]*=")
"""`b=` behind another tag, which it is but for odd signers."""


class Canonicalization(StrEnum):
    """How much a message may be changed without breaking its signature (RFC 6376 §3.4)."""

    __hash__ = str.__hash__

    SIMPLE = "simple"
    RELAXED = "relaxed"


class SignedHeader:
    """A header, and what of it was brought into canonical form already: signatures often cover the same fields."""

    def __init__(self, header: Header) -> None:
        self._header = header
        self._fields: Mapping[bytes, Sequence[bytes]] | None = None
        self._lower = b""
        self._odd: bool | None = None
        self._relaxed: dict[bytes, bytes] = {}
        self._last: tuple[tuple[bytes, ...], Canonicalization, bytes] = (), Canonicalization.RELAXED, b""

    @property
    def cut(self) -> bool:
        """Not all fields are known: nothing can be verified."""
        return self._header.cut

    @property
    def odd(self) -> bool:
        """It has white space, or what passes for it, that `split` does not take for what it is here."""
        if self._odd is None:
            octets = self._header.octets
            line_ends = octets.count(b"\r\n")
            self._odd = (
                octets.count(b"\r") != line_ends
                or octets.count(b"\n") != line_ends
                or b"\x0b" in octets
                or b"\x0c" in octets
            )
        return self._odd

    @property
    def fields(self) -> Mapping[bytes, Sequence[bytes]]:
        """By lower-case name, topmost first, each without its last LF."""
        if self._fields is None:
            self._fields, self._lower = self._header.by_name(), b""
        return self._fields

    def fields_of(self, name: bytes) -> Sequence[bytes]:
        """The fields of one name; a header without the letters of it is not taken apart."""
        if self._fields is None:
            self._lower = self._lower or self._header.octets.lower()
            if name not in self._lower:
                return ()
        return self.fields.get(name, ())

    def count(self, name: bytes) -> int:
        """How many fields of this name there are."""
        return len(self.fields.get(name, ()))

    def selected(self, names: Sequence[bytes], own: bytes = b"") -> list[bytes]:
        """The fields that `h=` names, in its order. `own` is the signature's field, which it cannot cover itself."""
        fields = self.fields
        if own and _SIGNATURE in names:
            others = [field for field in fields.get(_SIGNATURE, ()) if field is not own]
            fields = {**fields, _SIGNATURE: others}
        taken, found = dict[bytes, int](), list[bytes]()
        for name in names:
            if of_name := fields.get(name):
                place = taken[name] = taken.get(name, 0) + 1
                if place <= len(of_name):
                    found.append(of_name[-place])
        return found

    def canonical(self, field: bytes, form: Canonicalization) -> bytes:
        """A field in canonical form, with one CRLF at its end."""
        if form is Canonicalization.SIMPLE:
            return simple(field)
        found = self._relaxed.get(field)
        if found is None:
            found = self._relaxed[field] = relaxed(field) if self.odd else _relaxed(field)
        return found

    def covered(self, names: tuple[bytes, ...], form: Canonicalization, own: bytes = b"") -> bytes:
        """The fields that a signature names, in canonical form: what it signs before its own field."""
        if _SIGNATURE in names:
            return self._joined(self.selected(names, own), form)
        if self._last[:2] != (names, form):  # signatures with several keys name the same
            self._last = names, form, self._joined(self.selected(names), form)
        return self._last[2]

    def _joined(self, fields: Sequence[bytes], form: Canonicalization) -> bytes:
        if form is Canonicalization.SIMPLE or self.odd:
            return b"".join([self.canonical(field, form) for field in fields])
        return b"".join(
            [
                _relaxed(field) if len(field) < _LARGE_OCTETS else self.canonical(field, form)
                for field in fields
            ]
        )


def own_field(unsigned: bytes, form: Canonicalization) -> bytes:
    """A signature's own field as it is signed, last: without the value of `b=`, and without CRLF (§3.7)."""
    return (simple(unsigned) if form is Canonicalization.SIMPLE else relaxed(unsigned)).removesuffix(_CRLF)


def simple(field: bytes) -> bytes:
    """RFC 6376 §3.4.1: as it is."""
    return field.removesuffix(b"\n").removesuffix(b"\r") + _CRLF


def relaxed(field: bytes) -> bytes:
    """RFC 6376 §3.4.2: the name in lower case, unfolded, one blank for any white space within, none around."""
    if b"\x0b" in field or b"\x0c" in field or field.count(b"\r") != field.count(b"\r\n"):
        name, _, value = field.removesuffix(b"\n").removesuffix(b"\r").partition(b":")
        value = value.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\t", b" ").strip(b" ")
        while b"  " in value:
            value = value.replace(b"  ", b" ")
        return b"%b:%b\r\n" % (name.rstrip(_WSP).lower(), value)
    return _relaxed(field)


def _relaxed(field: bytes) -> bytes:
    name, _, value = field.partition(b":")
    return b"%b:%b\r\n" % (name.rstrip(_WSP).lower(), b" ".join(value.split()))


def without_signature(field: bytes) -> bytes:
    """A signature field whose `b=` is empty (RFC 6376 §3.7)."""
    start = field.index(b":") + 1
    name, equals, _ = field[start:].partition(b"=")
    if equals and name.strip(_FWS) == b"b":
        start += len(name) + 1
    elif found := _BEFORE_VALUE.search(field, start):
        start = found.end()
    else:
        return field
    end = field.find(b";", start)
    return field[:start] if end < 0 else field[:start] + field[end:]
