"""xtext: any octets inside a parameter of MAIL or RCPT (RFC 3461 §4)."""

import re

_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEX = re.compile(r"\+([0-9A-F]{2})")


def is_xtext(text: str) -> bool:
    """Whether `text` is valid xtext."""
    return _XTEXT.fullmatch(text) is not None


def decode(text: str) -> str:
    """The octets of an xtext, as Latin-1 characters."""
    return _HEX.sub(lambda match: chr(int(match[1], 16)), text)


def encode(text: str) -> str:
    """ASCII text as xtext. Raises UnicodeEncodeError for other text."""
    octets = text.encode("ascii")
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}" for octet in octets
    )
