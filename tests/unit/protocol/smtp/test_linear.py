"""What a stranger sends costs what its length deserves (`tests/kit/linear`)."""

from collections.abc import Callable

import pytest

from pillarbox.protocol.smtp.capabilities import Conditions, Offer, Role
from pillarbox.protocol.smtp.grammar import read
from pillarbox.protocol.smtp.line_ends import LineEnds, repair
from pillarbox.protocol.smtp.machine import MAX_COMMAND_OCTETS, PIECE_OCTETS, ChunkEnd, SmtpMachine
from pillarbox.protocol.smtp.states import State
from tests.kit.linear import assert_linear

CONDITIONS = Conditions(role=Role.MX, message_octets=10**8, recipients=100, transactions=1000)
ALL = Offer((), frozenset({"SIZE", "AUTH", "ENVID"}), frozenset({"NOTIFY", "ORCPT"}))
READ_OCTETS = 256 * 1024
"""Octets that are fed at once: more than a pump holds, so that what is quadratic shows."""


def _machine(state: State) -> SmtpMachine:
    machine = SmtpMachine(CONDITIONS)
    machine.state = state
    return machine


def _read_all(state: State) -> Callable[[bytes], int]:
    """Feeds octets at once, and reads on until nothing is left, as a pump does."""

    def feed(octets: bytes) -> int:
        machine = _machine(state)
        events = machine.receive(octets)
        count = 0
        while events:
            count += len(events)
            for event in events:
                if isinstance(event, ChunkEnd):
                    machine.chunk_answered(event.chunk, accepted=True)
            machine.failed()
            events = machine.receive(b"")
        return count

    return feed


@pytest.mark.parametrize("octets", [b"BDAT 1\r\nx", b"BDAT 0\r\n", b"NOOP\r\n", b"DATA\r\n", b"x\r\n"])
def test_many_small_commands_in_one_read(octets: bytes) -> None:
    assert_linear(_read_all(State.RCPT), lambda size: octets * (size // len(octets)), READ_OCTETS)


@pytest.mark.parametrize("octets", [b"\n", b"\r", b"\r\n", b"\r\n.", b".", b"\r\n.\r", b"a\r", b"\r\r\n"])
def test_a_message_of_line_ends(octets: bytes) -> None:
    assert_linear(_read_all(State.DATA), lambda size: octets * (size // len(octets)), READ_OCTETS)


@pytest.mark.parametrize("octets", [b"\n", b"\r", b"\r\r\n", b"\r\rx", b"\rx", b"\r\n\n"])
def test_repairing_line_ends(octets: bytes) -> None:
    assert_linear(LineEnds().feed, lambda size: octets * (size // len(octets)) + b"x", PIECE_OCTETS)
    assert_linear(repair, lambda size: b"x" + octets * (size // len(octets)) + b"x", 1024 * 1024)


PATHS = [
    ('"', "@", '"'), ("", "@", '"'), ("", "a@", '"'), ("", "a", '"'), ("<", "@", ""), ("<", '"', ""),
    ("<", '""', "a"),
    ("<", '"\\', ""), ("<", "a", ""), ("<", "a.", ""), ("<", '""a', ""), ("<@", "@", ""), ("<@", "a", ":"),
    ("<a@", "a.", "!>"), ("<a@", "a-", ">"), ("<a@[", "1.", "]>"), ("<a@[IPv6:", ":", "]>"),
    ("<", "\u00fc", "@\u00fc>"),
    ("<a@", "\u00fc.", ">"), ("<a@", "a\u0308", ">"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "repeated", "end"), PATHS)
@pytest.mark.parametrize("verb", ["MAIL FROM:", "RCPT TO:"])
def test_any_path(verb: str, start: str, repeated: str, end: str) -> None:
    def line(size: int) -> bytes:
        return f"{verb}{start}{repeated * (size // len(repeated.encode()) - len(verb))}{end}".encode()

    assert_linear(lambda line: read(line, ALL, Role.MX), line, MAX_COMMAND_OCTETS, within_s=0.05)


PARAMETERS = [
    ("MAIL FROM:<a@b.c>", " SIZE=1"), ("MAIL FROM:<a@b.c>", " "), ("MAIL FROM:<a@b.c> SIZE=", "9"),
    ("MAIL FROM:<a@b.c> ENVID=", "+41"), ("MAIL FROM:<a@b.c> ENVID=", "+"), ("MAIL FROM:<a@b.c> AUTH=", "+"),
    ("MAIL FROM:<a@b.c> ", "A-"), ("RCPT TO:<a@b.c> NOTIFY=", "SUCCESS,"),
    ("RCPT TO:<a@b.c> ORCPT=utf-8;", "\\x{41}"),
    ("RCPT TO:<a@b.c> ORCPT=", ";"), ("RCPT TO:<a@b.c> ORCPT=rfc822;", "+4"), ("BDAT ", "1"), ("BDAT", " "),
    ("BDAT 1", " "), ("EHLO ", "a "), ("EHLO ", "a"), ("EHLO", " "), ("AUTH ", "a "), ("AUTH PLAIN ", "A"),
    ("MAIL", " "),
    ("VRFY ", "@"), ("MAIL FROM:", " "), ("NOOP ", "\t"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "repeated"), PARAMETERS)
def test_any_parameter(start: str, repeated: str) -> None:
    def line(size: int) -> bytes:
        return (start + repeated * (size // len(repeated))).encode()[:size]

    assert_linear(lambda line: read(line, ALL, Role.MX), line, MAX_COMMAND_OCTETS, within_s=0.05)
