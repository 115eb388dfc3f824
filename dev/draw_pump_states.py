"""Draw the pump's table for the docs: `python dev/draw_pump_states.py > docs/states/pump.md`.

The page is made from the table that the server runs on, and a test holds that it is current.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from pillarbox.server.pump.phases import EVENT_MEANINGS, TABLE, Action, Event, Phase, Step

HEAD = """# The phases of a connection

Made by `dev/draw_pump_states.py` from `TABLE` in `src/pillarbox/server/pump/phases.py`; do not edit.

A row is an event, a column a phase. A cell says what the pump does, and the phase that follows where it is
another one. A dash: nothing happens.

"""


def page() -> str:
    """The page as it should be."""
    phases = ["| phase | meaning | handler at work | open |", "|---|---|---|---|"]
    phases += [
        f"| **{phase.name.lower()}** | {phase.meaning} | {_yes(phase.at_work)} | {_yes(phase.open)} |"
        for phase in Phase
    ]
    table = [
        "| | " + " | ".join(phase.name.lower() for phase in Phase) + " |",
        "|---|" + "---|" * len(Phase),
        *(
            f"| **{event.name}** | " + " | ".join(_cell(TABLE[event, phase], phase) for phase in Phase) + " |"
            for event in Event
        ),
    ]
    events = [f"- **{event.name}**: {EVENT_MEANINGS[event]}" for event in Event]
    actions = [f"- *{_name(action)}*: {action.value}" for action in Action if action is not Action.NOTHING]
    return HEAD + "\n\n".join("\n".join(part) for part in (phases, table, events, actions)) + "\n"


def _name(action: Action) -> str:
    return action.name.lower().replace("_", " ")


def _yes(fact: bool) -> str:
    return "yes" if fact else ""


def _cell(step: Step, phase: Phase) -> str:
    does = "" if step.action is Action.NOTHING else _name(step.action)
    leads = "" if step.then is phase else f"→ {step.then.name.lower()}"
    return " ".join(filter(None, (does, leads))) or "-"


if __name__ == "__main__":
    sys.stdout.write(page())
