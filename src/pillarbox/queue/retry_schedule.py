"""When to try again: soon at first, then at growing intervals, for five days.

Greylisting and restarts are over in minutes, so the first retries come soon. After that the interval grows to what
RFC 5321 §4.5.4.1 asks for (at least 30 minutes), and on to four hours. Intervals are jittered, so that recipients
which failed together are not all retried together.
"""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

RETRY_INTERVALS_MS = (
    1 * MINUTE_MS,
    3 * MINUTE_MS,
    6 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    1 * HOUR_MS,
    2 * HOUR_MS,
    4 * HOUR_MS,
)
"""After the first attempt, the second, ...; the last one repeats."""

DESTINATION_PAUSES_MS = (0, 30_000, 2 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS)
"""How long a destination is paused after so many consecutive failures to reach any of its hosts."""

DELAY_NOTICE_MS = 4 * HOUR_MS
"""When the sender gets a delay DSN (RFC 3461 §6.4 leaves the time to us)."""

JITTER = 0.2
"""The part of an interval that is random."""

LONGEST_MS = round(max(RETRY_INTERVALS_MS) * (1 + JITTER / 2))
"""No retry, lease or pause is for longer."""


def retry_after_ms(attempts: int, chance: float) -> int:
    """How long to wait after attempt number `attempts` (from 1); `chance` is in [0, 1)."""
    return _jittered(RETRY_INTERVALS_MS[min(attempts, len(RETRY_INTERVALS_MS)) - 1], chance)


def destination_pause_ms(failures: int, chance: float) -> int:
    """How long to pause a destination after so many consecutive failures; `chance` is in [0, 1)."""
    return _jittered(DESTINATION_PAUSES_MS[min(failures, len(DESTINATION_PAUSES_MS) - 1)], chance)


def _jittered(interval_ms: int, chance: float) -> int:
    return round(interval_ms * (1 - JITTER / 2 + JITTER * chance))
