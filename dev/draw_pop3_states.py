"""Draw POP3's transition table for the docs: `python dev/draw_pop3_states.py > docs/states/pop3.md`.

The page is made from the table that the server runs on, and a test holds that it is current.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from pillarbox.protocol.pop3.states import TABLE, State

HEAD = """# The POP3 server's states

Made by `dev/draw_pop3_states.py` from `TABLE` in `src/pillarbox/protocol/pop3/states.py`; do not edit.

A row is a command, a column a state. A cell says which state follows `+OK`, and after a stroke which follows
`-ERR` where that is another one. A dash: the command is answered `-ERR` and changes nothing.

"""
TAIL = """
What is no command of RFC 1939 and its extensions, or has arguments that do not fit, is answered `-ERR` in every
state. A challenge (`+ ...`) leads to `exchange`; a line beyond the limit ends an exchange.
"""


def page() -> str:
    """The page as it should be."""
    kinds = list(dict.fromkeys(kind for _, kind in TABLE))
    states = [state for state in State if state is not State.ENDED]
    lines = [
        "| | " + " | ".join(state.name.lower() for state in states) + " |",
        "|---|" + "---|" * len(states),
    ]
    for kind in kinds:
        cells = [_cell(state, kind) for state in states]
        lines.append(f"| **{kind.__name__.upper()}** | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n" + TAIL


def _cell(state: State, kind: type) -> str:
    after = TABLE.get((state, kind))
    if after is None:
        return "-"
    ok, error = after.ok.name.lower(), after.error.name.lower()
    return ok if ok == error else f"{ok} / {error}"


if __name__ == "__main__":
    sys.stdout.write(page())
