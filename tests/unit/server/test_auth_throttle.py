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


def failing(throttle: AuthThrottle, times: int, account: str = "anna", client: str = "a") -> None:
    for _time in range(times):
        throttle.failed(account, client)


def test_a_few_mistakes_cost_nothing_then_it_gets_slower_to_an_end() -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    waits = []
    for _time in range(14):
        wait = throttle.admit("anna", "a", known=False)
        assert wait is not None
        waits.append(round(wait, 1))
        watch.now += wait
        throttle.failed("anna", "a")
    assert waits[: PAIR.free] == [0.0] * PAIR.free
    assert waits[PAIR.free : PAIR.free + 3] == [0.5, 1.0, 2.0]
    assert sorted(waits) == waits
    assert 20 < waits[-1] <= PAIR.longest_s


def test_concurrent_attempts_queue_and_those_beyond_the_limit_are_refused() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(throttle, 10)
    waits = [throttle.admit("anna", "a", known=False) for _attempt in range(5)]
    assert waits == [30.0, 60.0, None, None, None]
    assert waits[1] is not None
    assert waits[1] <= MAX_WAIT_S


def test_the_owner_at_a_known_client_is_not_slowed_by_what_others_do() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    for attacker in range(300):
        failing(throttle, 5, client=f"bot{attacker}")
    failing(throttle, 50, account="someone else", client="home")  # the same network address as the owner's
    assert throttle.admit("anna", "home", known=True) == 0.0
    assert throttle.admit("anna", "home", known=False) == CLIENT.longest_s


def test_the_owner_at_a_new_client_waits_seconds_at_most_however_hard_others_guess() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    for attacker in range(300):
        failing(throttle, 5, client=f"bot{attacker}")
        for _attempt in range(5):
            throttle.admit("anna", f"bot{attacker}", known=False)
    assert throttle.admit("anna", "holiday", known=False) == ACCOUNT.longest_s


def test_one_client_guessing_at_many_accounts_is_slowed() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    for number in range(CLIENT.free + 10):
        failing(throttle, 1, account=f"u{number}")
    assert throttle.admit("fresh", "a", known=False) == CLIENT.longest_s
    assert throttle.admit("fresh", "b", known=False) == 0.0


def test_a_known_client_that_fails_repeatedly_is_delayed_a_little() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(throttle, 30)
    # a guesser may sit behind the owner's own address: its attempts must not keep the owner's out
    waits = {throttle.admit("anna", "a", known=True) for _attempt in range(200)}
    assert waits == {KNOWN_PAIR.longest_s}


def test_success_starts_the_pair_anew_but_not_the_client() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    failing(throttle, 12)
    throttle.succeeded("anna", "a")
    assert throttle.admit("anna", "a", known=False) == 0.0
    for number in range(20):
        failing(throttle, 1, account=f"u{number}")
        throttle.succeeded("attackers own", "a")
    assert throttle.admit("victim", "a", known=False)


def test_failures_are_forgiven_with_time() -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    failing(throttle, 10)
    assert throttle.admit("anna", "a", known=False)
    watch.now += HALF_LIFE_S * 3
    assert throttle.admit("anna", "a", known=False) == 0.0


def test_workers_count_together() -> None:
    first, second = (AuthThrottle(Watch(), shared.tallies) for shared in shared_among(2, SystemEntropy()))
    failing(first, 5)
    failing(second, 5)
    assert first.admit("anna", "a", known=False) == PAIR.longest_s
    assert second.admit("anna", "a", known=False) == 2 * PAIR.longest_s, "they stand in one queue"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_accounts_behind_one_local_address_are_throttled_separately(address: str) -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    here = client_key(address)
    for number in range(100):
        failing(throttle, 1, account=f"u{number}", client=here)
    assert throttle.admit("anna", here, known=False) == 0.0
    failing(throttle, 30, client=here)
    # however many guess at once: the next one waits as long, and is never refused
    waits = {throttle.admit("anna", here, known=False) for _attempt in range(200)}
    assert waits == {KNOWN_PAIR.longest_s}
