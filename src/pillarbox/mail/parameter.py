"""Structured MIME field values: a token, then `;name=value` pairs (RFC 2045 §5.1, RFC 2183 §2, RFC 2231).

`parse` splits the value and decodes nothing, as IMAP's BODYSTRUCTURE needs it. `decode` gives names and text: RFC
2231 sections are joined, percent-encoding and charsets decoded, and encoded words and bare 8-bit octets, which some
senders use, as well.

Parsing is lenient and linear in the input: what is not a parameter is skipped, a value without quotes may contain
spaces, an unclosed quote ends with the value. Nothing raises.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from pillarbox.mail import charset, encoded_word

MAX_PARAMETERS: Final = 200
"""Parameters read from one field; later ones are ignored."""
MAX_VALUE_OCTETS: Final = 64 * 1024
"""Octets of a field value that are read."""

Pairs = tuple[tuple[bytes, bytes], ...]


class Value(NamedTuple):
    """A field value: its leading token (lower case) and its parameters as they stand in the message."""

    token: str
    parameters: Pairs


_OPENING: Final = ord(b"(")
_BACKSLASH: Final = ord(b"\\")

# RFC 2045 §5.1 `token "/" token`, or one token; senders quote it or put spaces around the slash.
_TOKEN: Final = re.compile(rb'[\s"]*([^\s"/;,()<>]*(?:[ \t]*/[ \t]*[^\s"/;,()<>=]+)?)"?')
# One parameter, or a separator, or something else; each alternative consumes octets, so the scan is linear. An unquoted
# value extends to the next semicolon, since `name=My Report.pdf` is common and harmless; or to the next `name="`, where
# a semicolon was forgotten.
_ITEM: Final = re.compile(
    rb'([^\s=;"(]+)\s*=\s*(?:"([^"\\]*+(?:\\.[^"\\]*+)*)"?|((?:[^;\s]|\s++(?![^\s=;"]+="))*))'
    rb"|[\s;]++|[^\s;=]++|=",
    re.DOTALL,
)
# A token and one or two parameters, as in most values with a boundary or a file name; same result, but faster.
_PAIR: Final = rb';[ \t]*+([A-Za-z0-9\-]++)=(?:"([^"\\(]*+)"|([^\s;"(]++))'
_COMMON: Final = re.compile(
    rb"([A-Za-z0-9.+\-]++(?:/[A-Za-z0-9.+\-]++)?)" + _PAIR + rb"(?:[ \t]*+" + _PAIR + rb")?[ \t;]*+"
).fullmatch
_NAMES: Final = re.compile(rb"name(?:\*[0-9]{1,4})?\*?[ \t]*=[ \t]*\Z", re.IGNORECASE).search
_NAME_OCTETS: Final = 16
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_EDGE: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*"?|\\.|[()]', re.DOTALL)
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_SECTION: Final = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*?)\Z")


def parse(value: bytes) -> Value:
    """Split an unfolded field value into its token and parameters."""
    # Values with boundaries and file names differ in each message; short ones are mostly the same few.
    return _parse_short(value) if len(value) <= 40 else _parse(value)


def _parse(value: bytes) -> Value:
    if common := _COMMON(value, 0, MAX_VALUE_OCTETS):
        token, name, quoted, plain, name_2, quoted_2, plain_2 = common.groups()
        pairs: Pairs = ((name, plain if quoted is None else quoted),)
        if name_2 is not None:
            pairs = (*pairs, (name_2, plain_2 if quoted_2 is None else quoted_2))
        return Value(token.lower().decode("ascii"), pairs)
    return parse_any(value)


def parse_any(value: bytes) -> Value:
    """`parse` without its fast paths."""
    value = value[:MAX_VALUE_OCTETS]
    if _OPENING in value:
        value = strip_comments(value)
    token = _TOKEN.match(value)
    assert token is not None  # every part of the pattern may be empty
    pairs = []
    for found in _ITEM.finditer(value, token.end()):
        name, quoted, plain = found.groups()
        if name is None:
            continue
        if quoted is not None:
            plain = _QUOTED_PAIR.sub(rb"\1", quoted) if _BACKSLASH in quoted else quoted
        pairs.append((name, plain.rstrip() if quoted is None else plain))
        if len(pairs) == MAX_PARAMETERS:
            break
    return Value(b"".join(token[1].split()).lower().decode("ascii", "replace"), tuple(pairs))


_parse_short = lru_cache(maxsize=1024)(_parse)


def strip_comments(value: bytes) -> bytes:
    """The value without RFC 5322 §3.2.2 comments; an unclosed one extends to the end.

    A parenthesis inside a word does not open a comment, nor does one that begins a name: senders write
    `name=report(1).pdf` without quotes.
    """
    kept, depth, after = [], 0, 0
    for found in _COMMENT_EDGE.finditer(value):
        start = found.start()
        if found[0] == b"(":
            if depth == 0:
                before = value[max(after, start - _NAME_OCTETS) : start]
                if before and (before[-1] not in b' \t;"=' or _NAMES(before)):
                    continue
                kept.append(value[after:start])
            depth += 1
        elif found[0] == b")" and depth:
            depth -= 1
            after = found.end()
    if depth == 0:
        kept.append(value[after:])
    return b" ".join(kept)


def decode(pairs: Pairs) -> dict[str, str]:
    """Parameters by lower-case name, as text; RFC 2231 forms win over plain ones, then the first wins."""
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, value in pairs:
        found = _SECTION.match(name.decode("latin-1").lower())
        if found is None or not (found[2] or found[3]):
            plain.setdefault(name.decode("latin-1").lower(), encoded_word.decode(value))
        else:
            numbered = sections.setdefault(found[1], {})
            numbered.setdefault(int(found[2] or 0), (value, bool(found[3])))
    return plain | {name: _join(numbered) for name, numbered in sections.items()}


def _join(sections: dict[int, tuple[bytes, bool]]) -> str:
    """RFC 2231 §3 and §4.1: sections in order of number; the first names charset and language."""
    octets, label, extended_any = [], None, False
    for place, number in enumerate(sorted(sections)):
        value, extended = sections[number]
        if extended:
            extended_any = True
            if place == 0 and value.count(b"'") >= 2:
                name, _language, value = value.split(b"'", 2)
                label = name.decode("latin-1")
            value = _PERCENT.sub(lambda found: bytes((int(found[1], 16),)), value)
        octets.append(value)
    joined = b"".join(octets)
    return charset.decode(joined, label) if extended_any else encoded_word.decode(joined)
