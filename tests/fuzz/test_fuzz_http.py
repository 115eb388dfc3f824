from tests.fuzz import fuzz_http, harness


def test_a_short_run() -> None:
    harness.run(fuzz_http.target, fuzz_http.SEEDS, runs=1000)
