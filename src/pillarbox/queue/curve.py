"""When to try again: quick at first, then ever more patiently, for five days.

Greylisting and restarts are over in minutes, so the first retries come soon. After that the
interval grows to what RFC 5321 §4.5.4.1 asks for (at least 30 minutes), and on to four hours. A part of each
interval is left to chance, so that what failed together does not come back together.
"""

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

INTERVALS_MS = (
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

CLOSED_MS = (0, 30_000, 2 * MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS)
"""How long a destination is left alone after so many failures in a row to reach any of its hosts."""

DELAY_NOTICE_MS = 4 * HOUR_MS
"""When the sender is first told that delivery takes longer (RFC 3461 §6.4 leaves the time to us)."""

SPREAD = 0.2
"""The part of an interval that is left to chance."""


def retry_after_ms(attempts: int, chance: float) -> int:
    """How long to wait after the `attempts`-th attempt (from 1); `chance` is in [0, 1)."""
    interval = INTERVALS_MS[min(attempts, len(INTERVALS_MS)) - 1]
    return round(interval * (1 - SPREAD / 2 + SPREAD * chance))


def closed_for_ms(failures: int, chance: float) -> int:
    """How long to leave a destination alone after so many failures in a row."""
    return round(CLOSED_MS[min(failures, len(CLOSED_MS) - 1)] * (1 - SPREAD / 2 + SPREAD * chance))
