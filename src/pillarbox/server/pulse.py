"""The pulse of a worker: twice a second it shows that its loop is not held, measures how late it is, and publishes its
metrics.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from pillarbox.world.clock import Clock
from pillarbox.world.shared.metrics import Family, Kind, Metrics

BEAT_S: Final = 0.5
"""How often."""
REMEMBERED_BEATS: Final = 120
"""Beats of which the longest lag is known: a minute."""

LOOP_LAG: Final = Family(
    name="loop_lag_seconds",
    sentence="How late the event loop of a worker was, twice a second.",
    kind=Kind.HISTOGRAM,
    bounds=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


class Pulse:
    """One worker's."""

    def __init__(self, clock: Clock, metrics: Metrics, beat: Callable[[], None]) -> None:
        """`beat` counts a heartbeat."""
        self._clock = clock
        self._metrics = metrics
        self._beat = beat
        self._histogram = metrics.histogram(LOOP_LAG)
        self._lags_s: deque[float] = deque([0.0], maxlen=REMEMBERED_BEATS)

    @property
    def lag_s(self) -> float:
        """How late the loop was at the last beat."""
        return self._lags_s[-1]

    @property
    def longest_lag_s(self) -> float:
        """The longest of the last minute."""
        return max(self._lags_s)

    async def run(self) -> None:
        """Beat, for ever."""
        while True:
            self._beat()
            self._metrics.publish()
            due_s = self._clock.monotonic() + BEAT_S
            await self._clock.sleep(BEAT_S)
            lag_s = max(0.0, self._clock.monotonic() - due_s)
            self._lags_s.append(lag_s)
            self._histogram.observe(lag_s)
