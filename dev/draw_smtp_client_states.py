"""Draw the SMTP client's transition table: `python dev/draw_smtp_client_states.py > docs/states/smtp-client.md`.

The page is made from the table that the client runs on, and a test checks that it is current.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from pillarbox.protocol.smtp.client.replies import ReplyKind
from pillarbox.protocol.smtp.client.states import DEADLINE_S, TABLE, State

HEAD = """# The SMTP client's states

Made by `dev/draw_smtp_client_states.py` from `TABLE` in `src/pillarbox/protocol/smtp/client/states.py`; do not edit.

A row is a state, a column the kind of a reply: positive (2yz), continue (3yz), transient (4yz) or permanent (5yz)
error, 421, and what is not a valid reply. A cell is what the client does. The last column is how long a reply may
take, in seconds (RFC 5321 §4.5.3.2).

"""
TAIL = """
What is no reply: STARTTLS leads from `ready` to `starttls`, and a TLS handshake from `tls` to `ehlo`; AUTH leads from
`ready` to `auth`; a transaction from `ready` to `envelope`; sending the message from `body` to `content`; QUIT from
`ready` to `quit`. A connection that is lost, or a reply that does not come in time, leads from every state to
`closed`.
"""


def page() -> str:
    """The page as it should be."""
    columns = ["", *(kind.value for kind in ReplyKind), "seconds"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for state in State:
        cells = [TABLE[state, kind].value for kind in ReplyKind]
        lines.append(f"| **{state.value}** | " + " | ".join([*cells, f"{DEADLINE_S[state]:g}"]) + " |")
    return HEAD + "\n".join(lines) + "\n" + TAIL


if __name__ == "__main__":
    sys.stdout.write(page())
