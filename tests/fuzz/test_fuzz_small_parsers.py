from tests.fuzz import fuzz_small_parsers, harness


def test_a_short_run() -> None:
    harness.run(fuzz_small_parsers.target, fuzz_small_parsers.SEEDS, runs=1000)
