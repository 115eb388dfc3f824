"""Dates of messages, parsed leniently and written strictly.

A time is milliseconds since 1970-01-01T00:00Z. Accepted are RFC 5322 §3.3 and its obsolete forms (§4.3: two-digit
years, named zones), the order of C's `asctime`, and ISO 8601, each with comments. An invalid zone is read as UTC and
an invalid time as midnight (RFC 5256 §2.2); without a valid day there is no date.
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from pillarbox.mail.lookup import each_of

MAX_DATE_OCTETS: Final = 256
"""Octets of a Date field that are parsed."""

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NUMBER: Final = {name.lower().encode(): number for number, name in enumerate(MONTHS, 1)}

_NUMBERS: Final = {b"%02d" % number: number for number in range(100)}

_DAY_MS: Final = 86_400_000
_DAY_MINUTES: Final = 1440
_EPOCH: Final = date(1970, 1, 1).toordinal()

# RFC 5322 §4.3: military letters and unknown names are read as UTC
_ZONES: Final = {
    b"edt": -240, b"est": -300, b"cdt": -300, b"cst": -360,
    b"mdt": -360, b"mst": -420, b"pdt": -420, b"pst": -480,
}  # fmt: skip

_TIME = r"(?: [ ,T]+ (?P<hour>\d{1,2}) [:.] (?P<minute>\d\d) (?: [:.] (?P<second>\d\d) (?:[.,]\d+)? )? )?"
_ZONE = r"[ ]* (?P<zone> [+-]\d\d:?\d\d(?!\d) | [A-Za-z]+ )?"
_WEEKDAY = r"(?: [A-Za-z]+ [ ]* [,.]? [ ]* )?"
_MONTH = r"(?P<month>[A-Za-z]{3}) [a-z]*"


# The form of nearly every Date field; same result as the patterns below, but faster
_COMMON = re.compile(
    rb"(?:[A-Z][a-z]{2}, )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d)"
    rb" ([+-])(\d\d)([0-5]\d)(?: \([A-Za-z]+\))?"
).fullmatch


def _pattern(verbose: str) -> re.Pattern[bytes]:
    return re.compile(verbose.encode("ascii"), re.VERBOSE)


_RFC5322 = _pattern(
    rf"{_WEEKDAY} (?P<day>\d{{1,2}}) (?:st|nd|rd|th)? [ -]+ {_MONTH} [ .,-]+ (?P<year>\d{{2,4}})(?!\d)"
    rf"{_TIME} {_ZONE}"
)
_ASCTIME = _pattern(
    rf"{_WEEKDAY} {_MONTH} [ ]+ (?P<day>\d{{1,2}})(?!\d) (?: ,? [ ]+ (?P<year>\d{{4}})(?!\d) )?"
    rf"{_TIME} (?: [ ]+ (?P<late_year>\d{{4}})(?!\d) )? {_ZONE} (?: [ ]+ (?P<last_year>\d{{4}}) )?"
)
_ISO8601 = _pattern(rf"(?P<year>\d{{4}}) - (?P<month>\d\d) - (?P<day>\d\d) {_TIME} {_ZONE}")
_COMMENT = re.compile(rb"\([^()]*\)")
_SPACES = re.compile(rb"[\x00-\x20]+")


class SentDate(NamedTuple):
    """A parsed Date field."""

    at_ms: int
    day: int
    """The day as written, whatever its zone, in days since 1970-01-01: for SENTON (RFC 9051 §6.4.4)."""
    zone_minutes: int = 0
    """How far its zone is to the east of UTC."""


def parse(value: bytes) -> int | None:
    """The time of a Date field, in ms; None if it is not a date."""
    sent = parse_sent(value)
    return sent and sent.at_ms


def parse_sent(value: bytes) -> SentDate | None:
    """The time and the day as written; None where there is no valid day."""
    if common := _COMMON(value):
        return _common_date(common)
    return parse_any(value)


def parse_any(value: bytes) -> SentDate | None:
    """`parse_sent` without its fast path."""
    text = _SPACES.sub(b" ", value[:MAX_DATE_OCTETS])
    while b"(" in text and (shorter := _COMMENT.sub(b" ", text)) != text:
        text = shorter
    text = text.strip()
    found = _RFC5322.match(text) or _ISO8601.match(text) or _ASCTIME.match(text)
    if not found:
        return None
    fields = found.groupdict()
    year = fields["year"] or fields.get("late_year") or fields.get("last_year") or b"0"
    day = _day(year, fields["month"] or b"", fields["day"] or b"0")
    if day is None:
        return None
    zone = _offset_minutes(fields["zone"])
    return SentDate((day * 86_400 + _seconds(fields) - zone * 60) * 1000, day, zone)


def rfc5322(at_ms: int, zone_minutes: int = 0) -> str:
    """A Date field's value, such as `Thu, 15 Feb 2007 01:02:03 +0000`; in UTC, or in a zone so far to the east."""
    day, ms = divmod(at_ms + zone_minutes * 60_000, _DAY_MS)
    weekday = DAYS[(day + 3) % 7]
    hours, minutes = divmod(abs(zone_minutes), 60)
    sign = "-" if zone_minutes < 0 else "+"
    return f"{weekday}, {_day_text(day, ' ')} {_clock(ms)} {sign}{hours:02d}{minutes:02d}"


