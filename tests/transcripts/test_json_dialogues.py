"""Every transcript of JMAP, against the service alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.model import ModelMailboxes
from tests.transcripts import json_dialogue
from tests.transcripts.json_dialogue import Dialogue, compare

HERE = Path(__file__).parent
MODEL = "core"
"""The folder of those that are played with mailboxes in memory: they are about no data type in particular."""


def _cases() -> list[Any]:
    cases = []
    for path in sorted(HERE.glob("jmap/**/*.json")):
        dialogue = json_dialogue.read(path)
        marks = [pytest.mark.rfc(section, level) for section, level in dialogue.rfcs]
        name = path.relative_to(HERE).with_suffix("").as_posix()
        cases.append(pytest.param(dialogue, path.parent.name == MODEL, id=name, marks=marks))
    return cases


@pytest.mark.parametrize(("dialogue", "model"), _cases())
def test_dialogue(dialogue: Dialogue, model: bool) -> None:
    async def test(client: JmapClient) -> None:
        await json_dialogue.play(dialogue, client.send, {"account": client.account_id})

    run_with_jmap(test, ModelMailboxes().handlers() if model else None)


def test_what_differs_is_seen() -> None:
    variables: dict[str, str] = {}
    compare({"a": "${x}", "...": ""}, {"a": "1", "b": 2}, variables, "")
    assert variables == {"x": "1"}
    for expected, received in (
        ({"a": "${x}"}, {"a": "2"}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": True}),
        ([1], [1, 2]),
        ("${/a+/}", "ab"),
        ({}, []),
    ):
        with pytest.raises(AssertionError):
            compare(expected, received, variables, "")
