"""Authentication-Results, read (RFC 8601 §2.2), from whoever wrote it.

Reading follows the grammar, comments and quoted strings included, and skips what is outside of it: fields without an
identifier, stray semicolons, results that no RFC has. Whether to believe any of it is up to the caller; without an
identifier nothing may be (RFC 8601 §5).
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pillarbox.trust.results import MethodResult, Property, Result

MAX_OCTETS: Final = 16 * 1024
"""Of a field's value; nothing is read of a longer one."""
MAX_RESULTS: Final = 64
MAX_PROPERTIES: Final = 32
"""Properties read of one result."""

_TOKEN: Final = re.compile(
    r'(?P<space>[ \t\r\n]++)|(?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*")|(?P<word>[^ \t\r\n"();=\\]++)|(?P<mark>.)',
    re.DOTALL,
)
_COMMENT_MARK: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_METHOD: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*+)(?:/([0-9]{1,9}))?")
_PROPERTY: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]*+)\.([A-Za-z0-9][A-Za-z0-9_-]*+)")
_RESULTS: Final = {str(result): result for result in Result}
_DOMAINS: Final = {
    "dmarc": ("header.from",),
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom", "smtp.helo"),
    "bimi": ("header.d",),
}
"""Properties that say whose statement a result is."""


class AuthenticationResults(Struct, frozen=True):
    """What one field says."""

    authserv_id: str
    """Who says it, in lower case; empty where the field has none, and then it is not to be believed."""
    version: int
    """Of the field's syntax; of another than 1 no results are read (RFC 8601 §2.6)."""
    results: tuple[MethodResult, ...]
    instance: int = 0
    """Of an ARC set; 0 without `i=`."""


class _Word(Struct, frozen=True, gc=False):
    text: str
    spaced: bool
    """White space or a comment stands before it."""
    quoted: bool = False


_EQUALS: Final = _Word("=", spaced=False)
_JOINTS: Final = frozenset("./")


def read(value: bytes) -> AuthenticationResults | None:
    """The results in a field's value; None for one that is too long. Never raises."""
    if len(value) > MAX_OCTETS:
        return None
    statements = _statements(value.decode("utf-8", "replace"))
    first = next(statements, [])
    instance = _instance(first)
    if instance:
        first = next(statements, [])
    authserv_id, version = "", 1
    results: list[MethodResult] = []
    if any(word.text == "=" and not word.quoted for word in first):
        _add(results, first)  # Microsoft's, which names nobody
    elif first:
        authserv_id = first[0].text.lower()
        if len(first) > 1 and first[1].text.isascii() and first[1].text.isdigit():
            version = int(first[1].text[:9])
    for statement in statements:
        if version == 1 and len(results) < MAX_RESULTS:
            _add(results, statement)
    return AuthenticationResults(authserv_id, version, tuple(results), instance)


def _instance(statement: list[_Word]) -> int:
    texts = [word.text for word in statement]
    if len(texts) == 3 and texts[0].lower() == "i" and texts[1] == "=":
        number = texts[2]
        return int(number) if len(number) <= 4 and number.isascii() and number.isdigit() else 0
    return 0


def _add(results: list[MethodResult], statement: list[_Word]) -> None:
    pairs = list(_pairs(statement))
    if not pairs or pairs[0][0] != statement[0].text:
        return
    method, result = _METHOD.fullmatch(pairs[0][0]), _RESULTS.get(pairs[0][1].lower())
    if not method or not result or (method[2] and int(method[2]) != 1):
        return
    reason = ""
    properties: list[Property] = []
    for name, value in pairs[1:]:
        match = _PROPERTY.fullmatch(name)
        if match and len(properties) < MAX_PROPERTIES:
            properties.append(Property(match[1].lower(), match[2].lower(), value))
        elif name.lower() == "reason":
            reason = reason or value
    name = method[1].lower()
    results.append(MethodResult(name, result, _domain(name, properties), reason, tuple(properties)))


def _domain(method: str, properties: list[Property]) -> str:
    values = {f"{each.kind}.{each.name}": each.value for each in reversed(properties)}
    value = next((values[name] for name in _DOMAINS.get(method, ()) if values.get(name)), "")
    return value.rpartition("@")[2].lower()


def _pairs(statement: list[_Word]) -> Iterator[tuple[str, str]]:
    """Names and values around the equals signs; what stands between is skipped."""
    at, end = 0, len(statement)
    while at < end - 2:
        name, equals = statement[at], statement[at + 1]
        if name.quoted or equals.quoted or equals.text != "=" or name.text == "=":
            at += 1
            continue
        value = statement[at + 2]
        parts, at = [value.text], at + 3
        # An equals sign that follows at once belongs to a value: base64 ends with some
        while at < end and not statement[at].spaced:
            parts.append(statement[at].text)
            at += 1
        yield name.text, "".join(parts)


def _statements(text: str) -> Iterator[list[_Word]]:
    """The words between semicolons, without comments."""
    statement: list[_Word] = []
    at, end, spaced = 0, len(text), True
    while at < end:
        found = _TOKEN.match(text, at)
        assert found
        at = found.end()
        kind, piece = found.lastgroup, found[0]
        if kind == "space":
            spaced = True
        elif piece == "(":
            at, spaced = _comment_end(text, at), True
        elif piece == ";":
            if statement:
                yield statement
            statement, spaced = [], True
        elif kind == "quoted":
            statement.append(_Word(_ESCAPE.sub(r"\1", piece[1:-1]), spaced, quoted=True))
            spaced = False
        else:
            _put(statement, _Word(piece, spaced))
            spaced = False
    if statement:
        yield statement


def _put(statement: list[_Word], word: _Word) -> None:
    """Append a word; `policy . dmarc` and `dkim / 1` with comments or blanks between are one."""
    before = statement[-1] if statement else _EQUALS
    is_value = len(statement) > 1 and statement[-2].text == "="
    joined = before.text[-1:] in _JOINTS or word.text[:1] in _JOINTS
    if joined and word.spaced and not before.quoted and not is_value and "=" not in (before.text, word.text):
        statement[-1] = _Word(before.text + word.text, before.spaced)
    else:
        statement.append(word)


def _comment_end(text: str, at: int) -> int:
    """Where the comment ends whose parenthesis is before `at`; one that does not end reaches to the end."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, at):
        if mark[0] == "(":
            depth += 1
        elif mark[0] == ")":
            depth -= 1
            if not depth:
                return mark.end()
    return len(text)
