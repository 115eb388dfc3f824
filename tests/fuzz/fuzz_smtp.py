"""Fuzz SMTP's machine: it answers or awaits anything, and other cuts of the same octets change nothing."""

import itertools
import random

from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.protocol.smtp.commands import Command, RejectedCommand, Verb
from pillarbox.protocol.smtp.machine import (
    MAX_AUTH_OCTETS,
    PIECE_OCTETS,
    ChunkEnd,
    Event,
    MessageEnd,
    Piece,
    Response,
    SmtpMachine,
)
from tests.fuzz.harness import main
from tests.kit.smtp.conditions import conditions

ENVELOPE = b"EHLO a.example\r\nMAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\n"
SEEDS = [
    ENVELOPE + b"DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n",
    ENVELOPE + b"BDAT 5\r\nabc\r\nBDAT 0 LAST\r\nBDAT 1 LAST\r\nx",
    ENVELOPE + b"DATA\r\nx\n.\r\ny\r.\r\r\n.\n\r\n.\r\n.\r\n",
    b'EHLO [IPv6:::1]\r\nMAIL FROM:<"a b"@[192.0.2.1]>\r\nRCPT TO:<Postmaster> NOTIFY=NEVER\r\nRSET\r\n',
    b"EHLO a\r\nAUTH PLAIN AGFubmEAYg==\r\nAUTH LOGIN\r\nYQ==\r\n*\r\nNOOP\r\nSTARTTLS\r\n",
    "EHLO a\r\nMAIL FROM:<jörg@bücher.example> SMTPUTF8 RET=HDRS ENVID=a+2B\r\n".encode(),
    b"HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<@x,@y:z@b.example>\r\nVRFY x\r\nHELP\r\nEXPN y\r\nQUIT\r\n",
]


def events_of(octets: bytes, cuts: list[int]) -> tuple[list[object], bytes]:
    """The events of octets cut there, driven as by a session that grants all that may come."""
    machine = SmtpMachine(conditions(Role.SUBMISSION, mechanisms=("PLAIN",)))
    seen: list[object] = []
    message = b""
    for start, end in itertools.pairwise([0, *sorted(cuts), len(octets)]):
        events = machine.receive(octets[start:end])
        while events:
            for event in events:
                message = _handle(machine, event, seen, message)
            events = machine.receive(b"") if machine.buffered else []
        assert machine.buffered <= max(MAX_AUTH_OCTETS, PIECE_OCTETS) + end - start, (
            "the machine piles up octets"
        )
    return seen, message


def _handle(machine: SmtpMachine, event: Event, seen: list[object], message: bytes) -> bytes:
    match event:
        case Piece(octets):
            return message + octets
        case MessageEnd(octets):
            seen.append(("message", message + octets))
        case ChunkEnd(octets, chunk):
            accepted = machine.refusal(chunk) is None
            seen.append((chunk, accepted, message + octets))
            machine.chunk_answered(chunk, accepted=accepted)
        case Response():
            seen.append(event)
            machine.authentication_ended()
        case RejectedCommand():
            seen.append(event)
            if event.fatal:
                machine.close()
        case _:
            _command(machine, event, seen)
            return message
    return b""


def _command(machine: SmtpMachine, command: Command, seen: list[object]) -> None:
    refusal = machine.refusal(command)
    seen.append((command, refusal))
    if refusal:
        return
    machine.succeeded(command)
    verb = command.verb
    if verb is Verb.AUTH:
        machine.expect_response()
    elif verb is Verb.STARTTLS:
        machine.close()  # what follows depends on when it was sent, as it should


def target(octets: bytes) -> None:
    """Any octets, whole and in pieces."""
    whole = events_of(octets, [])
    chance = random.Random(len(octets))
    cuts = [chance.randint(0, len(octets)) for _ in range(5)]
    assert events_of(octets, cuts) == whole
    if len(octets) < 400:
        assert events_of(octets, list(range(len(octets)))) == whole


if __name__ == "__main__":
    main(target, SEEDS)
