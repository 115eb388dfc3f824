"""The server's side of the control channel: octets become requests."""

import pytest

from pillarbox.protocol.control.machine import MAX_REQUEST_OCTETS, ControlMachine, Line, TooLong


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_requests_come_one_by_one_however_they_were_cut(size: int) -> None:
    machine, said = ControlMachine(), b'{"type":"status"}\n\n{"a":1}\nrest'
    found: list[Line | TooLong] = []
    for start in range(0, len(said), size):
        events = machine.receive(said[start : start + size])
        while events:
            assert len(events) == 1
            found += events
            events = machine.receive(b"")
    assert found == [Line(b'{"type":"status"}'), Line(b""), Line(b'{"a":1}')]
    assert machine.buffered == 4
    assert machine.discard() == 4
    assert machine.buffered == 0


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_has_a_limit(end: bytes) -> None:
    machine = ControlMachine()
    assert machine.receive(b"x" * MAX_REQUEST_OCTETS) == ()
    assert machine.receive(b"x" + end) == (TooLong(),)
    assert machine.buffered == 0
