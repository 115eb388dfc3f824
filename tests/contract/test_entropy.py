"""What every `Entropy` promises."""

import pytest

from pillarbox.world.entropy import Entropy, SeededEntropy, SystemEntropy, nonce


@pytest.fixture(params=["system", "seeded"])
def entropy(request: pytest.FixtureRequest) -> Entropy:
    return SystemEntropy() if request.param == "system" else SeededEntropy(5)


def test_octets_are_as_many_as_asked_for_and_never_the_same(entropy: Entropy) -> None:
    assert len(entropy.token_bytes(32)) == 32
    assert entropy.token_bytes(0) == b""
    assert len({entropy.token_bytes(16) for _time in range(100)}) == 100


def test_numbers_lie_between(entropy: Entropy) -> None:
    numbers = [entropy.uniform(2.0, 3.0) for _time in range(100)]
    assert all(2.0 <= number <= 3.0 for number in numbers)
    assert len(set(numbers)) > 90


def test_shuffling_loses_nothing(entropy: Entropy) -> None:
    orders = {tuple(entropy.shuffled(range(10))) for _time in range(20)}
    assert len(orders) > 1
    assert all(sorted(order) == list(range(10)) for order in orders)


def test_a_nonce_can_stand_in_any_protocol(entropy: Entropy) -> None:
    made = {nonce(entropy) for _time in range(50)}
    assert len(made) == 50
    assert all(len(text) == 24 and text.replace("-", "").replace("_", "").isalnum() for text in made)


def test_a_seed_repeats_itself() -> None:
    def drawn(seed: int) -> list[object]:
        entropy = SeededEntropy(seed)
        return [entropy.token_bytes(8), entropy.uniform(0, 1), entropy.shuffled("abcdef")]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
