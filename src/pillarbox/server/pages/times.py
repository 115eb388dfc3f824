"""Times in words. No page knows where its reader is, so what was lately is told by how long ago it was, and the rest in
UTC."""

from datetime import UTC, datetime
from typing import Final

from pillarbox.server.pages.words import Words

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def when(at_ms: int, *, now_ms: int, words: Words) -> str:
    """How long ago that was, or its day; a day for what is to come."""
    ago = now_ms - at_ms
    if ago < 0 or ago >= DAY_MS:
        return day(at_ms, words)
    if ago < MINUTE_MS:
        return words("time.now")
    if ago < HOUR_MS:
        minutes = ago // MINUTE_MS
        return words("time.minute" if minutes == 1 else "time.minutes", number=minutes)
    hours = ago // HOUR_MS
    return words("time.hour" if hours == 1 else "time.hours", number=hours)


def day(at_ms: int, words: Words) -> str:
    """The day, in UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    month = words("time.months").split()[at.month - 1]
    return words("time.day", day=at.day, month=month, year=at.year)


def exactly(at_ms: int, words: Words) -> str:
    """The day and the minute, in UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return words("time.exactly", day=day(at_ms, words), time=f"{at.hour:02}:{at.minute:02}")
