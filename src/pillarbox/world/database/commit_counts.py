"""How many verbs share a transaction, and how long its flush to the disk takes."""

from typing import Final

from pillarbox.world.shared.metrics import Family, Histogram, Kind, Metrics

COMMIT_SECONDS: Final = Family(
    name="commit_seconds",
    sentence="How long it took to make a transaction durable.",
    kind=Kind.HISTOGRAM,
    bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
COMMIT_VERBS: Final = Family(
    name="commit_verbs",
    sentence="Changes that were made durable by one transaction.",
    kind=Kind.HISTOGRAM,
    bounds=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)


class CommitCounts:
    """The counts of one writer."""

    __slots__ = ("seconds", "verbs")

    def __init__(self) -> None:
        self.seconds = Histogram(COMMIT_SECONDS.bounds)
        """Written by the thread that commits, alone."""
        self.verbs = Histogram(COMMIT_VERBS.bounds)

    def publish_in(self, metrics: Metrics) -> None:
        """Have them published with others."""
        metrics.attach(COMMIT_SECONDS, self.seconds)
        metrics.attach(COMMIT_VERBS, self.verbs)
