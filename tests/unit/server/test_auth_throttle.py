"""How guessing is slowed, and the owner is not."""

import pytest

from pillarbox.directory.known_clients import client_key
from pillarbox.server.auth_throttle import (
    ACCOUNT,
    CLIENT,
    HALF_LIFE_S,
    KNOWN_PAIR,
    MAX_WAIT_S,
    PAIR,
    AuthThrottle,
)
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import for_one_alone, shared_among


class Watch:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failing(slowing: AuthThrottle, times: int, account: str = "anna", client: str = "a") -> None:
    for _time in range(times):
        slowing.failed(account, client)


def test_a_few_mistakes_cost_nothing_then_it_gets_slower_to_an_end() -> None:
    watch = Watch()
    slowing = AuthThrottle(watch, for_one_alone().tallies)
    waits = []
    for _time in range(14):
        wait = slowing.admit("anna", "a", known=False)
        assert wait is not None
        waits.append(round(wait, 1))
        watch.now += wait
        slowing.failed("anna", "a")
    assert waits[: PAIR.free] == [0.0] * PAIR.free
    assert waits[PAIR.free : PAIR.free + 3] == [0.5, 1.0, 2.0]
    assert sorted(waits) == waits
    assert 20 < waits[-1] <= PAIR.longest_s


def test_concurrent_attempts_queue_and_those_beyond_the_limit_are_refused() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(slowing, 10)
    waits = [slowing.admit("anna", "a", known=False) for _attempt in range(5)]
    assert waits == [30.0, 60.0, None, None, None]
    assert waits[1] is not None
    assert waits[1] <= MAX_WAIT_S


def test_the_owner_at_a_known_client_is_not_slowed_by_what_others_do() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    for attacker in range(300):
        failing(slowing, 5, client=f"bot{attacker}")
    failing(slowing, 50, account="someone else", client="home")  # the same network address as the owner's
    assert slowing.admit("anna", "home", known=True) == 0.0
    assert slowing.admit("anna", "home", known=False) == CLIENT.longest_s


def test_the_owner_at_a_new_client_waits_seconds_at_most_however_hard_others_guess() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    for attacker in range(300):
        failing(slowing, 5, client=f"bot{attacker}")
        for _attempt in range(5):
            slowing.admit("anna", f"bot{attacker}", known=False)
    assert slowing.admit("anna", "holiday", known=False) == ACCOUNT.longest_s


def test_one_client_guessing_at_many_accounts_is_slowed() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    for number in range(CLIENT.free + 10):
        failing(slowing, 1, account=f"u{number}")
    assert slowing.admit("fresh", "a", known=False) == CLIENT.longest_s
    assert slowing.admit("fresh", "b", known=False) == 0.0


def test_a_known_client_that_fails_repeatedly_is_delayed_a_little() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(slowing, 30)
    # a guesser may sit behind the owner's own address: its attempts must not keep the owner's out
    waits = {slowing.admit("anna", "a", known=True) for _attempt in range(200)}
    assert waits == {KNOWN_PAIR.longest_s}


def test_success_starts_the_pair_anew_but_not_the_client() -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(slowing, 12)
    slowing.succeeded("anna", "a")
    assert slowing.admit("anna", "a", known=False) == 0.0
    for number in range(20):
        failing(slowing, 1, account=f"u{number}")
        slowing.succeeded("attackers own", "a")
    assert slowing.admit("victim", "a", known=False)


def test_failures_are_forgiven_with_time() -> None:
    watch = Watch()
    slowing = AuthThrottle(watch, for_one_alone().tallies)
    failing(slowing, 10)
    assert slowing.admit("anna", "a", known=False)
    watch.now += HALF_LIFE_S * 3
    assert slowing.admit("anna", "a", known=False) == 0.0


def test_workers_count_together() -> None:
    first, second = (AuthThrottle(Watch(), shared.tallies) for shared in shared_among(2, SystemEntropy()))
    failing(first, 5)
    failing(second, 5)
    assert first.admit("anna", "a", known=False) == PAIR.longest_s
    assert second.admit("anna", "a", known=False) == 2 * PAIR.longest_s, "they stand in one queue"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_accounts_behind_one_local_address_are_throttled_separately(address: str) -> None:
    slowing = AuthThrottle(Watch(), for_one_alone().tallies)
    here = client_key(address)
    for number in range(100):
        failing(slowing, 1, account=f"u{number}", client=here)
    assert slowing.admit("anna", here, known=False) == 0.0
    failing(slowing, 30, client=here)
    # however many guess at once: whoever comes next waits as long, and is never turned away
    waits = {slowing.admit("anna", here, known=False) for _attempt in range(200)}
    assert waits == {KNOWN_PAIR.longest_s}
