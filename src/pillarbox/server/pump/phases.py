"""The phases of a connection, and what each event does in each of them.

`TABLE` is the whole of it; `docs/states/pump.md` is drawn from it.

    CONNECTING → WORKING ⇄ IDLE           handling events; waiting for octets
                 WORKING ⇄ DRAINING       the handler waits for the peer to read
                 WORKING ⇄ SECURING       the handler waits for a TLS handshake
                 → FINISHING → CLOSING    we close: while a handler is at work; with none
                 → ABANDONED → CLOSED     the connection is lost: while a handler is at work; with none

What is always true: a handler is at work in exactly the phases that say so; nothing is written in a phase
that is not open; `CLOSED` is entered once, and the session's `closed()` runs then.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, auto
from typing import Final, NamedTuple


class Phase(IntEnum):
    """Where a connection stands."""

    at_work: bool
    """A handler is at work; what arrives is held or dropped."""
    open: bool
    """What is written will be sent."""
    meaning: str

    def __new__(cls, meaning: str, at_work: bool, open: bool) -> "Phase":  # noqa: A002 # the field's own name
        """A phase with its facts; its number is its place."""
        phase = int.__new__(cls, len(cls.__members__))
        phase._value_ = len(cls.__members__)
        phase.meaning, phase.at_work, phase.open = meaning, at_work, open
        return phase

    CONNECTING = ("not admitted yet", False, True)
    IDLE = ("waiting for octets", False, True)
    WORKING = ("a handler is at work", True, True)
    DRAINING = ("a handler waits for the peer to read", True, True)
    SECURING = ("a handler waits for a TLS handshake", True, True)
    FINISHING = ("closing, with a handler still at work", True, False)
    CLOSING = ("closing: output is sent, input is dropped", False, False)
    ABANDONED = ("lost, with a handler still at work", True, False)
    CLOSED = ("lost; the session is closed", False, False)


class Event(IntEnum):
    """What happens to a connection."""

    # --- the loop's callbacks
    OCTETS = 0
    EOF = auto()
    TLS_EOF = auto()
    CAUGHT_UP = auto()
    LOST = auto()
    DEADLINE = auto()
    SCARCE = auto()
    # --- requests of the listener
    ADMIT = auto()
    END = auto()
    # --- requests of the session
    POST = auto()
    WAIT = auto()
    SECURE = auto()
    CLOSE = auto()
    ABORT = auto()
    # --- the pump's own steps
    BEGIN = auto()
    SECURED = auto()
    DONE = auto()
    FAILURE = auto()


EVENT_MEANINGS: Final[Mapping[Event, str]] = {
    Event.OCTETS: "octets have arrived",
    Event.EOF: "the peer has sent all it will, in plain text",
    Event.TLS_EOF: "the same under TLS, which cannot stay half open",
    Event.CAUGHT_UP: "the peer has read enough of what was written",
    Event.LOST: "the connection is gone",
    Event.DEADLINE: "the deadline has passed",
    Event.SCARCE: "memory is scarce, and an incomplete command has held some for too long",
    Event.ADMIT: "the listener has admitted the connection",
    Event.END: "the listener drains, or revokes the session's accounts",
    Event.POST: "the session posts an event of its own",
    Event.WAIT: "the handler calls `drain()`, and the peer reads slowly",
    Event.SECURE: "the handler calls `start_tls()`",
    Event.CLOSE: "the session calls `close()`",
    Event.ABORT: "`abort()` is called",
    Event.BEGIN: "the machine has returned events",
    Event.SECURED: "the TLS handshake is done",
    Event.DONE: "all events are handled, or the handler has ended otherwise",
    Event.FAILURE: "the machine or the handler raised",
}


class Action(Enum):
    """What the pump does; the value describes it for the docs."""

    NOTHING = "-"
    OPEN = "run `opened()`"
    FEED = "feed the machine"
    HOLD = "hold the octets"
    HOLD_DECIPHERED = "hold the octets if TLS has deciphered them, else abort"
    DROP = "drop the octets"
    RUN = "handle the events"
    RUN_SOON = "handle the event in the loop's next iteration"
    REST = "END if the listener wants it, else CLOSE if the peer has sent all, else idle"
    SHUT = "send what was written, then close"
    CUT = "close at once"
    SEND_ENDING = "send `ending()` or `revoked()`, then close"
    SEND_TIMED_OUT = "send `timed_out()`, then close"
    SEND_SCARCE = "send `scarce()`, then close"
    SEND_FAILED = "send `failed()`, then close"
    RESTART_DEADLINE = "restart the deadline"
    LOSE = "wake `drain()` with `ConnectionGone`"
    RELEASE = "run `closed()`, notify the listener"


class Step(NamedTuple):
    """What an event does in a phase. The phase changes first, then the action runs."""

    action: Action
    then: Phase


_CONNECTING, _IDLE, _WORKING, _DRAINING, _SECURING, _FINISHING, _CLOSING, _ABANDONED, _CLOSED = Phase

_AT_WORK_AND_OPEN: Final = (_WORKING, _DRAINING, _SECURING)


def _to(action: Action, then: Phase, *phases: Phase) -> dict[Phase, Step]:
    return {phase: Step(action, then) for phase in phases}


def _in(action: Action, *phases: Phase) -> dict[Phase, Step]:
    """The action, with the phase as it is."""
    return {phase: Step(action, phase) for phase in phases}


_STEPS: Final[Mapping[Event, Mapping[Phase, Step]]] = {
    Event.OCTETS: {
        **_in(Action.FEED, _IDLE),
        **_in(Action.HOLD, _WORKING, _DRAINING),
        **_in(Action.HOLD_DECIPHERED, _SECURING),
        **_in(Action.DROP, _CONNECTING, _FINISHING, _CLOSING, _ABANDONED, _CLOSED),
    },
    # With no handler at work the loop closes the connection itself; otherwise that is left to DONE.
    Event.EOF: _to(Action.NOTHING, _CLOSING, _IDLE),
    Event.TLS_EOF: {
        **_to(Action.NOTHING, _CLOSING, _IDLE),
        **_to(Action.NOTHING, _FINISHING, *_AT_WORK_AND_OPEN),
    },
    Event.CAUGHT_UP: _to(Action.NOTHING, _WORKING, _DRAINING),
    Event.LOST: {
        **_to(Action.RELEASE, _CLOSED, _CONNECTING, _IDLE, _CLOSING),
        **_to(Action.LOSE, _ABANDONED, *_AT_WORK_AND_OPEN, _FINISHING),
    },
    Event.DEADLINE: {
        **_to(Action.CUT, _CLOSING, _CONNECTING, _CLOSING),
        **_to(Action.SEND_TIMED_OUT, _CLOSING, _IDLE),
        # The time of a handler is ours, not the peer's.
        **_in(Action.RESTART_DEADLINE, _WORKING, _SECURING),
        **_to(Action.CUT, _FINISHING, _DRAINING, _FINISHING),
    },
    # With a handler at work it depends on us how long that takes.
    Event.SCARCE: _to(Action.SEND_SCARCE, _CLOSING, _IDLE),
    Event.ADMIT: _to(Action.OPEN, _WORKING, _CONNECTING),
    Event.END: {
        **_to(Action.CUT, _CLOSING, _CONNECTING),
        **_to(Action.SEND_ENDING, _CLOSING, _IDLE),
        # WORKING, DRAINING: the handler finishes its event first, see DONE.
        **_to(Action.CUT, _FINISHING, _SECURING),
    },
    Event.POST: _to(Action.RUN_SOON, _WORKING, _IDLE),
    Event.WAIT: _to(Action.RESTART_DEADLINE, _DRAINING, _WORKING),
    Event.SECURE: _to(Action.NOTHING, _SECURING, _WORKING),
    Event.CLOSE: {
        **_to(Action.SHUT, _CLOSING, _CONNECTING, _IDLE),
        **_to(Action.SHUT, _FINISHING, *_AT_WORK_AND_OPEN),
    },
    Event.ABORT: {
        **_to(Action.CUT, _CLOSING, _CONNECTING, _IDLE, _CLOSING),
        **_to(Action.CUT, _FINISHING, *_AT_WORK_AND_OPEN, _FINISHING),
    },
    Event.BEGIN: _to(Action.RUN, _WORKING, _IDLE),
    Event.SECURED: _to(Action.NOTHING, _WORKING, _SECURING),
    Event.DONE: {
        **_to(Action.REST, _IDLE, *_AT_WORK_AND_OPEN),
        **_to(Action.NOTHING, _CLOSING, _FINISHING),
        **_to(Action.RELEASE, _CLOSED, _ABANDONED),
    },
    Event.FAILURE: {
        **_to(Action.SEND_FAILED, _CLOSING, _IDLE),
        **_to(Action.SEND_FAILED, _FINISHING, *_AT_WORK_AND_OPEN),
    },
}
"""Only what does something; anything else leaves the connection as it is."""

TABLE: Final[Mapping[tuple[Event, Phase], Step]] = {
    (event, phase): _STEPS[event].get(phase, Step(Action.NOTHING, phase))
    for event in Event
    for phase in Phase
}
"""Every event in every phase."""
