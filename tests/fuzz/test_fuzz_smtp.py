from tests.fuzz.fuzz_smtp import SEEDS, target
from tests.fuzz.harness import run


def test_a_thousand_mutations() -> None:
    run(target, SEEDS, 1_000)
