"""The tokens of a response (RFC 9051 §9).

Read leniently, as servers differ: an atom is what has no space, parenthesis or quotation mark. An atom becomes `str`, a
string `bytes`, a list `list`, and NIL `None`. What can't be read raises `Malformed`.
"""

import re
from typing import Final, TypeAlias

MAX_DEPTH: Final = 20
"""Lists within lists."""
MAX_TOKENS: Final = 100_000
"""Tokens of one response."""

Token: TypeAlias = "str | bytes | list[Token] | None"  # noqa: S105 - a type

_TOKEN: Final = re.compile(
    rb" *(?:"
    rb"(?P<open>\()|(?P<close>\))"
    rb'|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"'
    rb"|~?\{(?P<literal>\d{1,9})\+?\}\r\n"
    # A section has spaces and parentheses within its brackets (RFC 9051 §9, section)
    rb'|(?P<section>[A-Za-z0-9.]{1,20}\[[^\]"]{0,200}\](?:<\d{1,20}>)?)'
    rb'|(?P<atom>[^ ()"\r\n]+)'
    rb")",
    re.DOTALL,
)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


class Malformed(ValueError):
    """Not in the grammar."""


def tokens(text: bytes, at: int = 0) -> list[Token]:
    """The tokens from `at` on. Raises `Malformed`."""
    read: list[Token] = []
    open_lists: list[list[Token]] = []
    count = 0
    end = len(text.rstrip(b" "))
    while at < end:
        found = _TOKEN.match(text, at)
        count += 1
        if found is None or count > MAX_TOKENS:
            raise Malformed("not in the grammar" if found is None else "too many tokens")
        at = found.end()
        kind = found.lastgroup
        if kind == "open":
            inner: list[Token] = []
            read.append(inner)
            open_lists.append(read)
            if len(open_lists) > MAX_DEPTH:
                raise Malformed("lists are nested too deep")
            read = inner
        elif kind == "close":
            if not open_lists:
                raise Malformed("a list ends that did not begin")
            read = open_lists.pop()
        elif kind == "literal":
            octets = int(found["literal"])
            if at + octets > len(text):
                raise Malformed("a literal is cut short")
            read.append(text[at : at + octets])
            at += octets
        elif kind == "quoted":
            quoted = found["quoted"]
            read.append(_ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted)
        else:
            word = found[kind or 0].decode("latin-1")
            read.append(None if word in ("NIL", "nil") else word)
    if open_lists:
        raise Malformed("a list does not end")
    return read
