"""A few hundred mutations each time; thousands by hand."""

from tests.fuzz import fuzz_jmap_email, harness


def test_a_short_run() -> None:
    harness.run(fuzz_jmap_email.target, fuzz_jmap_email.SEEDS, runs=500)
