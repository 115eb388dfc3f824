"""Much at once: many connections that each hold something, and many large messages at the same time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import STRANGER, Target
from tests.blocking.wire import SMTP_REPLY, Wire, last_line

MANY: Final = 400
"""Connections; from one address there may be 500."""
LINES: Final = (b"y" * 998 + b"\r\n") * 1000
"""A megabyte."""
LARGE: Final = b"Subject: large\r\n\r\n" + LINES * 40
SLOW_READER_OCTETS: Final = 4096
_TAGGED: Final = rb"^(a |\+|\* BYE)[^\r\n]*\r\n\Z"


def _in_data(target: Target, stack: ExitStack) -> Wire:
    """A stranger who has sent DATA."""
    wire = stack.enter_context(target.smtp())
    for line in (f"MAIL FROM:<{STRANGER}>", f"RCPT TO:<{target.victim.address}>", "DATA"):
        wire.exchange(line.encode() + b"\r\n", SMTP_REPLY)
    return wire


def _strangers(octets: bytes) -> Callable[[Target], str]:
    """Many send this and no end of data; then one of them ends."""

    def attack(target: Target) -> str:
        with ExitStack() as stack:
            wires = [_in_data(target, stack) for _ in range(MANY)]
            for wire in wires:
                wire.send(octets)
            return last_line(wires[0].exchange(b"\r\n.\r\n", SMTP_REPLY)).partition(" OK ")[0]

    return attack


def large_messages(target: Target) -> str:
    """25 messages of 40 MB at the same time."""
    with ThreadPoolExecutor(25) as threads:
        answers = list(threads.map(target.deliver, [LARGE] * 25))
    return target.all_of([answer.partition(" OK ")[0] for answer in answers])


def _sessions(
    target: Target, stack: ExitStack, count: int, *, mailbox: str = "", receive_buffer: int = 0
) -> Iterable[Wire]:
    for _ in range(count):
        yield stack.enter_context(target.imap(mailbox=mailbox, receive_buffer=receive_buffer))


def stalled_appends(target: Target) -> str:
    """200 APPENDs that stop within their message."""
    with ExitStack() as stack:
        answers = []
        for wire in _sessions(target, stack, 200):
            answers.append(last_line(wire.exchange(b"a APPEND INBOX {40000000}\r\n", _TAGGED)))
            wire.send(LINES[:250_000])
        return target.all_of(answers)


def many_in_one_append(target: Target) -> str:
    """20 sessions with a hundred messages each in one APPEND that does not end."""
    message = b"Subject: x\r\n\r\n" + LINES[:200_000]
    with ExitStack() as stack:
        answers = []
        for wire in _sessions(target, stack, 20):
            answer = wire.exchange(b"a APPEND INBOX {%d}\r\n" % len(message), _TAGGED)
            for _ in range(99):
                answer = wire.exchange(message + b" {%d}\r\n" % len(message), _TAGGED)
            answers.append(last_line(answer))
        return target.all_of(answers)


def literals(target: Target) -> str:
    """300 searches whose text does not end."""
    with ExitStack() as stack:
        wires = list(_sessions(target, stack, 300, mailbox="INBOX"))
        for wire in wires:
            wire.send(b"a SEARCH TEXT {60000+}\r\n" + LINES[:59_000])
        return last_line(wires[-1].exchange(LINES[:1000] + b"\r\n", _TAGGED))


def readers_who_do_not_read(target: Target) -> str:
    """100 sessions that ask for a large message and read nothing of it."""
    target.deliver(b"Subject: large\r\n\r\n" + LINES * 30)
    with ExitStack() as stack:
        for wire in _sessions(target, stack, 100, mailbox="INBOX", receive_buffer=SLOW_READER_OCTETS):
            wire.send(b"a FETCH * (BODY.PEEK[] BODY.PEEK[TEXT])\r\n")
        return target.imap_command(b"NOOP")


def slices(target: Target) -> str:
    """2000 slices of one message, each nearly all of it."""
    target.deliver(b"Subject: x\r\n\r\n" + LINES[:200_000])
    items = b" ".join(b"BODY.PEEK[]<%d.200000>" % start for start in range(2000))
    with target.imap(mailbox="INBOX", receive_buffer=SLOW_READER_OCTETS) as wire:
        wire.send(b"a FETCH * (" + items + b")\r\n")
        return target.imap_command(b"NOOP")


CASES: Final = (
    Case(
        f"{MANY} strangers send a megabyte each, and no end",
        "256 KiB each, then it is in a file; an eighth of the memory budget",
        _strangers(b"Subject: x\r\n\r\n" + LINES),
        memory_mib=200,
    ),
    Case(
        f"{MANY} strangers send a header that does not end",
        "an eighth of the memory budget; 452",
        _strangers(LINES.replace(b"y", b"X: y", 1).replace(b"\r\n", b"\r\n ")),
        memory_mib=200,
    ),
    Case(
        "25 messages of 40 MB at once",
        "an eighth of the memory budget for whole messages, or one of them",
        large_messages,
        settle_s=3,
        memory_mib=350,
    ),
    Case("200 APPENDs that stop within 40 MB", "a file from the first octet", stalled_appends, memory_mib=60),
    Case(
        "20 APPENDs of 100 messages each that do not end",
        "8 MiB in memory and 100 files a command",
        many_in_one_append,
        memory_mib=200,
    ),
    Case("300 literals that do not end", "the argument has a limit of its own", literals, memory_mib=60),
    Case(
        "100 readers who do not read 60 MB each",
        "256 KiB of output and a piece as large",
        readers_who_do_not_read,
        settle_s=3,
        memory_mib=200,
    ),
    Case(
        "a FETCH of 2000 slices of one message", "streamed from 4 MiB on", slices, settle_s=3, memory_mib=60
    ),
)
