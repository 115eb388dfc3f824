from tests.fuzz import fuzz_pop3, harness


def test_a_short_run() -> None:
    harness.run(fuzz_pop3.target, fuzz_pop3.SEEDS, runs=1500)
