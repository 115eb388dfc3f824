"""Counting, and adding up over processes and their replacements."""

from functools import partial

import pytest

from pillarbox.world.shared.metrics import Family, Kind, Metrics, MetricsTable, Sample

LOGINS = Family(
    name="logins", sentence="Logins.", labels=(("protocol", ("imap", "pop3")), ("result", ("ok", "no")))
)
SECONDS = Family(name="seconds", sentence="Time.", kind=Kind.HISTOGRAM, bounds=(0.1, 1.0))
OPEN = Family(name="open", sentence="Open.", kind=Kind.GAUGE)


def table(workers: int = 2) -> MetricsTable:
    return MetricsTable((LOGINS, SECONDS, OPEN), lambda octets: memoryview(bytearray(octets)), workers)


def total(of: MetricsTable, family: Family, *values: str) -> tuple[float, ...]:
    return next(
        sample.numbers for sample in of.totals() if sample.family is family and sample.values == values
    )


def test_all_series_are_there_before_anything_is_counted() -> None:
    assert [(sample.family, sample.values) for sample in table().totals()] == [
        (LOGINS, ("imap", "ok")),
        (LOGINS, ("imap", "no")),
        (LOGINS, ("pop3", "ok")),
        (LOGINS, ("pop3", "no")),
        (SECONDS, ()),
        (OPEN, ()),
    ]
    assert next(iter(table().totals())) == Sample(LOGINS, ("imap", "ok"), (0.0,))


def test_what_processes_count_adds_up() -> None:
    shared = table()
    for seat, number in ((0, 3), (1, 4)):
        metrics = Metrics(shared, seat)
        metrics.count(LOGINS, "imap", "ok").value += number
        metrics.histogram(SECONDS).observe(0.05 * number)
        metrics.histogram(SECONDS).observe(1.0)
        metrics.read(OPEN, partial(int, number))
        metrics.publish()
        metrics.publish()
    assert total(shared, LOGINS, "imap", "ok") == (7,)
    assert total(shared, LOGINS, "pop3", "ok") == (0,)
    *counts, seconds = total(shared, SECONDS)
    assert counts == [0, 4, 0]
    assert seconds == pytest.approx(2.35)
    assert total(shared, OPEN) == (7,)


def test_a_value_on_a_bound_is_below_it_and_a_large_one_above_all() -> None:
    metrics = Metrics()
    for value in (0.1, 1.0, 1.01, 99):
        metrics.histogram(SECONDS).observe(value)
    assert metrics.histogram(SECONDS).counts == [1, 1, 2]
    assert metrics.value(SECONDS) == 4


def test_a_replacement_goes_on_counting_and_begins_its_gauges_anew() -> None:
    shared = table()
    dead = Metrics(shared, 1)
    dead.count(LOGINS, "pop3", "no").value = 5
    dead.read(OPEN, lambda: 9)
    dead.publish()
    replacement = Metrics(shared, 1)
    replacement.count(LOGINS, "pop3", "no").value += 2
    replacement.read(OPEN, lambda: 1)
    replacement.publish()
    assert total(shared, LOGINS, "pop3", "no") == (7,)
    assert total(shared, OPEN) == (1,)


def test_a_series_is_the_same_for_all_who_ask_for_it() -> None:
    metrics = Metrics(table())
    assert metrics.count(LOGINS, "imap", "ok") is metrics.count(LOGINS, "imap", "ok")
    metrics.read(OPEN, lambda: 1)
    metrics.read(OPEN, lambda: 2)
    assert metrics.value(OPEN) == 2
    assert metrics.value(LOGINS, "pop3", "ok") == 0


def test_there_are_no_other_series() -> None:
    with pytest.raises(KeyError):
        Metrics(table()).count(LOGINS, "smtp", "ok")
