"""A taste of the fuzzer in every test run; `fuzz_imap_client` goes on for as long as one likes."""

from tests.fuzz import harness
from tests.fuzz.fuzz_imap_client import SEEDS, target


def test_the_client_bears_what_is_sent() -> None:
    harness.run(target, SEEDS, runs=1500)
