import re
from dataclasses import replace

import pytest

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.capabilities import CAPABILITIES, Conditions, offered
from pillarbox.protocol.pop3.machine import Machine
from pillarbox.protocol.pop3.replies import Code
from pillarbox.protocol.pop3.states import State


def test_status_lines() -> None:
    assert replies.ok() == b"+OK\r\n"
    assert replies.ok("2 320") == b"+OK 2 320\r\n"
    assert replies.error("no") == b"-ERR no\r\n"
    assert replies.error("busy", Code.IN_USE) == b"-ERR [IN-USE] busy\r\n"


@pytest.mark.rfc("2449 §4", "MUST")
def test_no_status_line_is_over_512_octets() -> None:
    assert len(replies.error("x" * 2000)) == 512


@pytest.mark.rfc("5034 §4", "MUST")
def test_an_empty_challenge_is_plus_and_space() -> None:
    assert replies.challenge(b"") == b"+ \r\n"
    assert replies.challenge(b"abc") == b"+ YWJj\r\n"


CONDITIONS = Conditions(
    tls_active=False, tls_available=True, passwords_allowed=True, mechanisms=("SCRAM-SHA-256", "PLAIN")
)


def shown(state: State, conditions: Conditions = CONDITIONS) -> list[bytes]:
    machine = Machine()
    machine.state = state
    return offered(conditions, machine)


@pytest.mark.rfc("2449 §5", "MUST")
def test_what_is_announced_before_login_is_announced_after_it() -> None:
    before, after = (set(shown(state)) for state in (State.AUTHORIZATION, State.TRANSACTION))
    assert before - after == {b"STLS"}  # by its own definition (RFC 2595 §9)


@pytest.mark.rfc("5034 §4", "MUST")
def test_no_password_mechanism_is_announced_where_none_is_accepted() -> None:
    bare = shown(State.AUTHORIZATION, replace(CONDITIONS, passwords_allowed=False, mechanisms=()))
    assert b"USER" not in bare
    assert not [line for line in bare if line.startswith(b"SASL")]


def test_stls_is_announced_where_it_may_be_used() -> None:
    assert b"STLS" in shown(State.AUTHORIZATION)
    assert b"STLS" not in shown(State.AUTHORIZATION, replace(CONDITIONS, tls_available=False))


@pytest.mark.rfc("2449 §3", "MUST")
def test_capability_lines_follow_the_grammar() -> None:
    for line in shown(State.AUTHORIZATION):
        assert re.fullmatch(rb"[!-\-/-~]+( [!-~]+)*", line)
        assert len(line) <= 510
    assert len({tag for tag, _ in CAPABILITIES}) == len(CAPABILITIES)
