"""Sizes and durations as people write them: `500M`, `5GB`, `2 TiB`; `90d`, `12h`."""

import math
import re
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    Amount = click.ParamType[int]
else:
    Amount = click.ParamType  # generic only in newer releases of click

MAX_OCTETS: Final = 1 << 60
"""More than any disk has; the database could not hold a much larger number."""
MAX_HOURS: Final = 100 * 8766
"""More than anybody waits: a hundred years."""
LARGEST_ID: Final = (1 << 63) - 1
"""The largest number that the database gives."""

_OCTETS: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgt])(?:i?b)?|b)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}
_TIME: Final = re.compile(r"([0-9]+)\s*([hdwy])", re.IGNORECASE)
_HOURS: Final = {"h": 1, "d": 24, "w": 168, "y": 8766}
MS_PER_HOUR: Final = 3_600_000


class Octets(Amount):
    """A quota in octets; K, M, G and T are powers of 1024, `unlimited` is 0."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        text = str(value).strip()
        if text.lower() == "unlimited":
            return 0
        octets = _octets(text)
        if octets == 0 or text == "0":
            self.fail(f"'{text}' is no room at all. For no limit write unlimited.", param, ctx)
        if octets is None and _NUMBER.fullmatch(text):
            self.fail(f"'{text}' has no unit. Write {text}M, {text}G, or unlimited.", param, ctx)
        if octets is None:
            self.fail(f"'{text}' is not a size. Write 500M, 5G, or unlimited.", param, ctx)
        if octets > MAX_OCTETS:
            self.fail(f"'{text}' is more than any disk has. For no limit write unlimited.", param, ctx)
        return math.ceil(octets)


class MessageSize(Amount):
    """The size of a message in octets, as in `Octets`."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        text = str(value).strip()
        octets = _octets(text)
        if octets is None and _NUMBER.fullmatch(text):
            self.fail(f"'{text}' has no unit. Write {text}B, {text}K or {text}M.", param, ctx)
        if octets is None:
            self.fail(f"'{text}' is not a size. Write 500B, 20K or 10M.", param, ctx)
        if octets > MAX_OCTETS:
            self.fail(f"'{text}' is more than any message has.", param, ctx)
        return math.ceil(octets)


class Duration(Amount):
    """A duration in ms, given in hours, days, weeks or years."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        found = _TIME.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"'{value}' is not a duration. Write 12h, 90d, 8w or 1y.", param, ctx)
        hours = float(found[1]) * _HOURS[found[2].lower()]
        if not 1 <= hours <= MAX_HOURS:
            self.fail(f"'{value}' is not from one hour to a hundred years.", param, ctx)
        return int(hours) * MS_PER_HOUR


class Day(click.DateTime):
    """A day of the calendar."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType.convert`."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"'{value}' is not a day. Write 2026-11-30.", param, ctx)


def _octets(text: str) -> float | None:
    """`None`: it is no size with a unit."""
    found = _OCTETS.fullmatch(text)
    return float(found[1]) * 1024 ** _POWERS.get((found[2] or "").lower(), 0) if found else None


def shown(octets: int | None) -> str:
    """A size as text; `None` is no limit."""
    if octets is None:
        return "unlimited"
    amount = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def moment(ms: int) -> str:
    """The UTC date and time, to the minute."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return "unknown date"  # imported mail may have any


def day(ms: int | None) -> str:
    """The UTC date of a time; `None` is never."""
    from datetime import UTC, datetime

    return "never" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
