"""Fuzz the reading of POP3 commands, and the form in which messages are sent.

`python tests/fuzz/fuzz_pop3.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.protocol.pop3 import wire_form
from tests.fuzz import harness
from tests.kit.pop3.dialogue import converse

SEEDS = (
    (
        b"CAPA\r\nUSER ann\r\nPASS secret word\r\nSTAT\r\nLIST\r\nLIST 1\r\nUIDL\r\nRETR 1\r\n"
        b"TOP 1 5\r\nDELE 1\r\nRSET\r\nQUIT\r\n"
    ),
    b"AUTH PLAIN\r\nAGFubgBzZWNyZXQ=\r\nNOOP\r\nQUIT\r\n",
    b"AUTH PLAIN =\r\n*\r\nLANG en\r\nLANG *\r\nUTF8\r\nSTLS\r\nCAPA\r\n",
    b"Subject: x\r\n\r\n.\r\n..\r\nbare\nlines\n.\n",
)


def target(octets: bytes) -> None:
    """Every line is answered by one status line; no message ends its reply from within."""
    met, said = converse([octets])
    assert said.count(b"\r\n") == len(met)
    assert said.isascii()
    sent = wire_form.whole(octets)
    assert sent.endswith(b".\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + sent[:-3]
    assert b"\n.\n" not in sent


if __name__ == "__main__":
    harness.main(target, SEEDS)
