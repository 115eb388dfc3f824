"""How guessing is slowed, and the owner is not."""

from collections.abc import Callable
from heapq import heappop, heappush

import pytest

from pillarbox.directory.sign_in.known_clients import client_key, network_key
from pillarbox.server.login.throttle import (
    ACCOUNT,
    CLIENT,
    CODE,
    HALF_LIFE_S,
    KNOWN_PAIR,
    MAX_WAIT_S,
    NETWORK,
    PAIR,
    PASSWORD,
    REFUSED,
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


# --- simulated attackers


class Attack:
    """Attackers who try whenever they are let; time is virtual, and all count in one place."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.throttle = AuthThrottle(self.watch, for_one_alone().tallies)

    def guesses_in(
        self, seconds: float, addresses: list[str], guess: Callable[[int], tuple[str, str]]
    ) -> int:
        """How many guesses are checked, all of them wrong; `guess` gives account and password of the next one."""
        ready = [(self.watch.now, number) for number in range(len(addresses))]
        end, checked, begun = self.watch.now + seconds, 0, 0
        while ready and ready[0][0] < end:
            self.watch.now, number = heappop(ready)
            account, password = guess(begun)
            begun += 1
            client = client_key(addresses[number])
            wait = self.throttle.admit(account, client, known=False, password=password)
            if wait is None:
                heappush(ready, (self.watch.now + 600, number))
                continue
            checked += 1
            self.throttle.failed(account, client, password=password)
            heappush(ready, (self.watch.now + wait + 0.1, number))
        self.watch.now = end
        return checked


def at_one_account(number: int) -> tuple[str, str]:
    return "anna", f"guess{number}"


def at_many_accounts(number: int) -> tuple[str, str]:
    return f"u{number}", f"guess{number}"


@pytest.mark.parametrize("guess", [at_one_account, at_many_accounts])
@pytest.mark.parametrize(
    "addresses",
    [
        [f"2001:db8:1:{number:x}::1" for number in range(2000)],
        [f"192.0.2.{number}" for number in range(256)],
        [f"2001:db8:1:2::{number:x}" for number in range(2000)],
    ],
    ids=["/48", "/24", "/64"],
)
def test_one_network_makes_a_guess_every_few_seconds_however_many_addresses_it_has(
    addresses: list[str], guess: Callable[[int], tuple[str, str]]
) -> None:
    attack = Attack()
    assert attack.guesses_in(3600, addresses, guess) < 2 * NETWORK.free + 3600 / NETWORK.longest_s
    assert attack.throttle.admit("anna", client_key("198.51.100.7"), known=True, password="right") == 0.0
    wait = attack.throttle.admit("anna", client_key("198.51.100.7"), known=False, password="right")
    assert wait is not None
    assert wait <= ACCOUNT.longest_s


def test_one_password_over_many_accounts_from_everywhere_is_slowed_and_no_owner_is_kept_out() -> None:
    attack = Attack()
    addresses = [f"10.{number >> 8}.{number & 255}.1" for number in range(2000)]
    checked = attack.guesses_in(200, addresses, lambda number: (f"u{number}", "Summer2026"))
    # each address alone could make all its free guesses and more
    assert checked < len(addresses) * (200 / PASSWORD.longest_s + 2)
    for known, password, longest_s in (
        (True, "Summer2026", 0.0),
        (False, "Summer2026", PASSWORD.longest_s),
        (False, "other", 0.0),
    ):
        assert attack.throttle.admit("anna", "198.51.100.7", known=known, password=password) == longest_s


def test_many_people_behind_one_network_of_whom_some_mistype_are_not_kept_out() -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    for round_ in range(12):  # one hour, every five minutes
        for number in range(300):
            account, client = f"u{number}", f"203.0.113.{number % 7}"
            wait = throttle.admit(account, client, known=False, password=f"of {account}")
            assert wait is not None, (round_, number)
            assert wait == 0.0 or number % 20 == 0
            if number % 20 == 0:
                throttle.failed(account, client, password=f"of {account}")
            else:
                throttle.succeeded(account, client)
            watch.now += 1.0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_the_network_of_a_client(address: str, network: str) -> None:
    assert network_key(client_key(address)) == network


@pytest.mark.parametrize("known", [True, False])
def test_right_passwords_that_let_nobody_in_delay_nobody_until_there_are_very_many(known: bool) -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    waits = []
    for _time in range(REFUSED.free + 10):
        waits.append(throttle.admit("anna", "a", known=known))
        throttle.refused("anna", "a")
    assert waits[: REFUSED.free + 1] == [0.0] * REFUSED.free + [0.5]
    assert waits[-1] == REFUSED.longest_s == throttle.admit("anna", "a", known=known)
    assert throttle.admit("anna", "b", known=known) == throttle.admit("bert", "a", known=known) == 0.0
    watch.now += HALF_LIFE_S
    assert throttle.admit("anna", "a", known=known) == 0.0


def test_a_program_that_tries_each_minute_is_never_delayed() -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    for _minute in range(24 * 60):
        assert throttle.admit("anna", "a", known=False) == 0.0
        for _connection in range(3):
            throttle.refused("anna", "a")
        watch.now += 60


def test_of_all_who_guess_a_code_few_are_heard_in_a_day() -> None:
    watch = Watch()
    throttle = AuthThrottle(watch, for_one_alone().tallies)
    checked, day_s = 0, 24 * 3600
    while watch.now < 1000 + day_s:
        while throttle.admit_code("anna") is not None:
            checked += 1
        watch.now += 5
    assert checked < 3000, "of 333,000 that are needed on average"
    assert throttle.admit_code("bert") == 0


def test_who_guesses_codes_from_elsewhere_keeps_no_known_client_out() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    while throttle.admit_code("anna") is not None:
        pass
    assert throttle.admit_code("anna", "192.0.2.1") == 0
    throttle.code_was_right("anna", "192.0.2.1")
    assert throttle.admit_code("anna") is None, "that forgives nobody else"
    while throttle.admit_code("anna", "192.0.2.1") is not None:
        pass  # it has no more tries than strangers


def test_a_thousand_codes_at_once_are_no_more_than_one_after_another() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    waits = [throttle.admit_code("anna") for _attempt in range(1000)]
    assert sum(wait is not None for wait in waits) < CODE.free + 10
    assert waits[: CODE.free] == [0.0] * CODE.free


def test_the_owner_who_mistypes_is_not_slowed_once_a_code_was_right() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    for _day in range(5):
        assert [throttle.admit_code("anna") for _attempt in range(CODE.free)] == [0.0] * CODE.free
        throttle.code_was_right("anna")


def test_who_is_not_known_delays_nobody_elsewhere() -> None:
    throttle = AuthThrottle(Watch(), for_one_alone().tallies)
    for number in range(500):
        failing(throttle, 1, account="", client=f"10.{number % 250}.{number}.1")
    assert throttle.admit("", "192.0.2.1", known=False) == 0.0
    failing(throttle, CLIENT.free, account="", client="192.0.2.1")
    assert throttle.admit("", "192.0.2.1", known=False) == CLIENT.first_s
    assert throttle.admit("", "198.51.100.1", known=False) == 0.0
    # Who signs in where many people come from is not known either
    failing(throttle, 500, account="", client="127.0.0.1")
    assert throttle.admit("", "127.0.0.1", known=False) == 0.0
