"""Metrics: what a server has done, as numbers, over all workers and through their replacement.

A `Family` is a metric with its labels and all their values, so the series of a server are known before it starts. What
counts holds a `Count` or a `Histogram` and adds to a plain number: no lock, no look-up. `publish` copies the numbers of
a process to its seat in shared memory, twice a second; whoever is asked adds up the seats. A worker that replaces
another one goes on counting from what it finds in its seat.

What is always true: a counter of the sum never falls; a series that is in no family does not exist.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Final

PREFIX: Final = "pillarbox_"


class Kind(Enum):
    """What a metric is; the value is Prometheus' word for it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """A metric. Names are as Prometheus' conventions have them: base units, and no `_total`, which is added."""

    name: str
    sentence: str
    kind: Kind = Kind.COUNTER
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each label's name, and all its values."""
    bounds: tuple[float, ...] = ()
    """Of a histogram: the upper bounds of its buckets but the last, which has none."""

    @property
    def series(self) -> list[tuple[str, ...]]:
        """The values of the labels, of each series."""
        return list(product(*(values for _, values in self.labels)))

    @property
    def cells(self) -> int:
        """How many numbers a series has: a histogram one for each bucket, and the sum."""
        return len(self.bounds) + 2 if self.kind is Kind.HISTOGRAM else 1


class Count:
    """A number that only rises: `count.value += 1`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def numbers(self) -> Sequence[float]:
        """For the table."""
        return (self.value,)


class Histogram:
    """How often a value was how large."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """One more of this value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def numbers(self) -> Sequence[float]:
        """For the table."""
        return (*self.counts, self.total)


class _Reading:
    """A number that is kept elsewhere."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read

    def numbers(self) -> Sequence[float]:
        return (self.read(),)


@dataclass(frozen=True, slots=True)
class Sample:
    """A series: its family, the values of its labels, and its numbers."""

    family: Family
    values: tuple[str, ...]
    numbers: tuple[float, ...]


class MetricsTable:
    """The numbers of all processes."""

    def __init__(self, families: Sequence[Family], memory: Callable[[int], memoryview], workers: int) -> None:
        """`memory`: makes shared memory of so many octets."""
        self.families = tuple(families)
        self._place: dict[tuple[Family, tuple[str, ...]], int] = {}
        self._width = 0
        for family in families:
            for values in family.series:
                self._place[family, values] = self._width
                self._width += family.cells
        self._workers = workers
        self._cells = memory(max(8, 8 * self._width * workers)).cast("d")

    def place(self, seat: int, family: Family, values: tuple[str, ...]) -> int:
        """Where the numbers of a series begin. Raises KeyError where there is no such series."""
        return seat * self._width + self._place[family, values]

    def read(self, place: int, cells: int) -> Sequence[float]:
        """The numbers from a place on."""
        return self._cells[place : place + cells].tolist()

    def write(self, place: int, numbers: Sequence[float]) -> None:
        """Write numbers from a place on."""
        cells = self._cells
        for number in numbers:
            cells[place] = number
            place += 1

    def totals(self) -> Iterator[Sample]:
        """Every series, added up over the workers."""
        for (family, values), place in self._place.items():
            seats = (self.read(place + seat * self._width, family.cells) for seat in range(self._workers))
            yield Sample(family, values, tuple(map(sum, zip(*seats, strict=True))))


class Metrics:
    """The numbers of one process."""

    def __init__(self, table: MetricsTable | None = None, seat: int = 0) -> None:
        """Without a `table` nobody else sees them: for tests."""
        self.table = table
        self._seat = seat
        self._sources: dict[tuple[Family, tuple[str, ...]], Count | Histogram | _Reading] = {}
        self._written: dict[int, Sequence[float]] = {}
        """What was published last, by place."""
        self._published: list[tuple[int, Sequence[float], Count | Histogram | _Reading]] = []

    def count(self, family: Family, *values: str) -> Count:
        """The counter of a series, always the same."""
        source = self._sources.get((family, values))
        if source is None:
            source = Count()
            self._add(family, values, source)
        assert isinstance(source, Count), "a series has one kind"
        return source

    def histogram(self, family: Family, *values: str) -> Histogram:
        """The histogram of a series, always the same."""
        source = self._sources.get((family, values))
        if source is None:
            source = Histogram(family.bounds)
            self._add(family, values, source)
        assert isinstance(source, Histogram), "a series has one kind"
        return source

    def attach(self, family: Family, histogram: Histogram, *values: str) -> None:
        """Have a histogram published that was made elsewhere."""
        self._add(family, values, histogram)

    def read(self, family: Family, read: Callable[[], float], *values: str) -> None:
        """Have a series read from where it is kept."""
        source = self._sources.get((family, values))
        if source is None:
            self._add(family, values, _Reading(read))
        else:
            assert isinstance(source, _Reading), "a series has one kind"
            source.read = read

    def value(self, family: Family, *values: str) -> float:
        """What this process has counted; of a histogram, how many values."""
        source = self._sources.get((family, values))
        if source is None:
            return 0
        numbers = source.numbers()
        return sum(numbers[:-1]) if isinstance(source, Histogram) else numbers[0]

    def publish(self) -> None:
        """Have all processes see the numbers as they are now."""
        if self.table is None:
            return
        for place, before, source in self._published:
            numbers = source.numbers()
            if self._written.get(place) == numbers:
                continue  # most have not changed
            self._written[place] = numbers
            self.table.write(place, [*map(sum, zip(before, numbers, strict=True))] if before else numbers)

    def _add(self, family: Family, values: tuple[str, ...], source: Count | Histogram | _Reading) -> None:
        self._sources[family, values] = source
        if self.table is not None:
            place = self.table.place(self._seat, family, values)
            before = () if family.kind is Kind.GAUGE else tuple(self.table.read(place, family.cells))
            self._published.append((place, before if any(before) else (), source))
