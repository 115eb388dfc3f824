"""Samples in Prometheus' text format, or in OpenMetrics' where the collector prefers it.

`prometheus_client` writes the format, from numbers that are ours: no state of its own is used. It is loaded when first
asked for; call it in a thread.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from pillarbox.world.shared.metrics import PREFIX, Kind, Sample


def exposition(samples: Iterable[Sample], accept: str) -> tuple[bytes, str]:
    """The text and its media type; samples of one family stand together."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(samples))
    write, kind = choose_encoder(accept)
    return write(registry), kind


class _Collector:
    """The samples as the library's families (a `prometheus_client.registry.Collector`)."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def describe(self) -> Iterable[Any]:
        return ()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        kinds = {
            Kind.COUNTER: CounterMetricFamily,
            Kind.GAUGE: GaugeMetricFamily,
            Kind.HISTOGRAM: HistogramMetricFamily,
        }
        family, metric = None, None
        for sample in self._samples:
            if sample.family is not family:
                if metric is not None:
                    yield metric
                family = sample.family
                labels = [name for name, _ in family.labels]
                metric = kinds[family.kind](f"{PREFIX}{family.name}", family.sentence, labels=labels)
            assert metric is not None, "the first sample begins a family"
            _add(metric, sample)
        if metric is not None:
            yield metric


def _add(metric: Any, sample: Sample) -> None:
    if sample.family.kind is not Kind.HISTOGRAM:
        metric.add_metric(sample.values, sample.numbers[0])
        return
    *counts, total = sample.numbers
    bounds = (*(f"{bound:g}" for bound in sample.family.bounds), "+Inf")
    metric.add_metric(sample.values, list(zip(bounds, accumulate(counts), strict=True)), sum_value=total)
