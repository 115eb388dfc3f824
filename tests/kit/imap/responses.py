"""A strict reader of an IMAP server's responses (RFC 9051 §9 response, RFC 3501 §9), for tests.

`Responses` takes octets in any pieces and gives complete responses as values. It knows no leniency: a double
space, a bare LF, an atom where a string must be, an unknown response: each raises `NotWellFormed`. Strings
come as `bytes`, numbers as `int`, NIL as `None`, lists as `list`, atoms and flags as `Atom`.
"""

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias


class NotWellFormed(Exception):
    """What the server said is not in the grammar."""


class Atom(bytes):
    """An atom or a flag, as opposed to a string."""


@dataclass(frozen=True)
class Status:
    """OK, NO, BAD, BYE, PREAUTH; tag `*` where untagged."""

    tag: bytes
    word: bytes
    code: bytes | None
    """The response code's name, upper-case."""
    arguments: bytes | None
    """What follows the name within the brackets."""
    text: bytes


@dataclass(frozen=True)
class Continuation:
    """A command continuation request."""

    text: bytes


@dataclass(frozen=True)
class Numbered:
    """EXISTS, RECENT, EXPUNGE."""

    number: int
    name: bytes


@dataclass(frozen=True)
class Fetched:
    """A FETCH response; items by label, upper-case but for what is in brackets."""

    number: int
    items: dict[bytes, Any]


@dataclass(frozen=True)
class Data:
    """Any other untagged response, and its arguments."""

    name: bytes
    arguments: list[Any] = field(default_factory=list)


Response: TypeAlias = Status | Continuation | Numbered | Fetched | Data

_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]+")
_LITERAL_AT_END = re.compile(rb"~?\{(\d+)\}\r\n\Z")
_STATUS = re.compile(rb"(\S+) (OK|NO|BAD|BYE|PREAUTH) (?:\[([A-Z0-9/+\-]+)(?: ([^\]]+))?\] )?([^\r\n]+)")
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_LITERAL = re.compile(rb"(~?)\{(0|[1-9]\d*)\}\r\n")
_NUMBER = re.compile(rb"(?:0|[1-9]\d*)(?=[ )\r])")
# "$" and "," and ":" make sequence sets atoms too; "\" opens flags, and "\*" is one
_ATOM = re.compile(rb"\\\*|\\?[^\x00-\x20\x7f-\xff(){%*\"\\]+")
_LABEL = re.compile(rb"[A-Z0-9.]+(?:\[(?:[^\]\"{]|\"(?:[^\"\\]|\\.)*\")*\](?:<\d+>)?)?")

_SHAPES = {
    b"CAPABILITY": re.compile(rb"(?: [^ \r]+)+"),
    b"ENABLED": re.compile(rb"(?: [^ \r]+)*"),
    b"SEARCH": re.compile(rb"(?: [1-9]\d*)*(?: \(MODSEQ [1-9]\d*\))?"),
    b"VANISHED": re.compile(rb"(?: \(EARLIER\))? [1-9][\d:,]*"),
}
"""Responses whose arguments have a shape that a regular expression can check."""
_OTHERS = {
    b"FLAGS",
    b"LIST",
    b"LSUB",
    b"STATUS",
    b"ESEARCH",
    b"NAMESPACE",
    b"ID",
    b"SORT",
    b"THREAD",
    b"JMAPACCESS",
}


class Responses:
    """Octets in, responses out."""

    def __init__(self) -> None:
        self._octets = b""

    def feed(self, octets: bytes) -> list[Response]:
        """Take octets; the responses that are complete now."""
        self._octets += octets
        found = []
        while (end := _response_end(self._octets)) is not None:
            found.append(read_response(self._octets[:end]))
            self._octets = self._octets[end:]
        return found

    @property
    def rest(self) -> bytes:
        """What is incomplete still."""
        return self._octets


def read_responses(octets: bytes) -> list[Response]:
    """All of a server's output, which must end with a complete response."""
    reader = Responses()
    found = reader.feed(octets)
    if reader.rest:
        raise NotWellFormed(f"incomplete: {reader.rest[:80]!r}")
    return found


