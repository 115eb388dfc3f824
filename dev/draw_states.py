"""Draw a protocol's transition table for the docs: `python dev/draw_states.py > docs/states/smtp.md`.

The page is made from the table that the server runs on, and a test holds that it is current.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from pillarbox.protocol.smtp.commands import Verb
from pillarbox.protocol.smtp.states import TABLE, State

HEAD = """# The SMTP server's states

Made by `dev/draw_states.py` from `TABLE` in `src/pillarbox/protocol/smtp/states.py`; do not edit.

A row is a state, a column a command. A word is the state that follows if the command succeeds (a command
that is refused changes nothing); a number is the reply that says why it cannot come now.

"""
TAIL = """
What is no command: the end of DATA leads from `data` to `idle`; a BDAT chunk that was taken to `chunks`, the
last one to `idle`, a refused one to `failed` until its last; the end of an AUTH exchange from `auth` to
`idle`; a TLS handshake from `tls` to `start`.
"""


def page() -> str:
    """The page as it should be."""
    verbs = list(Verb)
    lines = ["| | " + " | ".join(verb.value for verb in verbs) + " |", "|---|" + "---|" * len(verbs)]
    for state in State:
        cells = [_cell(state, verb) for verb in verbs]
        lines.append(f"| **{state.value}** | " + " | ".join(cells) + " |")
    return HEAD + "\n".join(lines) + "\n" + TAIL


def _cell(state: State, verb: Verb) -> str:
    step = TABLE[state, verb]
    return step.value if isinstance(step, State) else str(step.code)


if __name__ == "__main__":
    sys.stdout.write(page())
