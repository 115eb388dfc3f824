"""Flags and keywords: their stored form, and changes to it.

The stored form is what IMAP sends between the parentheses of `FLAGS (...)`: flags separated by one space, system
flags first (fixed order, canonical case), then keywords sorted case-insensitively, each spelled as it was first set.
Always true of a stored text `t`:

- `canonical(t.split()) == t`; two messages with the same set of flags have the same text, or texts that
  differ only in the case of a keyword.
- it holds no `\\Recent`, which belongs to a session, not to a message (RFC 3501 §2.3.2).

Flags are compared case-insensitively (RFC 3501 §2.3.2, RFC 9051 §2.3.2).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

ANSWERED: Final = "\\Answered"
FLAGGED: Final = "\\Flagged"
DELETED: Final = "\\Deleted"
SEEN: Final = "\\Seen"
DRAFT: Final = "\\Draft"

SYSTEM_FLAGS: Final = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)
"""In the order in which they are stored and sent (RFC 9051 §2.3.2)."""

MAX_KEYWORDS: Final = 128
"""Keywords of one message."""

MAX_KEYWORD_OCTETS: Final = 255
"""Length of one keyword, the same as in JMAP (RFC 8621 §4.1.1)."""

MAX_TEXT_OCTETS: Final = 1024
"""All flags of one message as stored."""

SHORT_TEXT_OCTETS: Final = 40
"""As long as all system flags together. What is longer has a keyword, and of such texts a mailbox may have a limited
number (`store.flag_texts`): most have few different ones, but each message could have another."""

MAX_KNOWN_OCTETS: Final = 8 * 1024
"""Keywords of a mailbox that are announced, about."""

MAX_READ_OCTETS: Final = 256 * 1024
"""Of the flags that messages have, this much is read for their keywords at a time: some ten milliseconds."""

_SYSTEM: Final = {flag.lower(): (place, flag) for place, flag in enumerate(SYSTEM_FLAGS)}

# RFC 9051 §9: flag-keyword is an atom: no CTL, space, ( ) { % * " \ or ]
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")


_OCTETS: Final = b"!#$&'+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\^_`abcdefghijklmnopqrstuvwxyz|}~ "
"""Of stored texts."""


class InvalidFlag(ValueError):
    """Not a flag that a client may set; answered with BAD."""


class TooManyFlags(ValueError):
    """A limit of this module is exceeded; answered with NO [LIMIT]."""


class KeywordTooLong(TooManyFlags):
    """A keyword is longer than keywords may be, however few there are."""


class MailboxFlagsFull(TooManyFlags):
    """The messages of a mailbox would have too many different sets of flags; answered with NO [LIMIT]."""


def canonical(flags: Iterable[str]) -> str:
    """The stored form of flags given in any order and case, with or without repetitions.

    Raises InvalidFlag (a syntax error, `\\Recent`, or an undefined system flag) and TooManyFlags.
    """
    return _canonical_form(tuple(flags))


def known(flags: Iterable[str]) -> str:
    """The stored form of those flags that can be stored, the first ones where all are too many. Never raises."""
    good: dict[str, None] = {}
    words = octets = 0
    for flag in flags:
        try:
            one = canonical([flag])
        except (InvalidFlag, TooManyFlags):
            continue
        if one in good:
            continue
        words += not one.startswith("\\")
        octets += len(one) + 1
        if words <= MAX_KEYWORDS and octets <= MAX_TEXT_OCTETS:
            good[one] = None
    return canonical(good)


def is_safe(stored: object) -> bool:
    """Whether this is a text, of no other octets than flags have: what a damaged row has may be neither."""
    return isinstance(stored, str) and not stored.encode().translate(None, _OCTETS)


def mended(text: str) -> str:
    """The flags of a damaged text, in canonical order, without words that are none. However many: limits change."""
    good = []
    for flag in text.split(" "):
        try:
            canonical([flag])
        except (InvalidFlag, TooManyFlags):
            continue
        good.append(flag)
    return " ".join([flag for part in _in_order(good) for flag in part])


def shortened(stored: str) -> str:
    """The system flags of a stored text, and as many of its keywords as make no more than `SHORT_TEXT_OCTETS`."""
    kept: list[str] = []
    octets = -1
    for flag in stored.split():
        if octets + 1 + len(flag) <= SHORT_TEXT_OCTETS:
            kept.append(flag)
            octets += 1 + len(flag)
    return " ".join(kept)


def add(stored: str, more: str) -> str:
    """The union of two stored texts; a keyword keeps the spelling it has in the first."""
    return _canonical_form((*stored.split(), *more.split())) if more else stored


def remove(stored: str, less: str) -> str:
    """The flags of the first stored text that are not in the second."""
    gone = less.lower().split()
    return " ".join([flag for flag in stored.split() if flag.lower() not in gone])


def contains(stored: str, flag: str) -> bool:
    """Whether a stored text holds this flag, whatever its case."""
    if known := _SYSTEM.get(flag.lower()):
        return known[1] in stored  # no keyword has a backslash, and no name is part of another
    return f" {flag.lower()} " in f" {stored.lower()} "


def keywords(stored: str) -> tuple[str, ...]:
    """The keywords of a stored text, without the system flags."""
    return tuple(flag for flag in stored.split() if not flag.startswith("\\"))


class Keywords:
    """The keywords that a mailbox knows, each as it was first spelled. Never changed, only replaced.

    At most `MAX_KNOWN_OCTETS`: of a mailbox with very many, some are unknown.
    """

    __slots__ = ("_by_lower", "_room")

    def __init__(self, by_lower: Mapping[str, str]) -> None:
        self._by_lower = by_lower
        self._room = MAX_KNOWN_OCTETS - sum(map(len, by_lower))

    def __len__(self) -> int:
        return len(self._by_lower)

    def __iter__(self) -> Iterator[str]:
        """In the order of stored texts."""
        return iter([self._by_lower[key] for key in sorted(self._by_lower)])

    def __le__(self, other: "Keywords") -> bool:
        """Whether the other has all of these, in any letter case."""
        return self._by_lower.keys() <= other._by_lower.keys()

    def including(self, texts: Iterable[str]) -> "Keywords":
        """These and the keywords of some stored texts; the same value where there are no others."""
        more: dict[str, str] = {}
        to_name, to_read = self._room, MAX_READ_OCTETS
        for text in dict.fromkeys(texts):
            if to_name <= 0 or to_read <= 0:
                break
            to_read -= len(text)
            if text.rpartition(" ")[2].startswith("\\"):  # keywords come last, so there are none
                continue
            for word in keywords(text):
                if (key := word.lower()) not in self._by_lower and key not in more:
                    more[key] = word
                    to_name -= len(key)
        return Keywords({**self._by_lower, **more}) if more else self


NO_KEYWORDS: Final = Keywords({})


def _canonical_form(flags: tuple[str, ...]) -> str:
    # Few sets of flags cover nearly all messages; only small sets are cached
    return _cached_form(flags) if len(flags) <= 12 else _compute_form(flags)


def _compute_form(flags: tuple[str, ...]) -> str:
    system, words = _in_order(flags)
    if len(words) > MAX_KEYWORDS:
        raise TooManyFlags(f"more than {MAX_KEYWORDS} keywords")
    text = " ".join([*system, *words])
    if len(text) > MAX_TEXT_OCTETS:
        raise TooManyFlags(f"flags longer than {MAX_TEXT_OCTETS} octets")
    return text


def _in_order(flags: Iterable[str]) -> tuple[list[str], list[str]]:
    """System flags and keywords, each once."""
    system: dict[int, str] = {}
    words: dict[str, str] = {}
    for flag in flags:
        lower = flag.lower()
        if known := _SYSTEM.get(lower):
            system[known[0]] = known[1]
        else:
            words.setdefault(lower, _keyword(flag))
    return [system[place] for place in sorted(system)], [words[key] for key in sorted(words)]


_cached_form = lru_cache(maxsize=1024)(_compute_form)


def _keyword(flag: str) -> str:
    # RFC 9051 §9: flag-extension is for future standards; a server must not create or store unknown ones
    if flag.startswith("\\"):
        raise InvalidFlag("no such system flag")
    if not _KEYWORD.fullmatch(flag):
        raise InvalidFlag(
            'a keyword has ASCII letters, digits and signs, but no spaces, and none of ( ) { ] % * " \\'
        )
    if len(flag) > MAX_KEYWORD_OCTETS:
        raise KeywordTooLong(f"keyword longer than {MAX_KEYWORD_OCTETS} octets")
    return flag
