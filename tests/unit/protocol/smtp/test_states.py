import itertools

import pytest

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Verb
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.protocol.smtp.states import TABLE, State, after_chunk

READING = (State.START, State.IDLE, State.MAIL, State.RCPT, State.CHUNKS, State.FAILED)


@pytest.mark.parametrize(("state", "verb"), list(itertools.product(State, Verb)))
def test_every_pair_is_answered(state: State, verb: Verb) -> None:
    step = TABLE[state, verb]
    assert isinstance(step, State) or step.code in (500, 501, 503)


@pytest.mark.rfc("5321 §4.1.4", "SHOULD")
@pytest.mark.parametrize("state", READING)
def test_some_commands_come_at_any_time(state: State) -> None:
    for verb in (Verb.NOOP, Verb.HELP, Verb.EXPN, Verb.VRFY):
        assert TABLE[state, verb] is state
    assert TABLE[state, Verb.QUIT] is State.END
    assert isinstance(TABLE[state, Verb.RSET], State)


@pytest.mark.rfc("5321 §4.1.4", "MUST")
@pytest.mark.parametrize("state", READING)
def test_a_greeting_resets(state: State) -> None:
    assert TABLE[state, Verb.EHLO] is TABLE[state, Verb.HELO] is State.IDLE


@pytest.mark.rfc("5321 §4.1.1.1", "MUST")
def test_no_transaction_before_a_greeting() -> None:
    for verb in (Verb.MAIL, Verb.RCPT, Verb.DATA, Verb.BDAT, Verb.AUTH):
        assert TABLE[State.START, verb] is replies.NEED_HELLO


@pytest.mark.rfc("4954 §4", "MUST")
@pytest.mark.parametrize("state", [State.MAIL, State.RCPT, State.CHUNKS, State.FAILED])
def test_no_auth_in_a_transaction(state: State) -> None:
    step = TABLE[state, Verb.AUTH]
    assert isinstance(step, Reply)
    assert step.code == 503


@pytest.mark.rfc("3030 §2", "MUST")
def test_data_after_bdat_is_out_of_order() -> None:
    step = TABLE[State.CHUNKS, Verb.DATA]
    assert isinstance(step, Reply)
    assert step.code == 503


def test_every_state_is_reached_and_left() -> None:
    """But for the end, from which nothing leads on; DATA, AUTH and TLS are left by other events."""
    reached = {step for step in TABLE.values() if isinstance(step, State)} | {State.START, State.FAILED}
    assert reached == set(State)


@pytest.mark.parametrize(
    ("state", "accepted", "last", "then"),
    [
        (State.RCPT, True, False, State.CHUNKS),
        (State.RCPT, True, True, State.IDLE),
        (State.CHUNKS, True, True, State.IDLE),
        (State.CHUNKS, False, False, State.FAILED),
        (State.CHUNKS, False, True, State.IDLE),
        (State.FAILED, False, False, State.FAILED),
        (State.FAILED, True, False, State.FAILED),
        (State.FAILED, False, True, State.IDLE),
        (State.MAIL, False, False, State.FAILED),
        (State.IDLE, False, True, State.IDLE),
        (State.START, False, True, State.START),
    ],
)
def test_chunks(state: State, accepted: bool, last: bool, then: State) -> None:
    assert after_chunk(state, accepted=accepted, last=last) is then
