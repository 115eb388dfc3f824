"""The table of metrics is complete, and its names are as Prometheus has them."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pillarbox
from pillarbox.app.metrics import FAMILIES
from pillarbox.server.metrics import service
from pillarbox.world.shared.metrics import Family, Kind

MAX_SERIES = 100
"""Of one family: labels are bounded."""


def all_families() -> Iterator[tuple[str, Family]]:
    for module in pkgutil.walk_packages(pillarbox.__path__, "pillarbox."):
        if module.name.endswith(("__main__", "pytest_plugin")):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, Family):
                yield f"{module.name}.{name}", value


def test_every_family_is_published_by_workers_or_made_when_it_is_asked_for() -> None:
    made_when_asked = {value for value in vars(service).values() if isinstance(value, Family)}
    missing = [name for name, family in all_families() if family not in {*FAMILIES, *made_when_asked}]
    assert missing == []


def test_families_are_named_and_bounded_as_they_should() -> None:
    for where, family in all_families():
        assert re.fullmatch("[a-z]+(_[a-z]+)*", family.name), where
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket")), where
        assert family.sentence.endswith("."), where
        assert 1 <= len(family.series) <= MAX_SERIES, where
        assert list(family.bounds) == sorted(set(family.bounds)), where
        assert bool(family.bounds) == (family.kind is Kind.HISTOGRAM), where


def test_no_two_families_share_a_name() -> None:
    names = [family.name for family in {family for _, family in all_families()}]
    assert len(names) == len(set(names))
