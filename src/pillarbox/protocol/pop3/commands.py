"""POP3 commands as values, and the parser of a command line.

An invalid line is a value as well (`Unknown`, `Malformed`), since it must be answered like any other
(RFC 1939 §3). Nothing here depends on the state of the session.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS, MAX_PASSWORD_OCTETS

MAX_WORD_OCTETS: Final = 100
"""The longest name of a SASL mechanism, and language tag."""

MAX_NUMBER: Final = 2**31 - 1
"""The largest message number and line count that is accepted."""


@dataclass(frozen=True, slots=True)
class Capa:
    """RFC 2449 §5."""


@dataclass(frozen=True, slots=True)
class User:
    """RFC 1939 §7; in UTF-8 by RFC 6856 §2.2."""

    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """RFC 1939 §7: all that follows the first space, further spaces included."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Auth:
    """RFC 5034 §4. `initial` is still base64, or `=` for the empty response."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """A line of a SASL exchange, still base64 (RFC 5034 §4)."""

    line: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stls:
    """RFC 2595 §4."""


@dataclass(frozen=True, slots=True)
class Utf8:
    """RFC 6856 §2.1."""


@dataclass(frozen=True, slots=True)
class Lang:
    """RFC 6856 §3; without a tag, a request for the list."""

    tag: str | None


@dataclass(frozen=True, slots=True)
class Stat:
    """RFC 1939 §5."""


@dataclass(frozen=True, slots=True)
class List:
    """RFC 1939 §5; `None` asks for all messages."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Uidl:
    """RFC 1939 §7; `None` asks for all messages."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Retr:
    """RFC 1939 §5."""

    number: int


@dataclass(frozen=True, slots=True)
class Top:
    """RFC 1939 §7: the header and so many lines of the body."""

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele:
    """RFC 1939 §5."""

    number: int


@dataclass(frozen=True, slots=True)
class Noop:
    """RFC 1939 §5."""


@dataclass(frozen=True, slots=True)
class Rset:
    """RFC 1939 §5."""


@dataclass(frozen=True, slots=True)
class Quit:
    """RFC 1939 §4, §6."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown keyword; it is not repeated to the peer."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A known keyword with invalid arguments."""

    reason: str


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line beyond the limit; its octets were dropped."""


Command = (
    Capa | User | Pass | Auth | Response | Stls | Utf8 | Lang | Stat | List | Uidl | Retr | Top | Dele | Noop
    | Rset | Quit | Unknown | Malformed | TooLong
)  # fmt: skip
"""Everything the machine returns."""


class _Invalid(Exception):
    """The arguments are invalid; the text says why."""


def parse(line: bytes) -> Command:
    """The command of a line without its line end."""
    keyword, space, rest = line.partition(b" ")
    read = _READERS.get(keyword.upper())
    if read is None:
        return Unknown()
    try:
        return read(rest if space else None)
    except _Invalid as invalid:
        return Malformed(str(invalid))


def _alone(command: Command) -> Callable[[bytes | None], Command]:
    def read(rest: bytes | None) -> Command:
        if rest is not None and rest.strip():
            raise _Invalid("No arguments allowed.")
        return command

    return read


def _words(rest: bytes | None, least: int, most: int) -> list[bytes]:
    words = (rest or b"").split()
    if not least <= len(words) <= most:
        raise _Invalid("Missing argument." if len(words) < least else "Too many arguments.")
    return words


def _number(word: bytes, least: int = 1) -> int:
    # RFC 1939 has no grammar for numbers; digits only, so that "+1", "1_0" and "٣" are none.
    if word.isdigit() and len(word) <= 10:
        number = int(word)
        if least <= number <= MAX_NUMBER:
            return number
    raise _Invalid("Invalid message number." if least else "Invalid number of lines.")


def _text(octets: bytes, most: int = MAX_WORD_OCTETS) -> str:
    if len(octets) > most:
        raise _Invalid(f"Argument longer than {most} octets.")
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        # RFC 6856 §2.2: "MUST reject UTF-8 usernames or passwords that fail to comply with" UTF-8
        raise _Invalid("Invalid UTF-8.") from None
    if "\0" in text:
        raise _Invalid("NUL not allowed.")
    return text


def _user(rest: bytes | None) -> Command:
    (word,) = _words(rest, 1, 1)
    return User(_text(word, MAX_IDENTITY_OCTETS))


def _pass(rest: bytes | None) -> Command:
    if not rest:
        raise _Invalid("Missing password.")
    # RFC 1939 §7: "may treat spaces in the argument as part of the password"
    return Pass(_text(rest, MAX_PASSWORD_OCTETS))


def _auth(rest: bytes | None) -> Command:
    mechanism, *initial = _words(rest, 1, 2)
    return Auth(_text(mechanism).upper(), initial[0] if initial else None)


def _lang(rest: bytes | None) -> Command:
    words = _words(rest, 0, 1)
    return Lang(_text(words[0]) if words else None)


def _top(rest: bytes | None) -> Command:
    number, lines = _words(rest, 2, 2)
    return Top(_number(number), _number(lines, least=0))


def _numbered(make: Callable[[int], Command]) -> Callable[[bytes | None], Command]:
    return lambda rest: make(_number(_words(rest, 1, 1)[0]))


def _optionally_numbered(make: Callable[[int | None], Command]) -> Callable[[bytes | None], Command]:
    def read(rest: bytes | None) -> Command:
        words = _words(rest, 0, 1)
        return make(_number(words[0]) if words else None)

    return read


_READERS: Final[dict[bytes, Callable[[bytes | None], Command]]] = {
    b"CAPA": _alone(Capa()),
    b"USER": _user,
    b"PASS": _pass,
    b"AUTH": _auth,
    b"STLS": _alone(Stls()),
    b"UTF8": _alone(Utf8()),
    b"LANG": _lang,
    b"STAT": _alone(Stat()),
    b"LIST": _optionally_numbered(List),
    b"UIDL": _optionally_numbered(Uidl),
    b"RETR": _numbered(Retr),
    b"TOP": _top,
    b"DELE": _numbered(Dele),
    b"NOOP": _alone(Noop()),
    b"RSET": _alone(Rset()),
    b"QUIT": _alone(Quit()),
}
