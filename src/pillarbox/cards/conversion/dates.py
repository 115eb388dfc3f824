"""Dates and times of vCard (RFC 6350 §4.3) as JSContact has them, and back."""

from typing import Any, Final

from pillarbox.cards.scalars import utc_date_time

_MAX_YEAR: Final = 9999
_MAX_HOURS_WEST: Final = 12
_MAX_HOURS_EAST: Final = 14


def to_utc(value: str) -> str | None:
    """A UTCDateTime of a timestamp that is in UTC, in basic or extended form; None for others."""
    date, mark, time = value.partition("T")
    if not mark or time[-1:] != "Z":
        return None
    date, time = date.replace("-", ""), time[:-1].replace(":", "")
    utc = f"{date[:4]}-{date[4:6]}-{date[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}Z"
    return utc if utc_date_time(utc) else None


def from_utc(utc: str) -> str:
    """A timestamp; fractions of a second have no place in it."""
    return f"{utc[:19]}Z".replace("-", "").replace(":", "")


def to_date(value: str) -> dict[str, Any] | None:
    """A PartialDate or Timestamp; None for what they cannot say: a day of any month, local times, texts."""
    if "T" in value:
        utc = to_utc(value)
        return None if utc is None else {"@type": "Timestamp", "utc": utc}
    if value.startswith("---") or not value.replace("-", "").isascii():
        return None
    without_year = value.startswith("--")
    digits = value.removeprefix("--").replace("-", "")
    if not digits.isdigit():
        return None
    if without_year:
        return {"month": int(digits[:2]), "day": int(digits[2:])} if len(digits) == 4 else None
    match len(digits):
        case 8:
            return {"year": int(digits[:4]), "month": int(digits[4:6]), "day": int(digits[6:])}
        case 6 if value[4:5] == "-":
            return {"year": int(digits[:4]), "month": int(digits[4:])}
        case 4:
            return {"year": int(digits)}
    return None


def from_date(date: dict[str, Any]) -> str | None:
    """What `to_date` reads."""
    if date.get("@type") == "Timestamp":
        return from_utc(date["utc"])
    year, month, day = date.get("year"), date.get("month"), date.get("day")
    if year is not None and year > _MAX_YEAR:
        return None
    match (year is not None, month is not None, day is not None):
        case (True, True, True):
            return f"{year:04}{month:02}{day:02}"
        case (True, True, False):
            return f"{year:04}-{month:02}"
        case (True, False, False):
            return f"{year:04}"
        case (False, True, True):
            return f"--{month:02}{day:02}"
    return None


def zone_of_offset(value: str) -> str | None:
    """RFC 9555 §2.8.2: whole hours have names; the sign of the name is the other way round. None for others."""
    digits = value[1:].replace(":", "")
    if (
        value[:1] not in ("+", "-")
        or not digits.isascii()
        or not digits.isdigit()
        or len(digits) not in (2, 4)
    ):
        return None
    hours = int(digits[:2])
    if digits[2:] not in ("", "00") or hours > (_MAX_HOURS_EAST if value[0] == "+" else _MAX_HOURS_WEST):
        return None
    return f"Etc/GMT{'-' if value[0] == '+' else '+'}{hours}" if hours else "Etc/UTC"


def is_offset(value: str) -> bool:
    """Whether a TZ is of type UTC-OFFSET."""
    return value[:1] in ("+", "-") and value[1:].replace(":", "").isdigit()
