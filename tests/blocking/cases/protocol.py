"""What costs most to read: lines, arguments and literals of SMTP, IMAP and POP3."""

import re
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import STRANGER, Target
from tests.blocking.wire import POP3_REPLY, SMTP_REPLY, last_line

MEBIBYTE: Final = 1024 * 1024
_TAGGED: Final = rb"^(c|\* BYE)[ ][^\r\n]*\r\n\Z"


def _paths_of_at_signs(target: Target) -> str:
    with target.smtp() as wire:
        lines = (b"MAIL FROM:" + b"@" * 2030 + b'"\r\n') * 20
        return last_line(wire.exchange(lines + b"QUIT\r\n", rb"^(221|421) [^\r\n]*\r\n\Z"))


def _chunks_of_one_octet(target: Target) -> str:
    with target.smtp() as wire:
        wire.exchange(f"MAIL FROM:<{STRANGER}>\r\n".encode(), SMTP_REPLY)
        wire.exchange(f"RCPT TO:<{target.victim.address}>\r\n".encode(), SMTP_REPLY)
        chunks = b"BDAT 1\r\nx" * 100_000 + b"BDAT 0 LAST\r\nQUIT\r\n"
        return last_line(wire.exchange(chunks, rb"^(221|421) [^\r\n]*\r\n\Z"))


class _Message:
    """An attack: a message that is these octets again and again, delivered by a stranger."""

    def __init__(self, octets: bytes) -> None:
        self._body = octets * (MEBIBYTE // len(octets))

    def __call__(self, target: Target) -> str:
        return target.deliver(b"Subject: line ends\r\n\r\nx" + self._body + b"x")


def _line_feeds_as_commands(target: Target) -> str:
    answers = []
    for wire, until in (
        (target.smtp(), SMTP_REPLY),
        (target.pop3(), POP3_REPLY),
        (target.imap(), rb"^\* BYE[^\r\n]*\r\n\Z"),
    ):
        with wire:
            got = wire.exchange(b"\n" * MEBIBYTE, until)
            answers.append(last_line(got))
    return target.all_of(answers)


class _Command:
    """An attack: one IMAP command, with INBOX selected or before login."""

    def __init__(self, command: bytes, *, log_in: bool = True) -> None:
        self._command = command
        self._log_in = log_in

    def __call__(self, target: Target) -> str:
        mailbox = "INBOX" if self._log_in else ""
        with target.imap(log_in=self._log_in, mailbox=mailbox) as wire:
            return last_line(wire.exchange(b"c " + self._command + b"\r\n", _TAGGED))


def _sets(target: Target) -> str:
    numbers = b",".join(b"%d" % number for number in range(60_000, 0, -2))
    answers = []
    with target.imap(mailbox="INBOX") as wire:
        for octets in (
            numbers,
            numbers[: 90 * 1024].rsplit(b",", 1)[0],
            b"9:1," * 20_000 + b"*",
            b"*," * 40_000 + b"1",
        ):
            for command in (b"UID FETCH %b FLAGS", b"UID SEARCH UID %b UID 1,2", b"UID STORE %b FLAGS (x)"):
                answers.append(last_line(wire.exchange(b"c " + command % octets + b"\r\n", _TAGGED)))
    return target.all_of([re.sub(r" \(.*", "", answer) for answer in answers])


CASES = (
    Case("20 MAIL commands of 2030 `@` without brackets", "2048 octets, each read once", _paths_of_at_signs),
    Case("100,000 chunks `BDAT 1`, pipelined", "each line is read once", _chunks_of_one_octet, settle_s=2.0),
    Case("a message of 1 MiB of LF", "repaired in C, 64 KiB at a time", _Message(b"\n")),
    Case("a message of 1 MiB of CR", "repaired in C, 64 KiB at a time", _Message(b"\r")),
    Case("a message of 1 MiB of CR CR LF", "repaired in C, 64 KiB at a time", _Message(b"\r\r\n")),
    Case("1 MiB of LF as commands, in SMTP, POP3 and IMAP", "1, 20 and 50 errors", _line_feeds_as_commands),
    Case(
        "`LIST` with a literal of 1 MB of `a%`",
        "4000 octets, at the announcement",
        _Command(b'LIST "" {1000000+}\r\n' + b"a%" * 500_000),
    ),
    Case(
        "`LOGIN` with a literal of 1 MB, before login",
        "512 octets; 64 KiB are skipped",
        _Command(b"LOGIN {1000000+}\r\n" + b"x" * MEBIBYTE, log_in=False),
    ),
    Case("sequence sets of 60 to 170 KB: reversed, overlapping, `*`", "96 KiB; a line of 128 KiB", _sets),
    Case(
        "SEARCH with 12,000 literals of no octets",
        "200 literals",
        _Command(b"SEARCH" + b" TEXT {0+}\r\n" * 12_000),
    ),
    Case("SEARCH with 30,000 keys", "1000 keys", _Command(b"SEARCH" + b" ALL" * 30_000)),
    Case("SEARCH for a quoted text of 120 KB", "8 KiB", _Command(b'SEARCH TEXT "' + b'\\"' * 60_000 + b'"')),
    Case(
        "FETCH of 60,000 header fields",
        "500 names",
        _Command(b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 60_000 + b"a)]"),
    ),
    Case("FETCH of 30,000 items", "200 items", _Command(b"FETCH 1 (" + b"UID " * 30_000 + b"UID)")),
    Case("STORE of 20,000 keywords", "256 flags", _Command(b"STORE 1 FLAGS (" + b"abcd " * 20_000 + b"a)")),
    Case("ENABLE of 60,000 names", "50 names", _Command(b"ENABLE" + b" X" * 60_000)),
    Case(
        "AUTHENTICATE with 1 MB of base64, before login",
        "a line of 12,800 octets",
        _Command(b"AUTHENTICATE PLAIN " + b"A" * MEBIBYTE, log_in=False),
    ),
    Case(
        "ID with 10,000 pairs, before login",
        "34 KiB; 30 pairs",
        _Command(b"ID (" + b'"a" "b" ' * 10_000, log_in=False),
    ),
)
