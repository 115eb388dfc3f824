"""What single values of a Card may be (RFC 9553 §1.4, §1.8), as predicates. Each takes any JSON value.

URIs, language tags, media types and names of time zones are looked at for their shape only.
"""

import string
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

MAX_INT: Final = 2**53 - 1
MAX_ID_OCTETS: Final = 255
MAX_PREF: Final = 100
MAX_LANGUAGE_OCTETS: Final = 255
MAX_NAME_OCTETS: Final = 255
"""Of names of vendors, media types, time zones and URI schemes."""

Test = Callable[[Any], bool]

_ALPHANUMERIC: Final = frozenset(string.ascii_letters + string.digits)
_ID: Final = _ALPHANUMERIC | frozenset("-_")
_SCHEME: Final = _ALPHANUMERIC | frozenset("+-.")
_ZONE: Final = _ALPHANUMERIC | frozenset("_+-/")
_MEDIA_TYPE: Final = _ALPHANUMERIC | frozenset("!#$&-^_.+")
_UNKNOWN_NAME: Final = _ALPHANUMERIC | frozenset("@")
_NOT_IN_VENDOR_NAME: Final = frozenset('"/~\x7f') | frozenset(map(chr, range(0x20))) - {"\t"}
_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def text(value: Any) -> bool:
    """A String."""
    return isinstance(value, str)


def filled(value: Any) -> bool:
    """A String that is not empty."""
    return isinstance(value, str) and value != ""


def boolean(value: Any) -> bool:
    """A Boolean."""
    return isinstance(value, bool)


def unsigned(value: Any) -> bool:
    """An UnsignedInt (§1.4.2)."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_INT


def positive(value: Any) -> bool:
    """An UnsignedInt that is not zero: `listAs`."""
    return unsigned(value) and value > 0


def pref(value: Any) -> bool:
    """§1.5.3."""
    return positive(value) and value <= MAX_PREF


def month(value: Any) -> bool:
    """1 to 12."""
    return positive(value) and value <= len(_DAYS)


def day(value: Any) -> bool:
    """1 to 31; whether the month has it, its object says."""
    return positive(value) and value <= max(_DAYS)


def identifier(value: Any) -> bool:
    """An Id (§1.4.1)."""
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_OCTETS and _ID.issuperset(value)


def uri(value: Any) -> bool:
    """A scheme, a colon, and no white space or controls. Letters beyond ASCII are let through: cards have them."""
    if not isinstance(value, str):
        return False
    scheme, colon, rest = value.partition(":")
    if not (
        colon and 0 < len(scheme) <= MAX_NAME_OCTETS and scheme[0].isalpha() and _SCHEME.issuperset(scheme)
    ):
        return False
    return rest.isprintable() and " " not in rest


def geo(value: Any) -> bool:
    """A `geo:` URI (RFC 5870)."""
    return uri(value) and value[:4].lower() == "geo:"


def email_address(value: Any) -> bool:
    """An addr-spec, by its shape: something, an @, something; white space only in a quoted local part."""
    if not isinstance(value, str) or not value.isprintable():
        return False
    local, at, domain = value.rpartition("@")
    if not (at and local and domain) or " " in domain or "<" in domain or ">" in domain:
        return False
    quoted = len(local) > 1 and local[0] == local[-1] == '"'
    return quoted or not any(character in local for character in ' <>"')


def language(value: Any) -> bool:
    """A language tag (RFC 5646): subtags of one to eight letters and digits, of letters the first."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LANGUAGE_OCTETS:
        return False
    first, *others = value.split("-")
    return first.isalpha() and all(
        0 < len(tag) <= 8 and _ALPHANUMERIC.issuperset(tag) for tag in (first, *others)
    )


def script(value: Any) -> bool:
    """A script subtag (RFC 5646 §2.2.3)."""
    return isinstance(value, str) and len(value) == 4 and value.isascii() and value.isalpha()


def country(value: Any) -> bool:
    """An Alpha-2 code."""
    return (
        isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()
    )


def time_zone(value: Any) -> bool:
    """A name such as `Europe/Berlin`."""
    return filled(value) and len(value) <= MAX_NAME_OCTETS and _ZONE.issuperset(value)


def media_type(value: Any) -> bool:
    """`type/subtype`, with parameters perhaps."""
    if not isinstance(value, str) or len(value) > MAX_NAME_OCTETS or not value.isprintable():
        return False
    kind, slash, subtype = value.partition(";")[0].strip().partition("/")
    return bool(slash and kind and subtype) and _MEDIA_TYPE.issuperset(kind + subtype)


def utc_date_time(value: Any) -> bool:
    """A UTCDateTime (§1.4.5)."""
    if not isinstance(value, str) or not value.isascii() or len(value) < 20 or value[-1] != "Z":
        return False
    whole, dot, fraction = value[:-1].partition(".")
    if dot and (not fraction.isdigit() or fraction[-1] == "0"):
        return False
    numbers = (whole[:4], whole[5:7], whole[8:10], whole[11:13], whole[14:16], whole[17:])
    marks = whole[4:5] + whole[7:8] + whole[10:11] + whole[13:14] + whole[16:17]
    if marks != "--T::" or len(whole) != 19 or not all(number.isdigit() for number in numbers):
        return False
    year, month_, day_, hour, minute, second = map(int, numbers)
    return is_day(day_, month_, year) and hour < 24 and minute < 60 and second <= 60


def is_day(number: int, of_month: int, of_year: int | None) -> bool:
    """Whether the calendar has such a day; in some year, where no year is given."""
    if not 1 <= of_month <= 12 or not 1 <= number <= _DAYS[of_month - 1]:
        return False
    leap = of_year is None or (of_year % 4 == 0 and (of_year % 100 != 0 or of_year % 400 == 0))
    return leap or (of_month, number) != (2, 29)


def vendor(value: Any) -> bool:
    """A name or value of a vendor, as `example.com:foo` (§1.8.1)."""
    if not isinstance(value, str) or len(value) > MAX_NAME_OCTETS:
        return False
    prefix, colon, name = value.partition(":")
    if not colon or not name or not _NOT_IN_VENDOR_NAME.isdisjoint(name):
        return False
    return all(_is_label(label) for label in prefix.split("."))


def _is_label(label: str) -> bool:
    if not label or label[0] == "-" or label[-1] == "-":
        return False
    return all(c in _ID and c != "_" if c.isascii() else True for c in label)


def calendar_scale(value: Any) -> bool:
    """The name of a calendar system in lower case, or a vendor's."""
    return vendor(value) or (filled(value) and value == value.lower() and _ID.issuperset(value))


def unknown_name(value: str) -> bool:
    """Whether a property that we do not know may have this name (§1.7.4)."""
    return value != "" and _UNKNOWN_NAME.issuperset(value)


def vcard_name(value: Any) -> bool:
    """A name as RFC 6350 §3.3 has them: letters, digits and hyphens."""
    return jcard_name(value) and "_" not in value


def jcard_name(value: Any) -> bool:
    """As `vcard_name`, and with underscores: names that programs made up have them."""
    return filled(value) and len(value) <= MAX_NAME_OCTETS and _ID.issuperset(value)


class OneOf(Struct, frozen=True):
    """An enumerated value, or a vendor's (§1.7.5)."""

    known: frozenset[str]

    def __call__(self, value: Any) -> bool:
        return isinstance(value, str) and (value in self.known or vendor(value))


def one_of(*values: str) -> OneOf:
    """These, or a vendor's."""
    return OneOf(frozenset(values))
