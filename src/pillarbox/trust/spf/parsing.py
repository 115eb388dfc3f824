"""An SPF record's text (RFC 7208 §4.5, §4.6.1, §5, §6) to a `Record`, or to all that is wrong with it.

A record with any mistake is no record (§4.6): so it is parsed whole before anything is asked.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from pillarbox.trust.results import Result
from pillarbox.trust.spf.breadth import permits_everybody
from pillarbox.trust.spf.macros import TEXT_LETTERS, InvalidMacro, MacroString, parse_domain, parse_string
from pillarbox.trust.spf.record import (
    A,
    All,
    Directive,
    Exists,
    Include,
    Mechanism,
    Mistake,
    Mx,
    Network,
    Ptr,
    Record,
)

MAX_RECORD_OCTETS: Final = 8192
"""The longest that are published list some hundred networks; §3.4 recommends 450 octets."""
MAX_TERMS: Final = 512
MAX_MISTAKES: Final = 20
"""What is told of one record."""

_REMEMBERED: Final = 256
"""Records whose values are kept, where they are ..."""
_REMEMBERED_OCTETS: Final = 512
"""... as short as this, so that all of them have some megabytes at most."""
_MAX_SHOWN_TERM: Final = 60

_VERSION: Final = "v=spf1"
_QUALIFIERS: Final = {"+": Result.PASS, "-": Result.FAIL, "~": Result.SOFTFAIL, "?": Result.NEUTRAL}
_TERM: Final = re.compile(r"[^ ]++")
_NAME: Final = re.compile(r"([+\-~?]?)([A-Za-z][A-Za-z0-9\-_.]*+)")
_HIDDEN: Final = re.compile(r"[^!-~]")
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}")


class _Invalid(ValueError):
    """Why a term is invalid."""


def is_record(octets: bytes) -> bool:
    """Whether a TXT record is an SPF record (§4.5): the version is the whole first word, in any case."""
    return octets[:6].lower() == b"v=spf1" and octets[6:7] in (b"", b" ")


def parse(text: str) -> Record | tuple[Mistake, ...]:
    """The record, or its mistakes in their order; never an error."""
    return _remembered(text) if len(text) <= _REMEMBERED_OCTETS else _parse(text)


def _parse(text: str) -> Record | tuple[Mistake, ...]:
    if len(text) > MAX_RECORD_OCTETS:
        return (Mistake(MAX_RECORD_OCTETS, "", f"record longer than {MAX_RECORD_OCTETS} octets"),)
    first, _, _ = text.partition(" ")
    if first.lower() != _VERSION:
        return (Mistake(0, _shown(first), f"not an SPF record: it does not begin with {_VERSION}"),)
    terms = list(_TERM.finditer(text, len(_VERSION)))
    if len(terms) > MAX_TERMS:
        return (Mistake(terms[MAX_TERMS].start(), "", f"more than {MAX_TERMS} terms"),)
    reading = _Reading()
    for term in terms:
        try:
            reading.term(term[0])
        except _Invalid as invalid:
            reading.mistakes.append(Mistake(term.start(), _shown(term[0]), str(invalid)))
            if len(reading.mistakes) == MAX_MISTAKES:
                break
    return tuple(reading.mistakes) or reading.record()


_remembered = lru_cache(maxsize=_REMEMBERED)(_parse)


class _Reading:
    """The terms so far."""

    def __init__(self) -> None:
        self.mistakes = list[Mistake]()
        self._directives = list[Directive]()
        self._known = dict[str, MacroString]()
        self._unknown = list[str]()

    def record(self) -> Record:
        directives = tuple(self._directives)
        return Record(
            directives,
            self._known.get("redirect"),
            self._known.get("exp"),
            tuple(self._unknown),
            permits_everybody(directives),
        )

    def term(self, text: str) -> None:
        """A directive or a modifier (§4.6.1). Raises `_Invalid`."""
        found = _NAME.match(text)
        if not found:
            raise _Invalid("neither a mechanism nor a modifier")
        qualifier, name = found.groups()
        rest = text[found.end() :]
        if not rest.startswith("="):
            result = _QUALIFIERS[qualifier or "+"]
            self._directives.append(Directive(result, _mechanism(name.lower(), rest), text))
        elif qualifier:
            raise _Invalid("a modifier has no qualifier")
        else:
            self._modifier(name.lower(), rest[1:])

    def _modifier(self, name: str, value: str) -> None:
        if name not in ("redirect", "exp"):
            try:
                parse_string(value, TEXT_LETTERS)
            except InvalidMacro as invalid:
                raise _Invalid(invalid.reason) from None
            self._unknown.append(name)
        elif name in self._known:
            raise _Invalid(f"{name} for the second time")
        else:
            self._known[name] = _domain(value)


def _mechanism(name: str, rest: str) -> Mechanism:
    """`rest`: what is behind the name."""
    match name:
        case "all":
            if rest:
                raise _Invalid("all stands alone")
            return All()
        case "include":
            return Include(_domain(_argument(rest)))
        case "exists":
            return Exists(_domain(_argument(rest)))
        case "ptr":
            return Ptr(_domain(_argument(rest)) if rest else None)
        case "a" | "mx":
            domain, prefix4, prefix6 = _hosts(rest)
            return (A if name == "a" else Mx)(domain, prefix4, prefix6)
        case "ip4" | "ip6":
            return _network(name, _argument(rest))
        case _:
            raise _Invalid(f"no mechanism {_shown(name)}")


def _argument(rest: str) -> str:
    if not rest:
        raise _Invalid("what follows the colon is missing")
    if not rest.startswith(":"):
        raise _Invalid("a colon has to follow the name")
    return rest[1:]


def _domain(text: str) -> MacroString:
    try:
        return parse_domain(text)
    except InvalidMacro as invalid:
        raise _Invalid(invalid.reason) from None


def _hosts(rest: str) -> tuple[MacroString | None, int, int]:
    """`[ ":" domain-spec ] [ dual-cidr-length ]` (§5.3). A domain-spec may have slashes: lengths are at the end."""
    prefix4, prefix6 = 32, 128
    before, slashes, digits = rest.rpartition("//")
    if slashes and _is_number(digits):
        rest, prefix6 = before, _prefix(digits, 128)
    before, slash, digits = rest.rpartition("/")
    if slash and _is_number(digits):
        rest, prefix4 = before, _prefix(digits, 32)
    return _domain(_argument(rest)) if rest else None, prefix4, prefix6


def _network(name: str, argument: str) -> Network:
    address, slash, digits = argument.partition("/")
    version, width = (4, 32) if name == "ip4" else (6, 128)
    prefix = _prefix(digits, width) if slash else width
    try:
        if "%" in address:
            raise AddressValueError(address)  # a zone is of one machine only
        number = int(IPv4Address(address) if version == 4 else IPv6Address(address))
    except AddressValueError:
        raise _Invalid(f"not an IPv{version} address") from None
    return Network(version, number >> width - prefix, width - prefix)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _prefix(digits: str, width: int) -> int:
    if not _PREFIX.fullmatch(digits) or int(digits) > width:
        raise _Invalid(f"not a prefix length from 0 to {width}")
    return int(digits)


def _shown(text: str) -> str:
    shown = _HIDDEN.sub("?", text[:_MAX_SHOWN_TERM])
    return f"{shown}..." if len(text) > _MAX_SHOWN_TERM else shown