def rfc3339(at_ms: int, zone_minutes: int = 0) -> str:
    """A time in whole seconds as JSON has it (RFC 3339 §5.6): `2014-10-30T14:12:00+08:00`, or `Z` for UTC.

    A zone of a day or more, which that form does not have, is written as UTC.
    """
    if not -_DAY_MINUTES < zone_minutes < _DAY_MINUTES:
        zone_minutes = 0
    day, ms = divmod(at_ms + zone_minutes * 60_000, _DAY_MS)
    if not zone_minutes:
        return f"{_day_iso(day)}T{_clock(ms)}Z"
    hours, minutes = divmod(abs(zone_minutes), 60)
    return f"{_day_iso(day)}T{_clock(ms)}{'-' if zone_minutes < 0 else '+'}{hours:02d}:{minutes:02d}"


@lru_cache(maxsize=1024)
def _day_iso(day: int) -> str:
    return date.fromordinal(min(max(day + _EPOCH, 1), date.max.toordinal())).isoformat()


def imap_date_time(at_ms: int) -> bytes:
    """INTERNALDATE in its quotes, in UTC: `"17-Jul-1996 02:44:25 +0000"` (RFC 9051 §9, date-time)."""
    day, ms = divmod(at_ms, _DAY_MS)
    return f'"{_day_text(day, "-"):>11} {_clock(ms)} +0000"'.encode("ascii")


def imap_date_times(times_s: Sequence[int]) -> Sequence[bytes]:
    """`imap_date_time` of many times, in seconds since the epoch: for the listing of a whole mailbox."""
    try:
        return each_of(_SECONDS_SHOWN, times_s)  # clients list the same messages again
    except KeyError:
        shown = {at: _SECONDS_SHOWN.get(at) or _second_octets(at) for at in set(times_s)}
    if len(_SECONDS_SHOWN) > _MAX_SECONDS_SHOWN:
        _SECONDS_SHOWN.clear()
    _SECONDS_SHOWN.update(shown)
    return each_of(shown, times_s)


def _second_octets(at: int) -> bytes:
    minute, second = divmod(at, 60)
    day, minute = divmod(minute, 24 * 60)
    return _day_octets(day) + _MINUTES[minute] + _SECONDS[second]


_MAX_SECONDS_SHOWN: Final = 4096
_SECONDS_SHOWN: Final[dict[int, bytes]] = {}
_MINUTES = tuple(b"%02d:%02d:" % divmod(minute, 60) for minute in range(24 * 60))
_SECONDS = tuple(b'%02d +0000"' % second for second in range(60))


@lru_cache(maxsize=8192)
def _day_octets(day: int) -> bytes:
    return f'"{_day_text(day, "-"):>11} '.encode("ascii")


@lru_cache(maxsize=1024)
def _day_text(day: int, between: str) -> str:
    # Clamped to the days that a four-digit year can express
    then = date.fromordinal(min(max(day + _EPOCH, 1), date.max.toordinal()))
    return f"{then.day}{between}{MONTHS[then.month - 1]}{between}{then.year:04d}"


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def _common_date(found: re.Match[bytes]) -> SentDate | None:
    day, month, year, hour, minute, second, sign, zone_hour, zone_minute = found.groups()
    number = _day(year, month, day)
    if number is None:
        return None
    zone = _NUMBERS[zone_hour] * 60 + _NUMBERS[zone_minute]
    if sign == b"-":
        zone = -zone
    seconds = _NUMBERS[hour] * 3600 + _NUMBERS[minute] * 60 + _NUMBERS[second] - zone * 60
    return SentDate((number * 86_400 + seconds) * 1000, number, zone)


@lru_cache(maxsize=1024)
def _day(year: bytes, month: bytes, day: bytes) -> int | None:
    number = int(month) if month.isdigit() else _MONTH_NUMBER.get(month.lower(), 0)
    try:
        return date(_full_year(year), number, int(day)).toordinal() - _EPOCH
    except ValueError:
        return None


def _full_year(digits: bytes) -> int:
    # RFC 5322 §4.3: 00 to 49 are 2000 and on, other two and all three-digit years count from 1900
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def _seconds(fields: dict[str, bytes | None]) -> int:
    hour, minute, second = (int(fields[name] or 0) for name in ("hour", "minute", "second"))
    return hour * 3600 + minute * 60 + second if hour < 24 and minute < 60 and second <= 60 else 0


def _offset_minutes(zone: bytes | None) -> int:
    if zone is None or zone[:1].isalpha():
        return _ZONES.get((zone or b"").lower(), 0)
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if minutes >= 60:
        return 0
    return (hours * 60 + minutes) * (-1 if zone.startswith(b"-") else 1)
