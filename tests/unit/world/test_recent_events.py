"""The last warnings of all processes."""

from pillarbox.world.shared.recent_events import SLOTS, RecentEvent, RecentEvents, octets_for


def event(at_ms: int, text: str = "") -> RecentEvent:
    return RecentEvent(at_ms, "warning", "disk full", text)


def test_each_process_keeps_its_own_and_all_are_read_in_order() -> None:
    memory = memoryview(bytearray(octets_for(2)))
    first = RecentEvents(memory, 0)
    second = first.at(1)
    second.add(event(2))
    for number in range(SLOTS + 3):
        first.add(event(10 + number))
    second.add(event(1_000))
    assert [found.at_ms for found in second.all()] == [2, *range(13, 13 + SLOTS), 1_000]


def test_a_process_replaces_what_is_oldest_of_its_predecessor() -> None:
    memory = memoryview(bytearray(octets_for(1)))
    dead = RecentEvents(memory, 0)
    for number in range(SLOTS + 1):
        dead.add(event(1 + number))
    RecentEvents(memory, 0).add(event(100))
    assert [found.at_ms for found in dead.all()] == [*range(3, SLOTS + 2), 100]


def test_what_is_too_long_is_cut() -> None:
    recent = RecentEvents(memoryview(bytearray(octets_for(1))), 0)
    recent.add(event(1, "\N{GRINNING FACE}" * 5_000))
    (found,) = recent.all()
    assert set(found.text) == {"\N{GRINNING FACE}"}
    assert len(found.text) > 100


def test_a_slot_that_makes_no_sense_is_left_out() -> None:
    memory = memoryview(bytearray(octets_for(1)))
    recent = RecentEvents(memory, 0)
    recent.add(event(1))
    recent.add(event(2))
    memory[2:6] = b"\xff\xff\xff\xff"
    assert [found.at_ms for found in recent.all()] == [2]
