"""Samples as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families as parsed

from pillarbox.server.metrics.exposition import exposition
from pillarbox.world.shared.metrics import Family, Kind, Sample

LOGINS = Family(name="logins", sentence="Logins.", labels=(("protocol", ("imap",)), ("result", ("ok", "no"))))
SECONDS = Family(name="seconds", sentence="Time.", kind=Kind.HISTOGRAM, bounds=(0.5, 10))
OPEN = Family(name="open", sentence="Open.", kind=Kind.GAUGE)
SAMPLES = [
    Sample(LOGINS, ("imap", "ok"), (7,)),
    Sample(LOGINS, ("imap", "no"), (0,)),
    Sample(SECONDS, (), (2, 3, 1, 99.5)),
    Sample(OPEN, (), (4,)),
]


def test_it_is_read_as_what_it_was() -> None:
    text, kind = exposition(SAMPLES, "")
    assert kind.startswith("text/plain")
    families = {family.name: family for family in parsed(text.decode())}
    assert {name: family.type for name, family in families.items()} == {
        "pillarbox_logins": "counter",
        "pillarbox_seconds": "histogram",
        "pillarbox_open": "gauge",
    }
    assert [(sample.labels, sample.value) for sample in families["pillarbox_logins"].samples] == [
        ({"protocol": "imap", "result": "ok"}, 7),
        ({"protocol": "imap", "result": "no"}, 0),
    ]
    seconds = [
        (sample.name, sample.labels.get("le"), sample.value)
        for sample in families["pillarbox_seconds"].samples
    ]
    assert seconds == [
        ("pillarbox_seconds_bucket", "0.5", 2),
        ("pillarbox_seconds_bucket", "10", 5),
        ("pillarbox_seconds_bucket", "+Inf", 6),
        ("pillarbox_seconds_count", None, 6),
        ("pillarbox_seconds_sum", None, 99.5),
    ]


def test_a_collector_may_prefer_openmetrics() -> None:
    text, kind = exposition(SAMPLES, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_nothing_is_kept_between_two_answers() -> None:
    assert exposition(SAMPLES, "") == exposition(SAMPLES, "")
    assert exposition([], "")[0] == b""
