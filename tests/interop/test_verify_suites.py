"""Public test suites, asked through `pillarbox verify` and a name server that others wrote (nsd).

nsd cannot be silent on purpose: where a suite says that a look-up times out, its answer is SERVFAIL.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from pillarbox.dns import Failure, Kind, Record
from tests.interop.nsd import nsd
from tests.interop.verifying import BROKEN, Verify, verify, zone_text
from tests.kit import spf_suite
from tests.kit.asking import Zone
from tests.kit.paths import VECTORS

pytestmark = pytest.mark.interop

ARC = VECTORS / "arc" / "arc-draft-validation-tests.yml"
SUFFIXES = VECTORS / "psl" / "tests.txt"
SCENARIOS = [
    (name, list(cases))
    for name, cases in groupby(spf_suite.cases(), key=lambda case: case.name.partition(":")[0])
]


@pytest.fixture(scope="module")
def process() -> Iterator[Verify]:
    with verify() as running:
        yield running


def zones(zone: Zone) -> dict[str, str]:
    """The zones of nsd. A name whose look-up fails is a zone that cannot be loaded, unless it has a text."""
    given: dict[tuple[str, Kind], Sequence[Record]] = {
        key: found
        for key, found in zone.items()
        if not isinstance(found, Failure) and isinstance(found, Sequence)
    }
    silent = {
        name
        for (name, kind), found in zone.items()
        if isinstance(found, Failure) and kind is Kind.TXT and (name, Kind.TXT) not in given
    }
    found = dict.fromkeys(silent, BROKEN)
    below = {name for name, _ in given if any(name.endswith(f".{each}") for each in silent)}
    for name in below:
        found[name] = zone_text({key: records for key, records in given.items() if key[0] == name})
    rest = {key: records for key, records in given.items() if key[0] not in below | silent}
    return {**found, ".": zone_text(rest)}


@pytest.mark.rfc("7208 §4", "MUST")
@pytest.mark.skipif(not SCENARIOS, reason=f"no test suite at {spf_suite.SUITE}")
@pytest.mark.parametrize(("name", "cases"), SCENARIOS, ids=[name for name, _ in SCENARIOS])
def test_spf(process: Verify, name: str, cases: list[spf_suite.Case], tmp_path: Path) -> None:
    wrong = []
    with nsd(tmp_path / "dns", zones(cases[0].zone)) as process.port:
        for case in cases:
            sender = f"{case.mail_from.local}@{case.mail_from.domain}" if case.mail_from else ""
            answer = process.ask(op="spf", ip=str(case.ip), helo=case.helo, mail_from=sender)
            explained = case.explanation in (None, answer["explanation"])
            if answer["result"] not in case.results or not explained:
                wrong.append((case.name, case.results, case.explanation, answer))
    assert wrong == []


def chains() -> list[Any]:
    return list(yaml.safe_load_all(ARC.read_text())) if ARC.is_file() else []


@pytest.mark.rfc("8617 §5.2", "MUST")
@pytest.mark.skipif(not ARC.is_file(), reason=f"no test suite at {ARC}")
def test_arc(process: Verify, tmp_path: Path) -> None:
    wrong, number = [], 0
    for place, scenario in enumerate(chains()):
        records = (scenario.get("txt-records") or {}).items()
        texts = {(name, Kind.TXT): [text.replace("\n", "").encode()] for name, text in records}
        with nsd(tmp_path / f"dns{place}", {".": zone_text(texts)}) as process.port:
            for name, case in scenario["tests"].items():
                number += 1
                answer = process.ask(op="arc", message=case["message"].replace("\n", "\r\n").encode())
                # Three chains that say themselves that they failed have no result there: RFC 8617 §5.2 (2), (3)
                if answer["result"] != (case["cv"] or "fail").lower():
                    wrong.append((scenario["description"], name, answer))
    assert wrong == []
    assert number > 100


@pytest.mark.skipif(not SUFFIXES.is_file(), reason=f"no cases at {SUFFIXES}")
def test_organizational_domains(process: Verify) -> None:
    lines = SUFFIXES.read_text("utf-8").splitlines()
    cases = [line.split() for line in lines if line and not line.startswith("//")]
    assert len(cases) >= 77
    for domain, expected in cases:
        answer = process.ask(op="psl", domain="" if domain == "null" else domain)
        assert answer == {"result": None if expected == "null" else expected}, domain
