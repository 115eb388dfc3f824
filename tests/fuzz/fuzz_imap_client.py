"""Fuzz the IMAP client: any responses, cut in two ways: never an exception, always the same events, one end.

`python tests/fuzz/fuzz_imap_client.py --runs 100000` from the checkout. The first octet of an input chooses the state,
the second where to cut.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.protocol.imap.client.events import Ended, Event
from pillarbox.protocol.imap.client.machine import ClientMachine
from pillarbox.protocol.imap.client.reader import ContentPiece
from pillarbox.protocol.sasl.client import BearerToken, choose_bearer
from tests.fuzz import harness

STATES = 4

SEEDS = [
    bytes([state, 7]) + script
    for state, scripts in enumerate(
        (
            (b"* OK [CAPABILITY IMAP4rev1] hello\r\n* CAPABILITY IMAP4rev1\r\nP1 OK done\r\n",),
            (
                b"* 3 EXISTS\r\n* OK [UIDVALIDITY 9] x\r\n* OK [HIGHESTMODSEQ 5] x\r\nP2 OK [READ-ONLY] done\r\n",
                b'* LIST (\\HasNoChildren \\Sent) "/" "a b"\r\n* LSUB () NIL {3}\r\na\nb\r\n',
                b'* NAMESPACE (("INBOX." ".")) (("user." ".")) NIL\r\n* STATUS x (MESSAGES 5)\r\n',
                b'* SEARCH 1 2 3 (MODSEQ 4)\r\n* ESEARCH (TAG "P2") UID ALL 1:5,9\r\nP2 NO [UNAVAILABLE] x\r\n',
                b"* 1 FETCH (UID 7 BODY[] {9}\r\nab\r\n* BYE FLAGS (\\Seen $x) RFC822.SIZE 9)\r\nP2 OK done\r\n",
                b'* 1 FETCH (BODY[HEADER.FIELDS (DATE)] {4}\r\n\r\n\r\n INTERNALDATE "17-Jul-1996 02:44:25 +0000")\r\n',
                b'* 1 FETCH (X-GM-MSGID 12 X-GM-LABELS ("\\\\Inbox" x) BODY[] "short" UID 3)\r\n* BYE [LIMIT] x\r\n',
            ),
            (b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\nP2 NO [AUTHENTICATIONFAILED] wrong\r\n", b"P2 OK in\r\n* X\r\n"),
            (b"P2 OK begin\r\n* CAPABILITY X\r\n", b"P2 BAD no\r\n* BYE\r\n"),
        )
    )
    for script in scripts
]


def target(octets: bytes) -> None:
    state = octets[0] % STATES if octets else 0
    step = 1 + octets[1] % 64 if len(octets) > 1 else 1
    script = octets[2:]
    whole = _play([script], state)
    assert whole == _play([script[at : at + step] for at in range(0, len(script), step)], state)
    assert sum(isinstance(event, Ended) for event in whole) == 1
    assert isinstance(whole[-1], Ended)


def _machine(state: int) -> ClientMachine:
    machine = ClientMachine(max_content_octets=1000, max_unasked=100)
    if state:
        machine.receive(b"* OK hello\r\n* CAPABILITY IMAP4rev1 SASL-IR\r\nP1 OK done\r\n")
    if state == 1:
        machine.run(b"NOOP", expects=10)
    elif state == 2:
        exchange = choose_bearer(["OAUTHBEARER"], BearerToken("u", "t", "h", 993))
        assert exchange
        machine.authenticate(exchange)
    elif state == 3:
        machine.start_tls()
    return machine


def _play(chunks: list[bytes], state: int) -> list[Event]:
    machine = _machine(state)
    found: list[Event] = []
    for chunk in chunks:
        for event in machine.receive(chunk):
            if isinstance(event, ContentPiece) and found and isinstance(found[-1], ContentPiece):
                found[-1] = ContentPiece(found[-1].octets + event.octets)
            else:
                found.append(event)
    found += machine.lost("gone")
    return found


if __name__ == "__main__":
    harness.main(target, SEEDS)
