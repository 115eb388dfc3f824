"""A taste of the fuzzer in every test run; `fuzz_imap_machine` goes on for as long as one likes."""

from tests.fuzz import harness
from tests.fuzz.fuzz_imap_machine import SEEDS, target


def test_the_machine_bears_what_is_sent() -> None:
    harness.run(target, SEEDS, runs=1500)
