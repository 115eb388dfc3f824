"""What is held comes back in order, some at a time."""

from pillarbox.server.pump.held_input import MAX_HELD_OCTETS, MAX_TAKEN_OCTETS, HeldInput


def test_one_read_is_taken_as_it_came() -> None:
    held, octets = HeldInput(), b"x" * (MAX_TAKEN_OCTETS + 1)
    held.add(octets)
    assert held.take() is octets
    assert not held.octets


def test_large_reads_are_taken_one_by_one_and_small_ones_together() -> None:
    held = HeldInput()
    for octets in (b"a" * MAX_TAKEN_OCTETS, b"b" * MAX_TAKEN_OCTETS, b"c", b"d", b"e"):
        held.add(octets)
    assert held.octets > MAX_HELD_OCTETS
    assert held.take() == b"a" * MAX_TAKEN_OCTETS
    assert not held.full
    assert held.take() == b"b" * MAX_TAKEN_OCTETS
    assert held.take() == b"cde"
    assert held.octets == 0
    assert held.take() == b""


def test_what_is_forgotten_is_counted() -> None:
    held = HeldInput()
    held.add(b"x" * (MAX_HELD_OCTETS + 1))
    assert held.forget() == MAX_HELD_OCTETS + 1
    assert not held.full
