"""A few rounds of `kill`; the command does two hundred."""

import random
from pathlib import Path

import pytest

from tests.durability.kill import rounds

ROUNDS = 3


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_acknowledged_survives_sigkill(tmp_path: Path, workers: int) -> None:
    for done in rounds(tmp_path / "data", random.Random(workers), workers=(workers,)):
        if done.number >= ROUNDS:
            assert done.acknowledged > 0
            break
