"""A POP3 machine with a session that answers everything `+OK`: what the grammar alone must hold."""

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Auth, Command, Quit, Stls
from pillarbox.protocol.pop3.machine import Machine
from pillarbox.protocol.pop3.states import State

MOST_EVENTS = 100_000


def converse(chunks: list[bytes], *, accept: bool = True) -> tuple[list[tuple[State, Command]], bytes]:
    """Feed a machine; each command with the state it met, and all that was answered."""
    machine = Machine()
    met: list[tuple[State, Command]] = []
    said = b""
    for chunk in chunks:
        events = machine.receive(chunk)
        while events:
            assert len(met) < MOST_EVENTS
            for command in events:
                met.append((machine.state, command))
                said += _answer(machine, command, accept)
            events = machine.receive(b"") if machine.buffered else []
    return met, said


def _answer(machine: Machine, command: Command, accept: bool) -> bytes:
    refusal = machine.refuse(command)
    if refusal is not None:
        return refusal
    if isinstance(command, Auth) and command.initial is None:
        reply = replies.challenge(b"")
    elif accept or isinstance(command, Quit):
        reply = replies.ok("yes")
    else:
        reply = replies.error("no")
    said = machine.answer(command, reply)
    if isinstance(command, Stls) and accept:
        machine.discard()
    return said
