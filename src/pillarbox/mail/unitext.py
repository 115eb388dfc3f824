"""unitext: a "utf-8" address in an ORCPT parameter that must be ASCII (RFC 6533 §3)."""

import re

_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_SPECIAL = re.compile(r"[^!-*,-<>-\[\]-~]")


def decode(text: str) -> str:
    """The address; an escape that is not a code point is kept as it is."""
    return _EMBEDDED.sub(_character, text)


def encode(text: str) -> str:
    """The address in ASCII, valid wherever xtext is."""
    return _SPECIAL.sub(lambda match: f"\\x{{{ord(match[0]):02X}}}", text)


def _character(match: re.Match[str]) -> str:
    point = int(match[1], 16)
    surrogate = 0xD800 <= point <= 0xDFFF
    return match[0] if point > 0x10FFFF or surrogate else chr(point)
