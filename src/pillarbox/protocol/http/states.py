"""Where the reading of a connection stands, and what leads where: the table that the machine runs on."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class State(Enum):
    """What comes next on a connection."""

    HEAD = "head"
    """The head of a request, or nothing."""
    DECIDING = "deciding"
    """A body, of which the session has not said yet what becomes of it."""
    BODY = "body"
    """A body that was accepted."""
    SKIPPING = "skipping"
    """A body that is dropped."""
    HOLDING = "holding"
    """Nothing that is read: the response has no end."""
    SWITCHED = "switched"
    """Another protocol."""
    ENDED = "ended"
    """Nothing that means anything."""


class Step(Enum):
    """What has been read, or decided."""

    ANNOUNCED = "a head announces a body"
    BODY_ENDED = "the body ends"
    ACCEPT = "accept the body"
    SKIP = "skip the body"
    HOLD = "begin a response without an end"
    SWITCH = "change the protocol"
    END = "malformed, or closing"


TABLE: Final[Mapping[tuple[State, Step], State]] = {
    (State.HEAD, Step.ANNOUNCED): State.DECIDING,
    (State.DECIDING, Step.ACCEPT): State.BODY,
    (State.DECIDING, Step.SKIP): State.SKIPPING,
    (State.BODY, Step.BODY_ENDED): State.HEAD,
    (State.BODY, Step.SKIP): State.SKIPPING,
    (State.SKIPPING, Step.BODY_ENDED): State.HEAD,
    # What has no end begins once the request is read
    (State.HEAD, Step.HOLD): State.HOLDING,
    (State.HEAD, Step.SWITCH): State.SWITCHED,
    **{(state, Step.END): State.ENDED for state in State},
}
"""What is not here is a mistake of the session."""
