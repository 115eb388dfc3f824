"""A thousand runs, the same run twice, and proof that broken code would be noticed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.simulation import Failed, run

SEEDS = 1000
PARTS = 40
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_the_invariants_hold(part: int) -> None:
    size = SEEDS // PARTS
    for seed in range(part * size, (part + 1) * size):
        run(seed)


def test_a_seed_gives_the_same_run_in_any_process() -> None:
    script = "from tests.simulation.simulation import run; print(*(run(seed).trace for seed in range(5, 9)))"
    path = f"{ROOT / 'src'}:{ROOT}"
    traces = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": order, "PYTHONPATH": path},
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        for order in ("1", "2")
    }
    assert len(traces) == 1
    assert b"the queues are empty" in traces.pop()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_broken_code_is_noticed(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutation.apply(monkeypatch)
    assert re.search(mutation.noticed_as, first_failure(range(100)))


def first_failure(seeds: range) -> str:
    """What is wrong with the first of these runs that fails."""
    for seed in seeds:
        try:
            run(seed)
        except Failed as failure:
            return str(failure)
    return f"none of {seeds} fails"
