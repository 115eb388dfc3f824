"""vCards to octets: version 4.0 (RFC 6350)."""

from collections.abc import Iterable, Iterator
from typing import Final

from pillarbox.cards.vcard.card import Parameter, Property, VCard
from pillarbox.cards.vcard.values import without_controls

MAX_LINE_OCTETS: Final = 75
"""§3.2: without its CRLF."""
_QUOTED: Final = frozenset(",:;")
_ALWAYS_QUOTED: Final = frozenset(("jsptr", "jscomps", "author"))
"""RFC 9555 §3.3, RFC 9554 §4.1."""


def write(cards: Iterable[VCard]) -> bytes:
    """A file of all of them: UTF-8, lines of at most 75 octets, CRLF."""
    return b"".join(pieces(cards))


def pieces(cards: Iterable[VCard]) -> Iterator[bytes]:
    """As `write`, one card after another."""
    for card in cards:
        lines = [b"BEGIN:VCARD\r\nVERSION:4.0\r\n"]
        lines += [folded(_content_line(each).encode("utf-8", "replace")) for each in card.properties]
        yield b"".join([*lines, b"END:VCARD\r\n"])


def _content_line(row: Property) -> str:
    name = f"{row.group}.{row.name.upper()}" if row.group else row.name.upper()
    parameters = "".join(f";{_parameter(each)}" for each in row.parameters)
    value = without_controls(row.value).replace("\n", "\\n")
    return f"{name}{parameters}:{value}"


def _parameter(parameter: Parameter) -> str:
    quoted = parameter.name in _ALWAYS_QUOTED
    return (
        f"{parameter.name.upper()}={','.join(_parameter_value(value, quoted) for value in parameter.values)}"
    )


def _parameter_value(value: str, quoted: bool) -> str:
    """RFC 6868 §3, and quotes where it needs them."""
    plain = without_controls(value).replace("^", "^^").replace("\n", "^n").replace('"', "^'")
    return f'"{plain}"' if quoted or not _QUOTED.isdisjoint(plain) else plain


def folded(line: bytes) -> bytes:
    """A line with its folds, none inside a code point, and CRLF at its end."""
    if len(line) <= MAX_LINE_OCTETS:
        return line + b"\r\n"
    parts, start, room = [], 0, MAX_LINE_OCTETS
    while len(line) - start > room:
        end = start + room
        while line[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(line[start:end])
        start, room = end, MAX_LINE_OCTETS - 1  # the space takes one
    parts.append(line[start:])
    return b"\r\n ".join(parts) + b"\r\n"