def read_response(octets: bytes) -> Response:
    """One response with its CRLF."""
    if octets.startswith(b"+ "):
        return Continuation(_text(octets[2:]))
    if status := _STATUS.fullmatch(octets.removesuffix(b"\r\n")):
        tag, word, code, arguments, text = status.groups()
        if tag != b"*" and not _TAG.fullmatch(tag):
            raise NotWellFormed(f"tag {tag!r}")
        return Status(tag, word, code, arguments, text)
    if not octets.startswith(b"* "):
        raise NotWellFormed(f"neither tagged nor untagged: {octets[:80]!r}")
    if numbered := re.fullmatch(rb"\* (\d+) (EXISTS|RECENT|EXPUNGE)\r\n", octets):
        return Numbered(int(numbered[1]), numbered[2])
    if fetch := re.match(rb"\* ([1-9]\d*) FETCH ", octets):
        return Fetched(int(fetch[1]), _fetch_items(_Reader(octets, fetch.end())))
    return _data(octets)


def _data(octets: bytes) -> Data:
    name = octets[2:].split(b" ", 1)[0].removesuffix(b"\r\n")
    reader = _Reader(octets, 2 + len(name))
    if shape := _SHAPES.get(name):
        if not shape.fullmatch(octets[2 + len(name) : -2]):
            raise NotWellFormed(f"{octets!r}")
    elif name not in _OTHERS:
        raise NotWellFormed(f"unknown response {octets[:80]!r}")
    arguments = []
    while not reader.sees(b"\r\n"):
        reader.take(b" ")
        arguments.append(reader.value())
    reader.end()
    return Data(name, arguments)


def _fetch_items(reader: "_Reader") -> dict[bytes, Any]:
    items: dict[bytes, Any] = {}
    reader.take(b"(")
    while True:
        label = reader.label()
        if label in items:
            raise NotWellFormed(f"{label!r} twice")
        reader.take(b" ")
        items[label] = reader.value()
        if reader.sees(b")"):
            reader.take(b")")
            reader.end()
            return items
        reader.take(b" ")


class _Reader:
    def __init__(self, octets: bytes, at: int) -> None:
        self.octets = octets
        self.at = at

    def sees(self, token: bytes) -> bool:
        return self.octets.startswith(token, self.at)

    def take(self, token: bytes) -> None:
        if not self.sees(token):
            raise NotWellFormed(f"{token!r} wanted at {self.octets[self.at : self.at + 60]!r}")
        self.at += len(token)

    def end(self) -> None:
        self.take(b"\r\n")
        if self.at != len(self.octets):
            raise NotWellFormed("more than one response")

    def label(self) -> bytes:
        found = _LABEL.match(self.octets, self.at)
        if not found:
            raise NotWellFormed(f"label wanted at {self.octets[self.at : self.at + 60]!r}")
        self.at = found.end()
        return found[0]

    def value(self) -> Any:
        if self.sees(b"("):
            return self._list()
        if found := _QUOTED.match(self.octets, self.at):
            self.at = found.end()
            found[1].decode()
            return re.sub(rb"\\(.)", rb"\1", found[1])
        if found := _LITERAL.match(self.octets, self.at):
            self.at = found.end() + int(found[2])
            value = self.octets[found.end() : self.at]
            if not found[1] and b"\0" in value:
                raise NotWellFormed("NUL in a literal that is no literal8")
            return value
        if found := _NUMBER.match(self.octets, self.at):
            self.at = found.end()
            return int(found[0])
        if (found := _ATOM.match(self.octets, self.at)) and not re.fullmatch(rb"0\d+", found[0]):
            self.at = found.end()
            return None if found[0] == b"NIL" else Atom(found[0])
        raise NotWellFormed(f"value wanted at {self.octets[self.at : self.at + 60]!r}")

    def _list(self) -> list[Any]:
        self.take(b"(")
        found: list[Any] = []
        while not self.sees(b")"):
            # Only parts of a body and addresses stand side by side without a space (RFC 9051 §9)
            if found and not (isinstance(found[-1], list) and self.sees(b"(")):
                self.take(b" ")
            found.append(self.value())
        self.take(b")")
        return found


def _text(octets: bytes) -> bytes:
    if not octets.endswith(b"\r\n") or b"\r" in octets[:-2] or b"\n" in octets[:-2]:
        raise NotWellFormed(f"{octets!r}")
    return octets[:-2]


def _response_end(octets: bytes) -> int | None:
    """Where the first response ends, literals passed over; None while it is incomplete."""
    at = 0
    while True:
        end = octets.find(b"\n", at)
        if end < 0:
            return None
        if octets[end - 1 : end] != b"\r":
            raise NotWellFormed(f"bare LF: {octets[: end + 1][-80:]!r}")
        literal = _LITERAL_AT_END.search(octets[at : end + 1])
        if not literal:
            return end + 1
        at = end + 1 + int(literal[1])
        if at > len(octets):
            return None
