"""A few hundred mutations each time; thousands by hand."""

import pytest

from tests.fuzz import fuzz_part, harness


def test_no_mutation_of_a_message_is_a_fault() -> None:
    harness.run(fuzz_part.target, fuzz_part.seeds(), runs=400)


def test_the_harness_finds_faults_and_names_the_input() -> None:
    def refuse_nul(octets: bytes) -> None:
        assert b"\0" not in octets

    with pytest.raises(harness.Fault) as fault:
        harness.run(refuse_nul, [b"harmless"], runs=2_000)

    assert b"\0" in fault.value.octets


def test_the_same_seed_number_gives_the_same_mutations() -> None:
    def seen(seed: int) -> list[bytes]:
        inputs: list[bytes] = []
        harness.run(inputs.append, [b"abc", b"def"], runs=50, seed=seed)
        return inputs

    assert seen(1) == seen(1)
    assert seen(1) != seen(2)
