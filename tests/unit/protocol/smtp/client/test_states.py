"""The client's table: complete, and drawn as the page of the docs."""

from itertools import product
from pathlib import Path

from pillarbox.protocol.smtp.client.machine import ClientMachine
from pillarbox.protocol.smtp.client.replies import ReplyKind
from pillarbox.protocol.smtp.client.states import DEADLINE_S, TABLE, State, Step

ROOT = Path(__file__).parents[5]


def test_the_table_answers_every_pair_and_every_state_has_a_deadline() -> None:
    assert set(TABLE) == set(product(State, ReplyKind))
    assert set(DEADLINE_S) == set(State)


def test_every_step_has_a_handler_and_is_taken_somewhere() -> None:
    assert set(ClientMachine.HANDLERS) == set(Step) == set(TABLE.values())
