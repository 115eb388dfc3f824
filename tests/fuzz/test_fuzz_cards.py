from tests.fuzz import fuzz_cards, harness


def test_a_short_run() -> None:
    harness.run(fuzz_cards.target, fuzz_cards.SEEDS, runs=1000)
