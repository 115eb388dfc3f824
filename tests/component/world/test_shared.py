"""What workers share: each connection is counted once, and what a dead worker had open is no longer counted."""

import os
from collections.abc import Callable

from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.shared import Shared, Tally, for_one_alone, shared_among
from pillarbox.world.shared.tallies import SETS, WAYS


def in_a_fork(work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_what_is_open_is_counted_over_all_workers() -> None:
    first, second = shared_among(2, SystemEntropy())
    first.open_counts.add("imap", "192.0.2.1")

    def work() -> None:
        for _ in range(3):
            second.open_counts.add("imap", "192.0.2.1")
        second.open_counts.remove("imap", "192.0.2.1")

    in_a_fork(work)
    assert first.open_counts.count("imap", "192.0.2.1") == 3
    assert first.open_counts.count("imap") == 0
    second.open_counts.begin()
    assert first.open_counts.count("imap", "192.0.2.1") == 1, "another took the dead one's seat"


def test_tallies_are_those_of_all_workers() -> None:
    first, second = shared_among(2, SystemEntropy())
    in_a_fork(lambda: second.tallies.put(Tally(2.5, 7.0, 9.0), "pair", "anna", "a"))
    assert first.tallies.get("pair", "anna", "a") == Tally(2.5, 7.0, 9.0)
    assert first.tallies.get("pair", "anna", "b") is None
    first.tallies.put(Tally(3.5, 8.0), "pair", "anna", "a")
    assert second.tallies.get("pair", "anna", "a") == Tally(3.5, 8.0, 0.0)
    second.tallies.forget("pair", "anna", "a")
    assert first.tallies.get("pair", "anna", "a") is None


def test_tallies_are_bounded_and_those_touched_last_stay() -> None:
    shared: Shared = for_one_alone()
    several = 3 * SETS * WAYS
    for number in range(several):
        shared.tallies.put(Tally(1.0, float(number)), str(number))
    kept = [number for number in range(several) if shared.tallies.get(str(number))]
    assert len(kept) <= SETS * WAYS
    assert set(range(several - SETS // 8, several)) <= set(kept)
