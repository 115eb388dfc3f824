"""What is pushed: StateChange objects, and where a client is."""

import json
from typing import cast

import pytest

from pillarbox.protocol.jmap import push, websocket
from pillarbox.protocol.jmap.json_scan import PIECE_OCTETS
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.push import MAX_STATE_CHARACTERS, MAX_TYPES
from pillarbox.protocol.jmap.websocket import PushDisable, PushEnable, SocketRequest

STATES = {"Mailbox": "7", "Email": "9.3.2"}


@pytest.mark.rfc("8620 §7.1", "MUST")
def test_a_change_of_state() -> None:
    assert push.state_change("A1", {"Email": "9"}) == {
        "@type": "StateChange",
        "changed": {"A1": {"Email": "9"}},
    }
    assert push.state_change("A1", {}, "x")["pushState"] == "x"
    assert "\n" not in push.json(push.state_change("A1", {"Email": "a\nb"}))


@pytest.mark.parametrize(
    ("told", "types", "changed"),
    [
        (push.push_state(STATES), None, {}),
        ("Mailbox=7,Email=8", None, {"Email": "9.3.2"}),
        ("Mailbox=7,Email=8", frozenset(("Mailbox",)), {}),
        ("Mailbox=7", None, {"Email": "9.3.2"}),
        ("nonsense", None, STATES),
        ("=,=,,a=b=c", None, STATES),
        ("", frozenset(("Email", "Other")), {"Email": "9.3.2"}),
    ],
)
def test_what_has_changed_since(told: str, types: frozenset[str] | None, changed: dict[str, str]) -> None:
    assert push.changed_since(told, STATES, types) == changed


def test_types_that_are_wanted() -> None:
    assert push.types_of(["Email", "", "Mailbox"]) == frozenset(("Email", "Mailbox"))
    assert push.types_of(["Email", "*"]) is None
    assert push.types_of([str(number) for number in range(MAX_TYPES + 1)]) is None
    assert push.types_of([]) == frozenset()


def read(message: str) -> websocket.SocketMessage | Problem:
    steps = websocket.reading(message.encode(), DEFAULT_LIMITS)
    while True:
        try:
            next(steps)
        except StopIteration as told:
            return cast("websocket.SocketMessage | Problem", told.value)


@pytest.mark.rfc("8887 §4.3", "MUST")
def test_messages_of_a_websocket() -> None:
    assert read('{"@type":"Request","using":[],"methodCalls":[]}') == SocketRequest(None)
    assert read('{"@type":"Request","id":"a"}') == SocketRequest("a")
    assert read('{"@type":"WebSocketPushEnable","dataTypes":["Email"]}') == PushEnable(("Email",), "")
    assert read('{"@type":"WebSocketPushEnable","dataTypes":null,"pushState":"x"}') == PushEnable(None, "x")
    assert read('{"@type":"WebSocketPushDisable"}') == PushDisable()
    said = json.loads(websocket.with_type(b'{"a":1}', "Response", None))
    assert said == {"@type": "Response", "a": 1}
    assert json.loads(websocket.with_type(b'{"a":1}', "RequestError", None, always=True))["requestId"] is None
    assert json.loads(websocket.with_type(b'{"a":1}', "Response", '"\\'))["requestId"] == '"\\'


@pytest.mark.parametrize(
    ("value", "limit"),
    [("[" * 5_000 + "]" * 5_000, "maxJsonDepth"), ("[" + "0," * 50_000 + "0]", "maxJsonValues")],
)
def test_how_much_there_is_is_seen_before_a_message_is_decoded(value: str, limit: str) -> None:
    got = read(f'{{"@type":"Request","using":{value}}}')
    assert isinstance(got, Problem)
    assert got.limit == limit


def test_a_long_message_is_read_in_steps() -> None:
    steps = websocket.reading(b'{"@type":"Request","id":"%b"}' % (b"x" * 10 * PIECE_OCTETS), DEFAULT_LIMITS)
    assert sum(1 for _ in steps) == 10


def test_a_text_that_is_too_long_for_a_state_is_none() -> None:
    known = push.push_state(STATES)
    assert push.changed_since(known + "," * (MAX_STATE_CHARACTERS - len(known)), STATES, None) == {}
    assert push.changed_since(known + "," * MAX_STATE_CHARACTERS, STATES, None) == STATES
