"""The HTTP machine with the simplest session: every body is accepted, up to a size."""

from collections.abc import Iterable

from pillarbox.protocol.http.events import Body, Head, HttpEvent, Malformed, Reading
from pillarbox.protocol.http.limits import HttpLimits
from pillarbox.protocol.http.machine import HttpMachine

MAX_BODY_OCTETS = 1_000_000


def converse(
    pieces: Iterable[bytes], *, limits: HttpLimits | None = None, max_body_octets: int = MAX_BODY_OCTETS
) -> list[HttpEvent]:
    """What the machine makes of these pieces of input; the parts of a body are joined."""
    machine, met = HttpMachine(limits or HttpLimits()), list[HttpEvent]()
    for piece in pieces:
        given = piece
        while events := machine.receive(given):
            given = b""
            for event in events:
                assert not isinstance(event, tuple)
                if isinstance(event, Head) and event.body_octets != 0:
                    machine.accept_body(max_body_octets)
                _add(met, event)
            if not machine.buffered:
                break
        assert machine.buffered >= 0
    return met


def _add(met: list[HttpEvent], event: object) -> None:
    if isinstance(event, Reading):
        return
    before = met[-1] if met else None
    if isinstance(event, Body) and isinstance(before, Body) and not before.last:
        met.pop()
        event = Body(before.octets + event.octets, event.last)
    assert isinstance(event, Head | Body | Malformed), event
    met.append(event)


def one(octets: bytes, *, limits: HttpLimits | None = None) -> HttpEvent:
    """The first event."""
    return converse([octets], limits=limits)[0]
