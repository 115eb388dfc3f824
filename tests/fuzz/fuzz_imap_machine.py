"""Fuzz the IMAP machine: any octets, in any state, cut in two ways: never an exception, always the same events.

`python tests/fuzz/fuzz_imap_machine.py --runs 100000` from the checkout. The first octet of an input chooses the
state, the second where to cut.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.events import Event, MessageOctets, Response
from pillarbox.protocol.imap.states import State
from tests.fuzz import harness
from tests.kit.imap.dialogue import Dialogue
from tests.kit.imap.responses import read_responses

STATES = tuple(State)[:3]

SEEDS = [
    bytes([state, 7]) + script
    for state, scripts in enumerate(
        (
            (
                b"a LOGIN {3+}\r\njoe {1}\r\nx\r\nb CAPABILITY\r\n",
                b"a AUTHENTICATE PLAIN\r\nAGEAYg==\r\nb STARTTLS\r\n",
            ),
            (
                b'a APPEND box (\\Seen) " 1-Jan-2024 00:00:00 +0000" {3+}\r\nabc ~{2+}\r\n\0x\r\nb IDLE\r\nDONE\r\n',
                b'a LIST (SUBSCRIBED RECURSIVEMATCH) "" (a% b*) RETURN (CHILDREN STATUS (UNSEEN))\r\n',
                b"a ENABLE QRESYNC\r\nb SELECT &APw- (QRESYNC (1 2 3:4 (1,2 3,4)))\r\nc CREATE x (USE (\\Sent))\r\n",
            ),
            (
                b'a UID FETCH 1:*,$ (BODY.PEEK[1.2.HEADER.FIELDS.NOT (a "b")]<0.9> FLAGS) (CHANGEDSINCE 4)\r\n',
                b"a STORE 4:2 (UNCHANGEDSINCE 9) -FLAGS.SILENT (\\Seen $x)\r\nb UID EXPUNGE 1:*\r\n",
                b'a SEARCH RETURN (MIN SAVE) CHARSET koi8-r OR NOT (ON "1-Jan-2024") HEADER x {1+}\r\ny UID 5:*\r\n',
                b'a UID REPLACE * box {3+}\r\nabc\r\nb ID ("name" NIL)\r\nc UID MOVE 1 "a b"\r\n',
            ),
        )
    )
    for script in scripts
]


def target(octets: bytes) -> None:
    state = STATES[octets[0] % 3] if octets else STATES[0]
    step = 1 + octets[1] % 64 if len(octets) > 1 else 1
    script = octets[2:]
    whole = _play([script], state)
    assert whole == _play([script[at : at + step] for at in range(0, len(script), step)], state)
    for event in whole:
        if isinstance(event, Response):
            read_responses(event.octets)


def _play(chunks: list[bytes], state: State) -> list[Event]:
    # Without STARTTLS: what is lost there depends on when it came, and is meant to
    dialogue = Dialogue(state, conditions=Conditions(mechanisms=("PLAIN",)))
    found: list[Event] = []
    for chunk in chunks:
        for event in dialogue.send(chunk):
            if isinstance(event, MessageOctets) and found and isinstance(found[-1], MessageOctets):
                found[-1] = MessageOctets(found[-1].octets + event.octets)
            else:
                found.append(event)
    assert state is State.LOGOUT or dialogue.machine.buffered <= sum(map(len, chunks))
    return found


if __name__ == "__main__":
    harness.main(target, SEEDS)
