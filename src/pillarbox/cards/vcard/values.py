"""Values of vCard 4.0 (RFC 6350 §3.4, §4): texts, lists and compound values, with their escapes."""

from collections.abc import Iterable
from typing import Final

_CONTROLS: Final = dict.fromkeys([*range(0x09), *range(0x0A, 0x20), 0x7F])
_CONTROLS_BUT_LINE_FEED: Final = {code: None for code in _CONTROLS if code != 0x0A}
_BACKSLASH: Final = "\x00"
_COMMA: Final = "\x01"
_SEMICOLON: Final = "\x02"
"""What stands for escaped characters while a value is divided: a value has no controls."""


def without_controls(text: str) -> str:
    """Controls but TAB are no part of any value (§3.3); a line feed has a form of its own."""
    return text if text.isprintable() else text.translate(_CONTROLS_BUT_LINE_FEED)


def escaped(text: str) -> str:
    """A text as a value, or as part of one. Controls, which vCard has no form for, are left out."""
    plain = without_controls(text)
    if "\\" in plain:
        plain = plain.replace("\\", "\\\\")
    return plain.replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")


def unescaped(value: str) -> str:
    """The text of a value. A backslash before any other character is one."""
    return _plain(_marked(value)) if "\\" in value else value


def items(value: str) -> list[str]:
    """The texts of a list: divided by commas."""
    return [_plain(item) for item in _marked(value).split(",")]


def components(value: str) -> list[str]:
    """The components of a compound value, each one text: commas do not divide them."""
    return [_plain(component) for component in _marked(value).split(";")]


def lists(value: str) -> list[list[str]]:
    """The components of a compound value, each a list."""
    return [[_plain(item) for item in component.split(",")] for component in _marked(value).split(";")]


def joined_lists(parts: Iterable[Iterable[str]]) -> str:
    """What `lists` divides."""
    return ";".join(",".join(map(escaped, part)) for part in parts)


def _marked(value: str) -> str:
    if "\\" not in value:
        return value
    marked = value.replace("\\\\", _BACKSLASH).replace("\\,", _COMMA).replace("\\;", _SEMICOLON)
    return marked.replace("\\n", "\n").replace("\\N", "\n").replace("\\:", ":")


def _plain(marked: str) -> str:
    return marked.replace(_COMMA, ",").replace(_SEMICOLON, ";").replace(_BACKSLASH, "\\")
