"""Words of MIME fields: a token and its parameters, in the forms that clients understand.

A value outside ASCII has the form of RFC 2231; a Content-Type's `name`, which only old clients read, has encoded words
in quotes, as they expect it.
"""

import re
from collections.abc import Sequence
from typing import Final

from pillarbox.mail.composing.folding import NotWritable, checked
from pillarbox.mail.composing.words import encoded, quoted

MAX_VALUE_OCTETS: Final = 2 * 1024
"""A parameter's value, such as a file name."""
_MAX_QUOTED_OCTETS: Final = 200
"""A longer value is divided into sections (RFC 2231 §3), which fewer clients understand."""
_SECTION_OCTETS: Final = 50

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+")
_TYPE: Final = re.compile(r"[!#$&+\-.0-9A-Z^_a-z]{1,127}/[!#$&+\-.0-9A-Z^_a-z]{1,127}")
_ATTRIBUTE: Final = frozenset("!#$&+-.^_`{|}~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""RFC 2231 §7, attribute-char."""

_CHARSET: Final = "utf-8''"
"""Charset and no language, in front of the first section (RFC 2231 §4)."""

Parameter = tuple[str, str]
"""A name and its value."""


def is_token(value: str) -> bool:
    """RFC 2045 §5.1, token."""
    return len(value) <= 127 and _TOKEN.fullmatch(value) is not None


def is_media_type(value: str) -> bool:
    """Whether it is `type/subtype` (RFC 2045 §5.1)."""
    return _TYPE.fullmatch(value) is not None


def value_words(token: str, parameters: Sequence[Parameter]) -> list[str]:
    """The words of a field. Raises `NotWritable`."""
    written = [words for name, value in parameters for words in _parameter(name, value)]
    words = [token]
    for each in written:
        words[-1] += ";"
        words += each
    return words


def _is_plain(value: str) -> bool:
    return (
        value.isascii()
        and len(value) <= _MAX_QUOTED_OCTETS
        and not any(mark in value for mark in ("=?", '"', "\\", "\t"))
        and value == value.strip(" ")
    )


def _parameter(name: str, value: str) -> list[list[str]]:
    """A parameter, or its sections, each as words."""
    value = checked(value, MAX_VALUE_OCTETS)
    if not is_token(name):
        raise NotWritable("not the name of a parameter")
    if is_token(value) and "'" not in value:
        return [[f"{name}={value}"]]
    if _is_plain(value):
        return [[f"{name}={quoted(value)}"]]
    return [_legacy(value)] if name == "name" else [[section] for section in _extended(name, value)]


def _legacy(value: str) -> list[str]:
    """RFC 2047 §5 forbids encoded words in quotes, but readers of `name` expect them there."""
    opening = 'name="'
    words = encoded(value, len(opening))
    words[0] = opening + words[0]
    words[-1] += '"'
    return words


def _extended(name: str, value: str) -> list[str]:
    """RFC 2231 §3 and §4: sections of whole characters."""
    sections, held, size = list[str](), list[str](), 0
    for character in value:
        written = character if character in _ATTRIBUTE else "".join(f"%{o:02X}" for o in character.encode())
        if size + len(written) > _SECTION_OCTETS:
            sections.append("".join(held))
            held, size = [], 0
        held.append(written)
        size += len(written)
    sections.append("".join(held))
    if len(sections) == 1:
        return [f"{name}*={_CHARSET}{sections[0]}"]
    sections[0] = _CHARSET + sections[0]
    return [f"{name}*{number}*={section}" for number, section in enumerate(sections)]
