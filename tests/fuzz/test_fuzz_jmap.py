from tests.fuzz import fuzz_jmap, harness


def test_a_short_run() -> None:
    harness.run(fuzz_jmap.target, fuzz_jmap.SEEDS, runs=1500)
