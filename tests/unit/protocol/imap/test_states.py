"""Every state and every command: allowed, or refused with a reason; and the table agrees with the grammar."""

import itertools

import pytest

from pillarbox.protocol.imap.command_table import COMMANDS
from pillarbox.protocol.imap.commands import Command
from pillarbox.protocol.imap.events import MessageOffered, Received, Response
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import COMMAND_TYPES, Dialogue

ARGUMENTS = {
    b"ID": b"NIL",
    b"AUTHENTICATE": b"PLAIN",
    b"LOGIN": b"a b",
    b"ENABLE": b"CONDSTORE",
    b"RENAME": b"a b",
    b"LIST": b'"" *',
    b"LSUB": b'"" *',
    b"STATUS": b"a (UNSEEN)",
    b"APPEND": b"a {1+}\r\nx",
    b"SEARCH": b"ALL",
    b"FETCH": b"1 FLAGS",
    b"STORE": b"1 FLAGS ()",
    b"COPY": b"1 a",
    b"MOVE": b"1 a",
    b"REPLACE": b"1 a {1+}\r\nx",
    b"UID EXPUNGE": b"1",
}


def a_command(verb: bytes) -> bytes:
    if isinstance(COMMANDS[verb].grammar, Command):
        return verb
    arguments = ARGUMENTS.get(verb) or ARGUMENTS.get(verb.removeprefix(b"UID "), b"a")
    return verb + b" " + arguments


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(State, sorted(COMMANDS))))
@pytest.mark.rfc("9051 §3", "MUST")
def test_every_state_answers_every_command(state: State, verb: bytes) -> None:
    dialogue = Dialogue(state)
    events = dialogue.send(b"a1 " + a_command(verb) + b"\r\n")
    if state is State.LOGOUT:
        assert events == []
    elif state in COMMANDS[verb].transitions:
        assert isinstance(events[0], Received | MessageOffered)
        assert dialogue.machine.state in COMMANDS[verb].transitions[state]
    else:
        (event,) = events
        assert isinstance(event, Response)
        assert event.octets.startswith(b"a1 BAD ")
        assert dialogue.machine.state is state


def test_every_command_comes_from_a_row_of_the_table() -> None:
    parsed = set()
    for verb, row in COMMANDS.items():
        state = State.NOT_AUTHENTICATED if State.NOT_AUTHENTICATED in row.transitions else State.SELECTED
        event = Dialogue(state).send(b"a1 " + a_command(verb) + b"\r\n")[0]
        assert isinstance(event, Received | MessageOffered)
        parsed.add(type(event.command))
    assert parsed == COMMAND_TYPES


def test_every_state_but_the_last_can_be_left_by_logout() -> None:
    for state in set(State) - {State.LOGOUT}:
        assert COMMANDS[b"LOGOUT"].transitions[state] == {State.LOGOUT}


def test_a_session_that_moves_where_the_table_does_not_lead_is_our_fault() -> None:
    dialogue = Dialogue()
    dialogue.send(b"a1 NOOP\r\n")
    with pytest.raises(AssertionError):
        dialogue.machine.authenticated()
