"""The machine: its table, every state with every command, and chunks of any size."""

import itertools
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.protocol.pop3 import commands, replies
from pillarbox.protocol.pop3.commands import Command, Malformed, Response, TooLong, Unknown
from pillarbox.protocol.pop3.machine import (
    MAX_COMMAND_OCTETS,
    MAX_COMMANDS_AT_ONCE,
    MAX_RESPONSE_OCTETS,
    Machine,
)
from pillarbox.protocol.pop3.states import TABLE, State
from tests.kit.pop3.dialogue import converse

EXAMPLES: dict[type[Command], Command] = {
    type(example): example
    for example in (
        commands.Capa(), commands.User("u"), commands.Pass("p"), commands.Auth("PLAIN"), Response(b"AA=="),
        commands.Stls(), commands.Utf8(), commands.Lang(None), commands.Stat(), commands.List(None),
        commands.Uidl(1), commands.Retr(1), commands.Top(1, 0), commands.Dele(1), commands.Noop(), commands.Rset(),
        commands.Quit(), Unknown(), Malformed("no"), TooLong(),
    )
}  # fmt: skip


def at(state: State) -> Machine:
    machine = Machine()
    machine.state = state
    return machine


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == set(get_args(Command))


@pytest.mark.rfc("1939 §3", "MUST")
@pytest.mark.parametrize(("state", "kind"), list(itertools.product(State, EXAMPLES)))
def test_every_command_is_answered_in_every_state(state: State, kind: type[Command]) -> None:
    machine, command = at(state), EXAMPLES[kind]
    refusal = machine.refuse(command)
    if (state, kind) in TABLE:
        assert refusal is None
        assert machine.answer(command, b"+OK yes\r\n") == b"+OK yes\r\n"
        assert machine.state is TABLE[state, kind].ok
        machine = at(state)
        machine.answer(command, b"-ERR no\r\n")
        assert machine.state is TABLE[state, kind].error
    else:
        assert refusal is not None
        assert refusal.startswith(b"-ERR ")
        assert refusal.endswith(b"\r\n")
        assert machine.state is (State.AUTHORIZATION if (state, kind) == (State.EXCHANGE, TooLong) else state)


@pytest.mark.rfc("1939 §4", "MUST")
def test_nothing_but_a_login_opens_the_maildrop() -> None:
    opening = {
        (state, kind.__name__)
        for (state, kind), after in TABLE.items()
        if after.ok is State.TRANSACTION and state is not State.TRANSACTION
    }
    assert opening == {
        (State.NAMED, "Pass"),
        (State.AUTHORIZATION, "Auth"),
        (State.NAMED, "Auth"),
        (State.EXCHANGE, "Response"),
    }
    assert all(
        after.error is not State.TRANSACTION
        for (state, _), after in TABLE.items()
        if state is not State.TRANSACTION
    )


def test_a_challenge_makes_the_next_line_a_response() -> None:
    machine = Machine()
    (auth,) = machine.receive(b"AUTH PLAIN\r\nQUIT\r\n")
    machine.answer(auth, replies.challenge(b""))
    (response,) = machine.receive(b"")
    assert response == Response(b"QUIT")
    machine.answer(response, b"-ERR no\r\n")
    assert machine.receive(b"QUIT\r\n") == [commands.Quit()]


def test_without_a_challenge_it_is_a_command() -> None:
    machine = Machine()
    (auth,) = machine.receive(b"AUTH XYZZY\r\nQUIT\r\n")
    machine.answer(auth, b"-ERR no\r\n")
    assert machine.receive(b"") == [commands.Quit()]


@pytest.mark.rfc("5034 §4", "MUST")
def test_responses_may_be_longer_than_commands() -> None:
    machine = Machine()
    (auth,) = machine.receive(b"AUTH PLAIN\r\n")
    machine.answer(auth, replies.challenge(b""))
    line = b"A" * (MAX_RESPONSE_OCTETS - 2)
    (response,) = machine.receive(line + b"\r\n")
    assert response == Response(line)
    machine.answer(response, replies.challenge(b""))
    (too_long,) = machine.receive(line + b"AAAA\r\n")
    assert too_long == TooLong()
    machine.refuse(too_long)
    assert machine.state is State.AUTHORIZATION


@pytest.mark.rfc("2449 §4", "MUST")
def test_command_lengths() -> None:
    assert MAX_COMMAND_OCTETS >= 255
    machine = Machine()
    line = b"PASS " + b"x" * (MAX_COMMAND_OCTETS - 7)
    assert machine.receive(line + b"\r\n") == [commands.Pass("x" * (MAX_COMMAND_OCTETS - 7))]
    assert machine.receive(line + b"x\r\n") == [TooLong()]
    assert machine.receive(b"NOOP\r\n") == [commands.Noop()]


@pytest.mark.rfc("2595 §4", "MUST")
def test_no_event_follows_stls_until_it_is_answered() -> None:
    machine = Machine()
    assert machine.receive(b"STLS\r\nUSER u\r\nPASS p\r\n") == [commands.Stls()]
    machine.answer(commands.Stls(), b"+OK\r\n")
    assert machine.discard() == len(b"USER u\r\nPASS p\r\n")
    assert machine.receive(b"CAPA\r\n") == [commands.Capa()]


def test_a_name_given_before_tls_is_forgotten() -> None:
    machine = at(State.NAMED)
    machine.answer(commands.Stls(), b"+OK\r\n")
    assert machine.refuse(commands.Pass("p")) is not None


@pytest.mark.rfc("6856 §2.1", "MUST NOT")
def test_no_stls_after_utf8() -> None:
    machine = Machine()
    machine.answer(commands.Utf8(), b"+OK\r\n")
    assert machine.utf8
    assert machine.refuse(commands.Stls()) is not None


def test_no_event_follows_quit() -> None:
    machine = Machine()
    assert machine.receive(b"QUIT\r\nNOOP\r\n") == [commands.Quit()]
    machine.answer(commands.Quit(), b"+OK\r\n")
    assert machine.receive(b"NOOP\r\n") == []


LINES = st.sampled_from(
    [
        b"CAPA", b"USER u", b"PASS p q", b"AUTH PLAIN", b"AUTH PLAIN AAAA", b"AAAA", b"*", b"STLS", b"UTF8", b"LANG",
        b"STAT", b"LIST", b"LIST 2", b"UIDL", b"RETR 1", b"TOP 1 2", b"DELE 1", b"NOOP", b"RSET", b"QUIT", b"",
        b"XYZZY", b"x" * 2000, b"\xff\x00", b"RETR 99999999999999999999",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    lines=st.lists(LINES, max_size=8),
    cuts=st.lists(st.integers(0, 3000), max_size=12),
    accept=st.booleans(),
    end=st.sampled_from([b"\r\n", b"\n"]),
)
def test_any_chunking_gives_the_same_conversation(
    lines: list[bytes], cuts: list[int], accept: bool, end: bytes
) -> None:
    stream = b"".join(line + end for line in lines)
    if b"STLS" in lines and accept:
        # What is dropped then depends on what had arrived, as it must.
        stream = stream.replace(b"STLS", b"RSET")
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert converse(chunks, accept=accept) == converse([stream], accept=accept)


def test_many_commands_are_returned_in_parts_and_none_is_lost() -> None:
    machine, count = Machine(), MAX_COMMANDS_AT_ONCE + 7
    parts = [machine.receive(b"NOOP\r\n" * count)]
    while machine.buffered:
        parts.append(machine.receive(b""))
    assert [len(part) for part in parts] == [MAX_COMMANDS_AT_ONCE, 7]
