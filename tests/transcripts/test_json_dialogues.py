"""Every transcript of JMAP, against the service alone."""

from pathlib import Path
from typing import Any

import pytest

from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.model import ModelMailboxes
from tests.kit.jmap.submitting import DRAFTS, store
from tests.transcripts import json_dialogue, json_setting
from tests.transcripts.json_dialogue import Dialogue, compare

HERE = Path(__file__).parent
MODEL = "core"
"""The folder of those that are played with mailboxes in memory: they are about no data type in particular."""

SENDING = "email-submission"
"""The folder of those whose client has emails to send (`DRAFTS`): their ids are variables by their names."""


def _cases() -> list[Any]:
    cases = []
    for path in sorted(HERE.glob("jmap/**/*.json")):
        dialogue = json_dialogue.read(path)
        marks = [pytest.mark.rfc(section, level) for section, level in dialogue.rfcs]
        if json_setting.replaces_functions(dialogue.setting):
            marks.append(pytest.mark.replaces_functions)
        name = path.relative_to(HERE).with_suffix("").as_posix()
        folder = path.parent.name
        cases.append(pytest.param(dialogue, folder == MODEL, folder == SENDING, id=name, marks=marks))
    return cases


@pytest.mark.parametrize(("dialogue", "model", "drafts"), _cases())
def test_dialogue(dialogue: Dialogue, model: bool, drafts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = dialogue.setting
    clock = json_setting.clock(setting)

    async def test(client: JmapClient) -> None:
        variables = {"account": client.account_id, **await json_setting.arrange(client, setting, monkeypatch)}
        if drafts:
            variables |= {name: await store(client, header) for name, header in DRAFTS.items()}
        later = None if clock is None else json_setting.passing(client, clock)
        await json_dialogue.play(dialogue, client.send, variables, later)

    handlers = ModelMailboxes().handlers() if model else None
    run_with_jmap(test, handlers, limits=json_setting.limits(setting), clock=clock)


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
