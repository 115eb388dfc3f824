"""The table of a reading connection: complete, and every step has its method."""

import pytest

from pillarbox.protocol.imap.client.machine import ClientMachine
from pillarbox.protocol.imap.client.states import DEADLINE_S, TABLE, Kind, State, Step


def test_every_pair_has_a_step() -> None:
    assert set(TABLE) == {(state, kind) for state in State for kind in Kind}


def test_every_step_has_a_handler_and_is_used() -> None:
    assert set(ClientMachine.HANDLERS) == set(Step) == set(TABLE.values())


def test_every_state_has_a_deadline() -> None:
    assert set(DEADLINE_S) == set(State)


@pytest.mark.rfc("3501 §7.1.5", "MUST")
@pytest.mark.parametrize("state", State)
def test_bye_ends_the_connection_from_every_state(state: State) -> None:
    expected = {State.CLOSED: Step.IGNORE, State.LOGOUT: Step.IGNORE}
    assert TABLE[state, Kind.BYE] is expected.get(state, Step.END)
