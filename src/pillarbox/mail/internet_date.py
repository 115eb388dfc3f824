"""Dates as RFC 3339 writes them, in UTC: `2030-01-01T08:00:00Z`. A time is milliseconds since 1970-01-01T00:00Z."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_MAX_CHARACTERS: Final = 34
"""RFC 4865 §3 has no longer ones."""


def parse(text: str) -> int | None:
    """The time that a date-time with an offset says, or `None`. A leap second is the second after it."""
    upper = text.upper()
    zone = upper[19:20] in ("Z", ".", "+", "-")
    if not (text.isascii() and len(text) <= _MAX_CHARACTERS and upper[10:11] == "T" and zone):
        return None
    leap = upper[17:19] == "60"
    try:
        found = datetime.fromisoformat(f"{upper[:17]}59{upper[19:]}" if leap else upper)
        if found.tzinfo is None:
            return None
        return max((found - _EPOCH) // _MS, 0) + (1000 if leap else 0)
    except (ValueError, OverflowError):
        return None


def written(at_ms: int) -> str:
    """The date-time of this second."""
    return (_EPOCH + timedelta(seconds=at_ms // 1000)).strftime("%Y-%m-%dT%H:%M:%SZ")
