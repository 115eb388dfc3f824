"""Sizes and durations as people write them: `500M`, `5GB`, `2 TiB`; `90d`, `12h`."""

import re
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    Amount = click.ParamType[int]
else:
    Amount = click.ParamType  # generic only in newer releases of click

_OCTETS: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_TIME: Final = re.compile(r"(\d+)\s*([hdwy])", re.IGNORECASE)
_HOURS: Final = {"h": 1, "d": 24, "w": 168, "y": 8766}
MS_PER_HOUR: Final = 3_600_000


class Octets(Amount):
    """A size in octets; K, M, G and T are powers of 1024, `unlimited` is 0."""

    name = "SIZE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        text = str(value).strip()
        if text.lower() == "unlimited":
            return 0
        found = _OCTETS.fullmatch(text)
        if found is None:
            self.fail(f"'{text}' is not a size. Write 500M, 5G, or unlimited.", param, ctx)
        return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


class Duration(Amount):
    """A duration in ms, given in hours, days, weeks or years."""

    name = "TIME"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        found = _TIME.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"'{value}' is not a duration. Write 12h, 90d, 8w or 1y.", param, ctx)
        return int(found[1]) * _HOURS[found[2].lower()] * MS_PER_HOUR


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


def day(ms: int | None) -> str:
    """The UTC date of a time; `None` is never."""
    from datetime import UTC, datetime

    return "never" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d")
