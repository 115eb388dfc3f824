"""Keywords of JMAP and flags of IMAP: two spellings of the same (RFC 8621 §4.1.1).

`$seen`, `$flagged`, `$answered` and `$draft` are IMAP's system flags; all others are IMAP's keywords, in lower case.
IMAP knows keywords with the names of those four as well, which then mean something else: they are not shown.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

import msgspec

from pillarbox.mail import flags

_SYSTEM: Final = {
    "$answered": flags.ANSWERED,
    "$flagged": flags.FLAGGED,
    "$seen": flags.SEEN,
    "$draft": flags.DRAFT,
}
_MAX_WANTED: Final = flags.MAX_KEYWORDS + len(_SYSTEM)
"""Of one email; with more, none is looked at."""
_OF_SYSTEM: Final = {flag: keyword for keyword, flag in _SYSTEM.items()}


class InvalidKeyword(ValueError):
    """Not a keyword of JMAP: `invalidProperties`. The text says why."""


def keywords(stored: str) -> tuple[str, ...]:
    """The keywords of an email with these flags, as stored; never `\\Deleted` or `\\Recent`."""
    found: dict[str, None] = {}
    for flag in stored.split():
        if flag in _OF_SYSTEM:
            found[_OF_SYSTEM[flag]] = None
        elif not flag.startswith("\\") and flag.lower() not in _SYSTEM:
            found[flag.lower()] = None
    return tuple(found)


def combined(stored: Iterable[str]) -> tuple[str, ...]:
    """The keywords of an email that IMAP shows as several messages, whose flags may differ: all that any has.

    The flags of messages with `\\Deleted`, which JMAP does not see (`is_visible`), should not be among them.
    """
    return tuple(dict.fromkeys(keyword for text in stored for keyword in keywords(text)))


def is_visible(stored: str) -> bool:
    """Whether JMAP sees a message with these flags."""
    return flags.DELETED not in stored


def json_keywords(stored: str) -> bytes:
    """The property `keywords` as JSON: `{"$seen":true}`."""
    # Most messages have one of a few sets of flags; a long one is not worth remembering
    return _cached_json(stored) if len(stored) <= flags.SHORT_TEXT_OCTETS else _json(stored)


def _json(stored: str) -> bytes:
    return msgspec.json.encode(dict.fromkeys(keywords(stored), True))


_cached_json = lru_cache(maxsize=1024)(_json)


def flag_of(keyword: str) -> str:
    """The flag that IMAP has for a keyword, in any letter case. Raises `InvalidKeyword`."""
    lower = keyword.lower()
    if system := _SYSTEM.get(lower):
        return system
    if lower.startswith("\\"):
        raise InvalidKeyword("no backslash is allowed in a keyword")
    try:
        return flags.canonical([lower])
    except (flags.InvalidFlag, flags.TooManyFlags) as error:
        raise InvalidKeyword(str(error)) from None


def flags_of(wanted: Mapping[str, object]) -> str:
    """The stored flags for a property `keywords`, in which each value must be true.

    Raises `InvalidKeyword`, also where there are more than can be stored.
    """
    if any(value is not True for value in wanted.values()):
        raise InvalidKeyword("the value of a keyword is true, or it is not there")
    try:
        if len(wanted) > _MAX_WANTED:
            raise flags.TooManyFlags(f"more than {_MAX_WANTED} keywords")
        return flags.canonical(map(flag_of, wanted))
    except flags.TooManyFlags as error:
        raise InvalidKeyword(str(error)) from None
