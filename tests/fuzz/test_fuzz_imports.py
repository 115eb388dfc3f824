from tests.fuzz import fuzz_imports, harness


def test_a_short_run() -> None:
    harness.run(fuzz_imports.target, fuzz_imports.SEEDS, runs=300)
