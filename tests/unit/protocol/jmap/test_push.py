"""What is pushed: StateChange objects, and where a client is."""

import json

import pytest

from pillarbox.protocol.jmap import push, websocket
from pillarbox.protocol.jmap.push import MAX_TYPES
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


@pytest.mark.rfc("8887 §4.3", "MUST")
def test_messages_of_a_websocket() -> None:
    assert websocket.read('{"@type":"Request","using":[],"methodCalls":[]}') == SocketRequest(None)
    assert websocket.read('{"@type":"Request","id":"a"}') == SocketRequest("a")
    assert websocket.read('{"@type":"WebSocketPushEnable","dataTypes":["Email"]}') == PushEnable(
        ("Email",), ""
    )
    assert websocket.read('{"@type":"WebSocketPushEnable","dataTypes":null,"pushState":"x"}') == PushEnable(
        None, "x"
    )
    assert websocket.read('{"@type":"WebSocketPushDisable"}') == PushDisable()
    said = json.loads(websocket.with_type(b'{"a":1}', "Response", None))
    assert said == {"@type": "Response", "a": 1}
    assert json.loads(websocket.with_type(b'{"a":1}', "RequestError", None, always=True))["requestId"] is None
    assert json.loads(websocket.with_type(b'{"a":1}', "Response", '"\\'))["requestId"] == '"\\'
