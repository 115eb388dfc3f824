"""Words of unstructured text and of phrases: RFC 2047 encoded words where there is no plain form.

Text that is read back is the same, with these exceptions: TAB becomes a space, and a reader may normalize it.
"""

import base64
import re
from typing import Final

from pillarbox.mail.composing.folding import checked

MAX_WORD_OCTETS: Final = 75
"""The longest encoded word (RFC 2047 §2)."""
_MIN_ROOM_OCTETS: Final = 30
_OPEN: Final = "=?utf-8?q?"
_CLOSE: Final = "?="
_FRAME_OCTETS: Final = len(_OPEN) + len(_CLOSE)
_MAX_PLAIN_OCTETS: Final = 500
"""A longer word is encoded: encoded words can be folded."""
_MAX_QUOTED_OCTETS: Final = 60
"""A quoted string is not folded; a longer one is written as encoded words."""

_BEFORE_PHRASE_OCTETS: Final = len("Resent-Reply-To: ")

_GAP: Final = re.compile(r"(?<! ) (?! )")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*")
_TO_ESCAPE: Final = re.compile(r'(["\\])')

# RFC 2047 §5 (3): what may stand for itself in a phrase may do so everywhere
_Q: Final = {
    chr(code): chr(code) if chr(code).isalnum() or chr(code) in "!*+-/" else f"={code:02X}"
    for code in range(128)
} | {" ": "_"}


def text(value: str, used: int) -> list[str]:
    """Words of unstructured text (RFC 5322 §2.2.1). `used`: columns in front of the first.

    Only from the first word that needs it to the last is text encoded: `Re: [list]` stays readable everywhere.
    Raises `NotWritable`.
    """
    value = checked(value).replace("\t", " ")
    if not value:
        return []
    if value[0] == " " or value[-1] == " ":  # readers drop them where they are plain
        return encoded(value, used)
    words = _GAP.split(value)
    needy = [place for place, word in enumerate(words) if not _is_plain(word)]
    if not needy:
        return words
    first, last = needy[0], needy[-1] + 1
    before = " ".join(words[:first])
    if before:
        used = (used + len(before) + 1) % MAX_WORD_OCTETS
    return [*words[:first], *encoded(" ".join(words[first:last]), used), *words[last:]]


def _is_plain(word: str) -> bool:
    return word.isascii() and len(word) <= _MAX_PLAIN_OCTETS and "=?" not in word


def phrase(name: str) -> list[str]:
    """Words of a display name (RFC 5322 §3.2.5): atoms, a quoted string or encoded words. Raises `NotWritable`."""
    name = checked(name).replace("\t", " ").strip(" ")
    if not name:
        return []
    if name.isascii() and "=?" not in name and len(name) <= _MAX_QUOTED_OCTETS:
        return name.split(" ") if _ATOMS.fullmatch(name) else [quoted(name)]
    return encoded(name, _BEFORE_PHRASE_OCTETS)


def quoted(value: str) -> str:
    """A quoted string (RFC 5322 §3.2.4) of text without control characters."""
    return '"{}"'.format(_TO_ESCAPE.sub(r"\\\1", value))


def encoded(value: str, used: int = 0) -> list[str]:
    """Text as encoded words, of which none splits a character. `used`: columns in front of the first."""
    octets = len(value.encode())
    size_q = sum(map(_q_size, value))
    in_base64 = size_q > (octets + 2) // 3 * 4
    room = MAX_WORD_OCTETS - used - _FRAME_OCTETS
    if room < _MIN_ROOM_OCTETS:
        room = MAX_WORD_OCTETS - _FRAME_OCTETS
    words: list[str] = []
    held: list[str] = []
    size = 0
    for character in value:
        more = len(character.encode()) if in_base64 else _q_size(character)
        if size + more > (room // 4 * 3 if in_base64 else room):
            words.append(_word("".join(held), in_base64))
            held, size = [], 0
            room = MAX_WORD_OCTETS - _FRAME_OCTETS
        held.append(character)
        size += more
    words.append(_word("".join(held), in_base64))
    return words


def _q_size(character: str) -> int:
    plain = _Q.get(character)
    return 3 * len(character.encode()) if plain is None else len(plain)


def _word(some: str, in_base64: bool) -> str:
    if in_base64:
        return f"=?utf-8?b?{base64.b64encode(some.encode()).decode('ascii')}?="
    written = [
        _Q[character] if character in _Q else "".join(f"={octet:02X}" for octet in character.encode())
        for character in some
    ]
    return _OPEN + "".join(written) + _CLOSE
