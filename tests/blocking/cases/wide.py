"""Much about each of many messages: long BODYSTRUCTUREs, long headers, keywords that no other message has."""

import time
from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.cases.fairness import fill
from tests.blocking.cases.structure import many_messages
from tests.blocking.target import Target
from tests.blocking.wire import Wire, last_line

READERS: Final = 12
SEARCHERS: Final = 200
FOUND_MESSAGES: Final = 250_000
WAIT_S: Final = 5.0
KEYWORD_MESSAGES: Final = 5_000
APPENDED_TOGETHER: Final = 100
STORE_STEP: Final = 5
_TAGGED: Final = rb"^(a |\* BYE)[^\r\n]*\r\n\Z"
_SHORT: Final = b"Subject: x\r\n\r\nx\r\n"


def _command(wire: Wire, command: bytes) -> str:
    return last_line(wire.exchange(b"a " + command + b"\r\n", _TAGGED)).partition(" [")[0]


def _append(wire: Wire, message: bytes) -> None:
    wire.exchange(b"a APPEND INBOX {%d}\r\n" % len(message), rb"^\+ [^\r\n]*\r\n")
    wire.exchange(message + b"\r\n", _TAGGED)
    _command(wire, b"SELECT INBOX")


def _not_read(target: Target, wire: Wire, command: bytes) -> str:
    """Readers who ask for this and do not read; then one who does."""
    with ExitStack() as stack:
        for _ in range(READERS):
            reader = stack.enter_context(target.imap(mailbox="INBOX", receive_buffer=4096))
            reader.send(b"a " + command + b"\r\n")
        time.sleep(WAIT_S)
        return _command(wire, command)


def structures(target: Target) -> str:
    """512 messages of whose BODYSTRUCTURE there is much."""
    with target.imap() as wire:
        _append(wire, many_messages())
        for power in range(9):
            _command(wire, b"COPY 1:%d INBOX" % 2**power)
            _command(wire, b"NOOP")
        return _not_read(target, wire, b"FETCH 1:* (ENVELOPE BODY BODYSTRUCTURE)")


def selections(target: Target) -> str:
    """70 times nearly all of a header of a megabyte."""
    fields = b"".join(b"X-%d: %b\r\n" % (number, b"v" * 960) for number in range(1000))
    items = b" ".join(b"BODY.PEEK[HEADER.FIELDS.NOT (A%d)]" % number for number in range(70))
    with target.imap() as wire:
        _append(wire, fields + b"\r\n" + b"y" * 39_000_000)
        return _not_read(target, wire, b"FETCH 1 (" + items + b")")


def _words(number: int) -> bytes:
    """Keywords that only this message has, as long as they may be."""
    return b" ".join((b"%d_%d" % (number, word)).ljust(110, b"k") for word in range(9))


def found(target: Target) -> str:
    """Sessions that search for all messages but one, and do not read which those are."""
    with target.imap(mailbox="INBOX") as wire, ExitStack() as stack:
        fill(target, wire, b"INBOX", FOUND_MESSAGES)
        _command(wire, b"STORE %d +FLAGS.SILENT (\\Flagged)" % (FOUND_MESSAGES // 2))
        for number in range(SEARCHERS):
            reader = stack.enter_context(target.imap(mailbox="INBOX", receive_buffer=4096))
            reader.send(b"a SEARCH UNFLAGGED\r\n" if number % 2 else b"a UID SEARCH 1:* NOT FLAGGED\r\n")
        time.sleep(WAIT_S)
        return _command(wire, b"UID SEARCH RETURN (ALL COUNT) UNFLAGGED")


def keywords(target: Target) -> str:
    """Each message is to have other keywords: as it is appended, and where that is refused, afterwards."""
    with target.imap() as wire:
        answers = []
        for start in range(0, KEYWORD_MESSAGES, APPENDED_TOGETHER):
            numbers = range(start, start + APPENDED_TOGETHER)
            literal = b"{%d+}\r\n%b" % (len(_SHORT), _SHORT)
            answers.append(
                _command(
                    wire, b"APPEND INBOX" + b"".join(b" (%b) %b" % (_words(n), literal) for n in numbers)
                )
            )
            if "NO" in answers[-1]:
                _command(wire, b"APPEND INBOX" + b"".join(b" %b" % literal for _ in numbers))
        _command(wire, b"SELECT INBOX")
        for number in range(1, KEYWORD_MESSAGES + 1, STORE_STEP):
            answers.append(_command(wire, b"STORE %d FLAGS.SILENT (%b)" % (number, _words(-number))))
        commands = (
            b"FETCH 1:* FLAGS",
            b"STORE 1:* +FLAGS (\\Seen)",
            b"SEARCH OR KEYWORD a UNKEYWORD b",
        )
        return target.all_of(answers + [_command(wire, command) for command in commands])


CASES = (
    Case(
        f"BODYSTRUCTURE of 512 messages, 130 MB, {READERS} who do not read it",
        "1 MiB is read together; unread answers count",
        structures,
    ),
    Case(
        f"70 MB of selected header fields, {READERS} who do not read them",
        "values count until they are read",
        selections,
    ),
    Case(
        f"{SEARCHERS} sessions find {FOUND_MESSAGES:,} messages each and do not read which",
        "5,000 numbers at a time; what is found counts until it is read",
        found,
    ),
    Case(
        f"{KEYWORD_MESSAGES} messages with keywords that no other has",
        "256 KiB of different flags in a mailbox; 8 KiB are named by SELECT",
        keywords,
    ),
)
