"""A strict reader of what IMAP sends: the formal syntax of RFC 3501 §9 and RFC 9051 §9, nothing else.

It answers nested Python values (bytes, int, None, lists) or raises `NotWellFormed`. It knows no leniency on
purpose: an octet that only one revision of IMAP allows is an error.
"""

import re
from typing import Any

_QUOTED = re.compile(rb'"((?:[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]|\\["\\])*)"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")
_NUMBER = re.compile(rb"0|[1-9]\d*")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


class NotWellFormed(Exception):
    """What stands at this offset is not in the grammar."""


class Reader:
    def __init__(self, octets: bytes, *, rev2: bool = True) -> None:
        self.octets = octets
        # RFC 3501 §9, media-message: RFC822 only
        self.messages = {b"RFC822", b"GLOBAL"} if rev2 else {b"RFC822"}
        self.at = 0

    def fail(self, wanted: str) -> NotWellFormed:
        return NotWellFormed(f"{wanted} wanted at {self.at}: {self.octets[self.at : self.at + 60]!r}")

    def sees(self, token: bytes) -> bool:
        return self.octets.startswith(token, self.at)

    def take(self, token: bytes) -> None:
        if not self.sees(token):
            raise self.fail(repr(token))
        self.at += len(token)

    def space(self) -> None:
        self.take(b" ")

    def end(self) -> None:
        if self.at != len(self.octets):
            raise self.fail("end")

    def string(self) -> bytes:
        if match := _QUOTED.match(self.octets, self.at):
            self.at = match.end()
            return _ESCAPE.sub(rb"\1", match[1])
        if match := _LITERAL.match(self.octets, self.at):
            start, self.at = match.end(), match.end() + int(match[1])
            value = self.octets[start : self.at]
            if self.at > len(self.octets) or b"\0" in value:
                raise self.fail("literal")
            return value
        raise self.fail("string")

    def nstring(self) -> bytes | None:
        if self.sees(b"NIL"):
            self.take(b"NIL")
            return None
        return self.string()

    def number(self) -> int:
        match = _NUMBER.match(self.octets, self.at)
        if not match:
            raise self.fail("number")
        self.at = match.end()
        return int(match[0])

    def envelope(self) -> list[Any]:
        self.take(b"(")
        fields: list[Any] = [self.nstring(), self._next(self.nstring)]
        fields += [self._next(self.addresses) for _ in range(6)]
        fields += [self._next(self.nstring), self._next(self.nstring)]
        self.take(b")")
        return fields

    def addresses(self) -> list[Any] | None:
        if self.sees(b"NIL"):
            self.take(b"NIL")
            return None
        self.take(b"(")
        found = []
        while not self.sees(b")"):
            self.take(b"(")
            found.append([self.nstring()] + [self._next(self.nstring) for _ in range(3)])
            self.take(b")")
        self.take(b")")
        if not found:
            raise self.fail("address")
        self._check_groups(found)
        return found

    def body(self, *, extended: bool) -> list[Any]:
        self.take(b"(")
        value = self._multipart(extended) if self.sees(b"(") else self._single(extended)
        self.take(b")")
        return value

    def parameters(self) -> list[tuple[bytes, bytes]] | None:
        if self.sees(b"NIL"):
            self.take(b"NIL")
            return None
        self.take(b"(")
        pairs = [(self.string(), self._next(self.string))]
        while not self.sees(b")"):
            self.space()
            pairs.append((self.string(), self._next(self.string)))
        self.take(b")")
        return pairs

    def _next(self, read: Any) -> Any:
        self.space()
        return read()

    def _check_groups(self, addresses: list[Any]) -> None:
        inside = False
        for _name, _route, mailbox, host in addresses:
            if host is None:
                if inside == (mailbox is not None):
                    raise self.fail("group begun and ended in turn")
                inside = mailbox is not None
            elif mailbox is None:
                raise self.fail("mailbox")
        if inside:
            raise self.fail("end of group")

    def _multipart(self, extended: bool) -> list[Any]:
        parts = []
        while self.sees(b"("):
            parts.append(self.body(extended=extended))
        value: list[Any] = [parts, self._next(self.string)]
        if extended:
            value += [self._next(self.parameters), *self._extension()]
        return value

    def _single(self, extended: bool) -> list[Any]:
        value: list[Any] = [self.string(), self._next(self.string), self._next(self.parameters)]
        value += [self._next(self.nstring), self._next(self.nstring), self._next(self.string)]
        value.append(self._next(self.number))
        if value[0].upper() == b"MESSAGE" and value[1].upper() in self.messages:
            value += [self._next(self.envelope), self._next(lambda: self.body(extended=extended))]
            value.append(self._next(self.number))
        elif value[0].upper() == b"TEXT":
            value.append(self._next(self.number))
        if extended:
            value += [self._next(self.nstring), *self._extension()]
        return value

    def _extension(self) -> list[Any]:
        return [self._next(self._disposition), self._next(self._language), self._next(self.nstring)]

    def _disposition(self) -> tuple[bytes, Any] | None:
        if self.sees(b"NIL"):
            self.take(b"NIL")
            return None
        self.take(b"(")
        value = (self.string(), self._next(self.parameters))
        self.take(b")")
        return value

    def _language(self) -> list[bytes] | bytes | None:
        if not self.sees(b"("):
            return self.nstring()
        self.take(b"(")
        tags = [self.string()]
        while not self.sees(b")"):
            tags.append(self._next(self.string))
        self.take(b")")
        return tags


def read_envelope(octets: bytes) -> list[Any]:
    reader = Reader(octets)
    value = reader.envelope()
    reader.end()
    return value


def read_body(octets: bytes, *, extended: bool = False, rev2: bool = True) -> list[Any]:
    reader = Reader(octets, rev2=rev2)
    value = reader.body(extended=extended)
    reader.end()
    return value
