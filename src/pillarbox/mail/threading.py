"""Message-IDs, which link messages into threads (RFC 5322 §3.6.4, RFC 5256 §3).

Two spellings of one id must give one string: white space inside is dropped, and so is quoting (RFC 5256 §3,
REFERENCES: `<"01KF8J"@x>` is `<01KF8J@x>`). Ids are text without angle brackets.
"""

import re
from typing import Final

MAX_REFERENCES: Final = 128
"""Ids kept of one message: the first, which is that of the root, and the last of the others."""

MAX_VALUE_OCTETS: Final = 128 * 1024
"""Octets of one field that are read; of a longer field, half of them from each end."""

MAX_MESSAGE_ID_OCTETS: Final = 998
"""The longest line (RFC 5322 §2.1.1); longer ids are ignored."""

_AT: Final = ord(b"@")
_SINGLE = re.compile(rb'<([^<>"\\\x00-\x20]++)>').fullmatch
_SIMPLE = re.compile(rb'<([^<>"\\\x00-\x20]++)>').findall
_BRACKETED = re.compile(rb'<((?:[^<>"]++|"[^"\\<>]*+(?:\\.[^"\\<>]*+)*")+)>', re.DOTALL).findall
_BETWEEN_WORDS = re.compile(rb'[\x00-\x20<>,;"()]+')
_BLANK = re.compile(rb"[\x00-\x20]+")
_QUOTING = re.compile(rb'"((?:[^"\\]|\\.)*)"|\\(.)', re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)


def message_ids(value: bytes) -> list[str]:
    """The ids in a Message-ID, In-Reply-To or References field, in order, each once; never raises.

    Phrases between ids are ignored (RFC 5322 §4.5.4). Where no id is in brackets, bare words with "@" are used.
    """
    if len(value) <= MAX_MESSAGE_ID_OCTETS and (single := _SINGLE(value)):
        return [single[1].decode("utf-8", "replace")] if _AT in single[1] else []
    if len(value) > MAX_VALUE_OCTETS:
        half = MAX_VALUE_OCTETS // 2
        value = value[:half] + b" " + value[-half:]
    found = _SIMPLE(value)
    if not found or len(found) != value.count(b"<"):
        found = _parse_any(value)
    ids = dict.fromkeys([each for each in found if _AT in each and len(each) <= MAX_MESSAGE_ID_OCTETS])
    texts = [each.decode("utf-8", "replace") for each in ids]
    return texts if len(texts) <= MAX_REFERENCES else [texts[0], *texts[1 - MAX_REFERENCES :]]


def _parse_any(value: bytes) -> list[bytes]:
    if b"<" not in value:
        return _BETWEEN_WORDS.split(value)
    ids = [_BLANK.sub(b"", inside) for inside in _BRACKETED(value)]
    return [_without_quoting(each) for each in ids] if b'"' in value or b"\\" in value else ids


def _without_quoting(inside: bytes) -> bytes:
    return _QUOTING.sub(lambda found: found[2] or _ESCAPE.sub(rb"\1", found[1] or b""), inside)
