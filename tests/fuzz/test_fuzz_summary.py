"""A few hundred mutations each time; thousands by hand."""

from tests.fuzz import fuzz_summary, harness


def test_no_mutation_of_a_message_is_rendered_wrongly() -> None:
    harness.run(fuzz_summary.target, fuzz_summary.seeds(), runs=400)
