"""A Date of JMAP as the value of a header field (RFC 8620 §1.4, RFC 5322 §3.3)."""

import re
from datetime import date
from typing import Final

from pillarbox.mail.composing.folding import NotWritable
from pillarbox.mail.date import rfc5322

_DATE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH: Final = date(1970, 1, 1).toordinal()


def field_date(value: str) -> str:
    """`Thu, 30 Oct 2014 14:12:00 +0800` for `2014-10-30T14:12:00+08:00`. Raises `NotWritable`."""
    if not (found := _DATE.fullmatch(value)):
        raise NotWritable("not a Date of JMAP, such as 2014-10-30T14:12:00+08:00")
    year, month, day, hour, minute, second = (int(found[n]) for n in range(1, 7))
    zone = int(found[8] or 0) * 60 + int(found[9] or 0)
    if hour > 23 or minute > 59 or second > 60 or zone >= 24 * 60 or int(found[9] or 0) > 59:
        raise NotWritable("not a time of the day")
    zone = -zone if found[7] == "-" else zone
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        raise NotWritable("not a day of the calendar") from None
    at_s = ((days * 24 + hour) * 60 + minute - zone) * 60 + second
    return rfc5322(at_s * 1000, zone)
