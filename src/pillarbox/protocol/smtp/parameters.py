"""Parameters of MAIL and RCPT (RFC 5321 §4.1.2): each with its grammar.

Only parameters of extensions that were announced are accepted; any other is 555 (RFC 5321 §4.1.1.11),
a bad value or a repetition 501 (RFC 3461 §4.5).
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from pillarbox.mail import internet_date, xtext
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Body, FutureRelease, Notify, Return
from pillarbox.protocol.smtp.replies import Reply

M = TypeVar("M", bound=Enum)

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20=\x7f]+))?")
_SPACE = re.compile(r"[ \t]+")  # to str.split() there are many more spaces than the two of SMTP
_MAX_SIZE_DIGITS = 20
"""RFC 1870 §4: a size has at most 20 digits."""
_MAX_ENVID_CHARACTERS = 100
"""RFC 3461 §4.4."""
_MAX_ORCPT_CHARACTERS = 500
"""RFC 3461 §4.2."""
_MAX_AUTH_CHARACTERS = 500
"""RFC 4954 §5."""
_MAX_HOLD_DIGITS = 9
"""RFC 4865 §3, future-release-integer."""
_ADDRESS_TYPE = re.compile(r"[!#$%&'*+\-/0-9=?A-Z^_`a-z{|}~]+")


class BadParameter(Exception):
    """A parameter that is refused, with the answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def read_mail(text: str, offered: frozenset[str]) -> dict[str, Any]:
    """Fields of `Mail` from what follows the reverse-path. Raises BadParameter."""
    return _read(text, offered, _MAIL)


def read_rcpt(text: str, offered: frozenset[str]) -> dict[str, Any]:
    """Fields of `Rcpt` from what follows the forward-path. Raises BadParameter."""
    return _read(text, offered, _RCPT)


def _read(text: str, offered: frozenset[str], readers: dict[str, "Reader"]) -> dict[str, Any]:
    if not text:
        return {}
    if text[0] not in " \t":
        raise BadParameter(replies.PARAMETER_SYNTAX)
    fields: dict[str, Any] = {}
    for word in _SPACE.split(text.strip(" \t")):
        match = _PARAMETER.fullmatch(word)
        if not match:
            raise BadParameter(replies.PARAMETER_SYNTAX)
        keyword = match[1].upper()
        if keyword not in offered:
            raise BadParameter(replies.PARAMETER_UNKNOWN)
        field, read = readers[keyword]
        if field in fields:
            raise BadParameter(replies.PARAMETER_TWICE)
        fields[field] = read(match[2])
    fields.pop("", None)
    return fields


def _size(value: str | None) -> int:
    if not value or not value.isdecimal() or not value.isascii() or len(value) > _MAX_SIZE_DIGITS:
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return int(value)


def _body(value: str | None) -> Body:
    return _member(Body, value)


def _returns(value: str | None) -> Return:
    return _member(Return, value)


def _member(kind: type[M], value: str | None) -> M:
    try:
        return kind((value or "").upper())
    except ValueError:
        raise BadParameter(replies.PARAMETER_SYNTAX) from None


def _flag(value: str | None) -> bool:
    # RFC 6531 §3.4 and RFC 8689 §2: the parameter takes no value
    if value is not None:
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return True


def _envelope_id(value: str | None) -> str:
    if not value or len(value) > _MAX_ENVID_CHARACTERS or not xtext.is_xtext(value):
        raise BadParameter(replies.PARAMETER_SYNTAX)
    # RFC 3461 §4.4: printable before it was encoded, or a report could be given foreign header fields
    if not all(" " <= character <= "~" for character in xtext.decode(value)):
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return value


def _hold_for(value: str | None) -> FutureRelease:
    good = (
        value and len(value) <= _MAX_HOLD_DIGITS and value.isascii() and value.isdecimal() and value[0] != "0"
    )
    if not good:
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return FutureRelease(for_s=int(value or ""), request=f"for;{value}")


def _hold_until(value: str | None) -> FutureRelease:
    until_ms = internet_date.parse(value or "")
    # RFC 4865 §3: "normalized to UTC"
    if until_ms is None or not (value or "").upper().endswith("Z"):
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return FutureRelease(until_ms=until_ms, request=f"until;{value}")


def _auth(value: str | None) -> None:
    # RFC 4954 §5: read and ignored; no client is trusted to name another sender
    if not value or len(value) > _MAX_AUTH_CHARACTERS or not xtext.is_xtext(value):
        raise BadParameter(replies.PARAMETER_SYNTAX)


def _notify(value: str | None) -> frozenset[Notify]:
    words = frozenset(_member(Notify, word) for word in (value or "").split(","))
    # RFC 3461 §4.1: NEVER stands alone
    if Notify.NEVER in words and len(words) > 1:
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return words


def _original(value: str | None) -> str:
    kind, semicolon, address = (value or "").partition(";")
    # RFC 6533 §3: a "utf-8" address may hold Unicode as it is; other types are xtext
    plain = kind.lower() != "utf-8"
    good = (
        semicolon
        and address
        and len(value or "") <= _MAX_ORCPT_CHARACTERS
        and _ADDRESS_TYPE.fullmatch(kind)
        and (xtext.is_xtext(address) if plain else True)
        and all(character >= " " and character != "\x7f" for character in xtext.decode(address))
    )
    if not good:
        raise BadParameter(replies.PARAMETER_SYNTAX)
    return value or ""


Reader = tuple[str, Callable[[str | None], Any]]
"""Name of the field, and what reads its value."""

_MAIL: dict[str, Reader] = {
    "SIZE": ("size", _size),
    "BODY": ("body", _body),
    "SMTPUTF8": ("smtputf8", _flag),
    "REQUIRETLS": ("require_tls", _flag),
    "RET": ("returns", _returns),
    "ENVID": ("envelope_id", _envelope_id),
    "AUTH": ("", _auth),
    # RFC 4865 §4.2: one of them, once
    "HOLDFOR": ("release", _hold_for),
    "HOLDUNTIL": ("release", _hold_until),
}
_RCPT: dict[str, Reader] = {
    "NOTIFY": ("notify", _notify),
    "ORCPT": ("original", _original),
}
