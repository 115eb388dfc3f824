"""Every verb that clients and servers use, over sessions of every protocol, with what may be answered."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pillarbox.server.chores.table import Chore
from tests.kit.provider import PASSWORD, Provider
from tests.kit.server import factories
from tests.transcripts.runner import BareWire

IMAP = [
    b'a LOGIN u0 "%b"' % PASSWORD.encode(),
    b'a LIST "" * RETURN (STATUS (MESSAGES UNSEEN SIZE))',
    b"a STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)",
    b"a SELECT INBOX",
    b"a FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE PREVIEW)",
    b"a FETCH 1:* (BODY.PEEK[] BINARY.SIZE[1])",
    b"a UID SEARCH TEXT needle",
    b"a SEARCH SUBJECT number UNSEEN",
    b"a UID STORE 1:* +FLAGS (\\Flagged)",
    b"a COPY 1:5 Archive",
    b"a MOVE 1:3 Archive",
    b"a APPEND INBOX {24+}\r\nSubject: new\r\n\r\nnew\r\n\r\n",
    b"a STORE 4 +FLAGS (\\Deleted)",
    b"a EXPUNGE",
    b"a CREATE Another",
    b"a RENAME Archive Older",
    b"a DELETE Older",
    b"a NOOP",
    b"a CLOSE",
]
POP3 = [
    b"USER u0",
    b"PASS " + PASSWORD.encode(),
    b"STAT",
    b"LIST",
    b"UIDL",
    b"RETR 1",
    b"TOP 2 1",
    b"DELE 1",
    b"QUIT",
]
SMTP = [
    b"EHLO there.example",
    b"MAIL FROM:<bob@two.example>",
    b"RCPT TO:<u0@one.example>",
    b"RCPT TO:<u1@one.example>",
    b"DATA",
    b"Subject: x\r\n\r\nhello\r\n.",
]
RIGHT = {
    "imap": (b"OK", b"NO [UNAVAILABLE]", b"NO [CORRUPTION]", b"NO [NONEXISTENT]", b"NO [AUTHENTICATIONFAILED]",
             b"NO [TRYCREATE]", b"BAD", b"* BYE Too many invalid"),
    "pop3": (b"+OK", b"-ERR [SYS/TEMP]", b"-ERR [SYS/PERM]", b"-ERR [AUTH]", b"-ERR "),
    "smtp": (b"2", b"354", b"4", b"503", b"500 5.5.1 Command not"),
}  # fmt: skip
"""What may be said. Of SMTP above all: no 5xx to a recipient that exists."""


def said(wire: BareWire, line: bytes) -> bytes:
    wire.send(line + b"\r\n")
    return wire.receive(0) or b""


def verdict(protocol: str, answer: bytes) -> bytes:
    """The line that says how a command ended."""
    lines = answer.rstrip(b"\r\n").split(b"\r\n")
    if protocol == "imap":
        return lines[-1].removeprefix(b"a ")
    return lines[0]


def play(
    provider: Provider, run: Callable[[Any], Any], *, recipients: Sequence[bytes] = ()
) -> Iterator[tuple[str, bytes, bytes]]:
    """Every command of every protocol, with more recipients; an exception of a session rises."""
    made = factories(provider)
    smtp = [*SMTP[:-2], *(b"RCPT TO:<%b>" % recipient for recipient in recipients), *SMTP[-2:]]
    for protocol, lines in (("imap", IMAP), ("pop3", POP3), ("smtp", smtp)):
        wire = BareWire(made[protocol], run)
        wire.receive(0)
        for line in lines:
            if wire.connection.gone:
                break
            yield protocol, line, said(wire, line)
        wire.close()


async def no_rest(_seconds: float | None = None) -> None:
    """Go on at once."""


async def run_chore(chore: Chore, provider: Provider) -> None:
    await chore.run(provider.world, no_rest)
