"""Transcripts of JMAP: requests and responses as JSON, as in the examples of RFC 8620.

A file is an object: `title`, `rfc` (as the marker: "8620 §3.7 MUST"), `using` (by default all capabilities),
`setting` (what the server is like, by default nothing special: `json_setting.py`), and `dialogue`. In that each turn
has what the client sends and what the server answers:

    {"C": [["Core/echo", {"hello": true}, "b3ff"]],
     "S": [["Core/echo", {"hello": true}, "b3ff"]]}

`C` is an array of method calls, a whole Request object, or a string that is sent as it is. `S` is an array of method
responses, or a whole Response or problem object; beside it `status`, where that is not 200. A turn `{"later": 3600}`
lets so many seconds pass; the setting has to say when it is `now`.

In what the server answers, a string may be `${*}` (anything), `${name}` (its value; when it has none yet, any text,
which becomes its value) or `${/regex/}`; in the name of a member, `${name}` is its value. An object with the member
`...` may have more members than are written. In what the client sends, `${name}` within a string is its value, and
`${x*1000}` is a thousand x. Given from the start: `account`, the first person's, and the names of the setting; in the
folder `email-submission` the ids of emails to send (`tests/kit/jmap/submitting.py`).
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pillarbox.protocol.jmap.capabilities import CAPABILITIES
from pillarbox.server.jmap.service import Answer

Door: TypeAlias = Callable[[bytes], Awaitable[Answer]]
"""Where requests go: the service alone, or a server."""
Later: TypeAlias = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_LONG = re.compile(r"\$\{(\w)\*(\d+)\}")
_PATTERN = re.compile(r"\$\{/(.*)/\}", re.DOTALL)
MORE = "..."


@dataclass(frozen=True)
class Dialogue:
    """One file."""

    title: str
    rfcs: list[tuple[str, str]]
    using: list[str]
    turns: list[dict[str, Any]]
    setting: dict[str, Any] = field(default_factory=dict)


def read(path: Path) -> Dialogue:
    """The file, checked."""
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content.keys() <= {"title", "rfc", "using", "setting", "dialogue"}, path
    rfcs = [tuple(mark.rsplit(" ", 1)) for mark in content.get("rfc", ())]
    for turn in content["dialogue"]:
        assert turn.keys() == {"later"} or {"C", "S"} <= turn.keys() <= {"C", "S", "status"}, path
    using = content.get("using", list(CAPABILITIES))
    return Dialogue(content["title"], rfcs, using, content["dialogue"], content.get("setting", {}))


async def play(dialogue: Dialogue, door: Door, variables: dict[str, str], later: Later | None = None) -> None:
    """Send what the client says, compare what is answered."""
    for number, turn in enumerate(dialogue.turns, 1):
        if "later" in turn:
            assert later is not None, f"{dialogue.title}, turn {number}: time cannot pass here"
            await later(turn["later"])
            continue
        answer = await door(_sent(turn["C"], dialogue, variables))
        received = json.loads(answer.octets)
        expected = turn["S"]
        if isinstance(expected, list):
            expected = {"methodResponses": expected, "sessionState": "${*}"}
        where = f"{dialogue.title}, turn {number}"
        assert answer.status == turn.get("status", 200), f"{where}: {received}"
        assert answer.media_type == (
            "application/json" if answer.status == 200 else "application/problem+json"
        ), where
        compare(expected, received, variables, where)


def _sent(given: Any, dialogue: Dialogue, variables: dict[str, str]) -> bytes:
    if isinstance(given, list):
        given = {"using": dialogue.using, "methodCalls": given}
    text = given if isinstance(given, str) else json.dumps(given)
    return _filled(text, variables).encode()


def _filled(text: str, variables: dict[str, str]) -> str:
    text = _LONG.sub(lambda found: found[1] * int(found[2]), text)
    return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)


def compare(expected: Any, received: Any, variables: dict[str, str], where: str) -> None:
    """Raises AssertionError with the place where they differ."""
    match expected:
        case dict():
            assert isinstance(received, dict), f"{where}: {received!r} is no object"
            expected = {_filled(key, variables): value for key, value in expected.items()}
            missing = expected.keys() - received.keys() - {MORE}
            assert not missing, f"{where}: no {missing} in {received!r}"
            surplus = received.keys() - expected.keys()
            assert not surplus or MORE in expected, f"{where}: also {surplus} in {received!r}"
            for key in expected.keys() - {MORE}:
                compare(expected[key], received[key], variables, f"{where}/{key}")
        case list():
            assert isinstance(received, list), f"{where}: {received!r} is no array"
            assert len(expected) == len(received), f"{where}: {received!r}"
            for at, (one, other) in enumerate(zip(expected, received, strict=True)):
                compare(one, other, variables, f"{where}/{at}")
        case "${*}":
            pass
        case str() if pattern := _PATTERN.fullmatch(expected):
            assert isinstance(received, str), where
            assert re.fullmatch(pattern[1], received, re.DOTALL), f"{where}: {received!r}"
        case str() if variable := _VARIABLE.fullmatch(expected):
            value = variables.setdefault(variable[1], received)
            assert received == value, f"{where}: {received!r} is not {value!r}"
        case _:
            same = type(expected) is type(received) and expected == received
            assert same, f"{where}: {received!r} is not {expected!r}"
