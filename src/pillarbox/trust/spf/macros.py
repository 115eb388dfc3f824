"""Macros (RFC 7208 §7): a string is parsed once, and expanded for each evaluation that comes to it.

Whoever writes a record chooses how long an expansion is: so names are expanded from their right end, of which all but
253 octets are cut off anyway (§7.3), and texts from their left end up to a limit.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from msgspec import Struct

MAX_SPEC_OCTETS: Final = 512
"""A domain-spec: its name has 253 octets at most, and each of 127 labels may be a macro."""
MAX_NAME_OCTETS: Final = 253
"""A name without its final dot (§7.3)."""

DOMAIN_LETTERS: Final = frozenset("slodipvh")
"""Macros of terms (§7.2)."""
TEXT_LETTERS: Final = DOMAIN_LETTERS | frozenset("crt")
"""Macros of explanations."""

_TOKEN: Final = re.compile(
    r"%\{([A-Za-z])([0-9]*+)([rR]?)([.\-+,/_=]*+)\}"  # letter, transformers, delimiters
    r"|%([%_\-])"
    r"|([ -$&-~]++)"  # macro-literal, and the blanks of an explanation
)
_MAX_DIGITS: Final = 3
_ESCAPES: Final = {"%": "%", "_": " ", "-": "%20"}
_IN_LABEL: Final = (
    r"[ !-\-/-\[\]-~]{1,63}+"  # neither a dot nor a backslash, which the DNS has its own way with
)
_NAME: Final = re.compile(rf"{_IN_LABEL}(?:\.{_IN_LABEL})*")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?")


class InvalidMacro(ValueError):
    """Not a macro-string; `at` is where, `reason` says why."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


class Macro(Struct, frozen=True, gc=False):
    """`%{l2r-}` (§7.1)."""

    letter: str
    """In lower case."""
    rightmost: int
    """How many parts are kept; 0 for all."""
    reverse: bool
    delimiters: str
    """Empty: dots."""
    escape: bool
    """The letter was in upper case: the value is written as in a URL."""


class MacroString(Struct, frozen=True):
    """A parsed macro-string."""

    parts: tuple[str | Macro, ...]
    letters: str
    """Of its macros."""
    name: str = ""
    """The name that it is, where it has no macros; empty for one that the DNS cannot hold."""


def parse_string(text: str, letters: frozenset[str]) -> MacroString:
    """A macro-string (§7.1), in which these macros are allowed. Raises `InvalidMacro`."""
    return _parsed(text, letters)[0]


def parse_domain(text: str) -> MacroString:
    """A domain-spec (§7.1): it ends with a macro, or with a top label behind a dot. Raises `InvalidMacro`."""
    if not text:
        raise InvalidMacro(0, "domain is missing")
    if len(text) > MAX_SPEC_OCTETS:
        raise InvalidMacro(0, f"domain longer than {MAX_SPEC_OCTETS} octets")
    string, end = _parsed(text, DOMAIN_LETTERS)
    if not end:
        return string
    _, dot, label = end.removesuffix(".").rpartition(".")
    if not dot:
        raise InvalidMacro(0, "domain of one label; it has to be a whole name")
    if label.isdigit():
        raise InvalidMacro(0, "domain that ends with a number; addresses are for ip4 and ip6")
    if not _LABEL.fullmatch(label):
        raise InvalidMacro(0, "domain that does not end with a top-level domain")
    return string


def _parsed(text: str, letters: frozenset[str]) -> tuple[MacroString, str]:
    """Also the literal at its end, if it ends with one."""
    parts, used, at, end = list[str | Macro](), list[str](), 0, ""
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            reason = "% that begins no macro" if text[at] == "%" else "character that is not allowed"
            raise InvalidMacro(at, reason)
        letter, digits, reverse, delimiters, escape, literal = found.groups()
        if letter is None:
            parts.append(literal or _ESCAPES[escape])
        else:
            parts.append(_macro(letter, digits, reverse, delimiters, letters, at))
            used.append(letter.lower())
        at, end = found.end(), literal or ""
    name = "" if used else _cut("".join(part for part in parts if isinstance(part, str)))
    return MacroString(tuple(parts), "".join(used), name), end


def _macro(
    letter: str, digits: str, reverse: str, delimiters: str, letters: frozenset[str], at: int
) -> Macro:
    key = letter.lower()
    if key not in TEXT_LETTERS:
        raise InvalidMacro(at, f"no macro is called {letter}")
    if key not in letters:
        raise InvalidMacro(at, f"macro {letter} is for explanations only")
    number = digits.lstrip("0")
    if digits and not number:
        raise InvalidMacro(at, "macro that keeps no part")
    # §7.3: more parts than there are, are all
    rightmost = int(number) if 0 < len(number) <= _MAX_DIGITS else 0
    return Macro(key, rightmost, bool(reverse), "".join(dict.fromkeys(delimiters)), letter != key)


def target_name(string: MacroString, values: Mapping[str, str]) -> str:
    """The name that a domain-spec is (§4.8); empty for one that the DNS cannot hold.

    `values` has the letters that it uses.
    """
    if not string.letters:
        return string.name
    taken, size = list[str](), 0
    for part in reversed(string.parts):
        text = part if isinstance(part, str) else _expanded(part, values)
        taken.append(text)
        size += len(text)
        if size > MAX_NAME_OCTETS + 1:
            break
    return _cut("".join(reversed(taken)))


def expand(string: MacroString, values: Mapping[str, str], max_characters: int) -> str:
    """The text that a macro-string is, cut off at a length."""
    return "".join(_until(string, values, max_characters))[:max_characters]


def is_name(text: str) -> bool:
    """Whether the DNS can hold the name."""
    return len(text) <= MAX_NAME_OCTETS and _NAME.fullmatch(text) is not None


def _until(string: MacroString, values: Mapping[str, str], max_characters: int) -> Iterator[str]:
    left = max_characters
    for part in string.parts:
        if left <= 0:
            return
        text = part if isinstance(part, str) else _expanded(part, values)
        left -= len(text)
        yield text


def _cut(text: str) -> str:
    """§7.3: labels on the left are removed until the name fits."""
    name = text.removesuffix(".")
    if len(name) > MAX_NAME_OCTETS:
        name = name[-MAX_NAME_OCTETS - 1 :].partition(".")[2]
    return name if _NAME.fullmatch(name) else ""


def _expanded(macro: Macro, values: Mapping[str, str]) -> str:
    value = values[macro.letter]
    if macro.rightmost or macro.reverse or macro.delimiters:
        parts = _split(value, macro.delimiters or ".")
        if macro.reverse:
            parts.reverse()
        value = ".".join(parts[-macro.rightmost :])
    return quote(value, safe="", errors="replace") if macro.escape else value


def _split(value: str, delimiters: str) -> list[str]:
    first = delimiters[0]
    for delimiter in delimiters[1:]:
        value = value.replace(delimiter, first)
    return value.split(first)
