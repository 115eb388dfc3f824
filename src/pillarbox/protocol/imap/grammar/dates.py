"""Dates as IMAP's commands write them (RFC 9051 §9: date, date-time)."""

import re
from datetime import date
from typing import Final

from pillarbox.protocol.imap.cursor import Cursor, Malformed

_MONTHS: Final = {
    name: number
    for number, name in enumerate(b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), start=1)
}
_DATE_TEXT: Final = rb"(\d{1,2})-([A-Za-z]{3})-(\d{4})"
_DATE: Final = re.compile(rb'"%b"|%b(?=[ )]|\Z)' % (_DATE_TEXT, _DATE_TEXT))
_DATE_TIME: Final = re.compile(
    rb'" ?(\d{1,2})-([A-Za-z]{3})-(\d{4}) ([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60) ([+-])(\d\d)([0-5]\d)"'
)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def day(cursor: Cursor) -> date:
    """RFC 9051 §9, date: a day without a zone."""
    if found := cursor.match(_DATE):
        return _day(*(found.group(1, 2, 3) if found[1] else found.group(4, 5, 6)))
    raise Malformed("Expected a date")


def date_time_ms(cursor: Cursor) -> int:
    """RFC 9051 §9, date-time, as milliseconds since the epoch; its zone is not kept."""
    found = cursor.match(_DATE_TIME)
    if not found:
        raise Malformed("Expected a date and time")
    days = _day(found[1], found[2], found[3]).toordinal() - _EPOCH_DAY
    hour, minute, second, zone_hour, zone_minute = (int(found[place]) for place in (4, 5, 6, 8, 9))
    offset_s = (zone_hour * 60 + zone_minute) * 60
    local_s = ((days * 24 + hour) * 60 + minute) * 60 + second
    return (local_s - (offset_s if found[7] == b"+" else -offset_s)) * 1000


def _day(number: bytes, month: bytes, year: bytes) -> date:
    try:
        return date(int(year), _MONTHS[month.upper()], int(number))
    except (KeyError, ValueError):
        raise Malformed("No such day") from None
