"""Text that is dear to decode, to compare or to index: in mail by strangers, and in names, passwords and searches."""

import random
from collections.abc import Callable

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import POP3_REPLY, last_line

MARKS = "a" + "\u0301" * 100_000 + "\u0323" * 100_000
FULL = 12_000_000
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n"
HTML = b"Content-Type: text/html\r\n"
UUENCODE = b"Content-Transfer-Encoding: x-uuencode\r\n"
BY_MAIL = "read in pieces of 16 KiB; 16 MiB are read for the index"


def _body(header: bytes, body: bytes) -> Callable[[Target], str]:
    return lambda target: target.deliver(header + b"\r\n" + body)


def _searched(header: bytes, body: bytes) -> Callable[[Target], str]:
    """A body that arrives, and is searched by its receiver."""

    def attack(target: Target) -> str:
        target.deliver(header + b"\r\n" + body)
        return target.imap_command(b"SEARCH TEXT needle", mailbox="INBOX")

    return attack


def _lines(unit: bytes, octets: int) -> bytes:
    """About so many octets in lines of a thousand."""
    line = unit * (1_000 // len(unit)) + b"\r\n"
    return line * (octets // len(line))


def _random_words(characters: int) -> bytes:
    """What has the most different trigrams."""
    chosen = random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789+/", k=characters)
    return b"\r\n".join("".join(chosen[at : at + 900]).encode() for at in range(0, characters, 900))


def _literal(target: Target, command: bytes, octets: bytes, *, log_in: bool = True) -> str:
    mailbox = "INBOX" if log_in else ""
    given = b"%b {%d+}\r\n%b" % (command, len(octets), octets)
    return target.imap_command(given, mailbox=mailbox, log_in=log_in)


def _login(target: Target) -> str:
    return _literal(target, b"LOGIN x", MARKS.encode()[:4_001], log_in=False)


def _pop3_user(target: Target) -> str:
    with target.pop3(log_in=False) as wire:
        answers = [
            last_line(wire.exchange(b"%b %b\r\n" % (verb, MARKS.encode()[:241]), POP3_REPLY))
            for verb in (b"USER", b"PASS")
        ]
    return target.all_of(answers)


CASES = (
    Case(
        "200,000 combining marks in a body, by a stranger",
        "128 marks in a row",
        _body(PLAIN, MARKS.encode()),
        3.0,
    ),
    Case(
        "12 MB of combining marks in a body, searched",
        "128 marks in a row",
        _searched(PLAIN, _lines("\u0301\u0323".encode(), FULL)),
        3.0,
    ),
    Case(
        "a megabyte of random words in a body, by a stranger",
        "24 Ki characters are indexed at once",
        _body(PLAIN, _random_words(1_000_000)),
        3.0,
    ),
    Case(
        "24,000 random characters in a body, by a stranger",
        "24 Ki characters are indexed at once",
        _body(PLAIN, _random_words(24_000)),
        3.0,
    ),
    Case("12 MB of `!!` as x-uuencode, searched", BY_MAIL, _searched(UUENCODE, b"!!\r\n" * (FULL // 4)), 3.0),
    Case("12 MB of words in HTML, searched", BY_MAIL, _searched(HTML, _lines(b"w ", FULL)), 3.0),
    Case("10 MB of `<` in HTML, searched", BY_MAIL, _searched(HTML, _lines(b"<", 10_000_000)), 3.0),
    Case("12 MB of `<a` in HTML, searched", BY_MAIL, _searched(HTML, _lines(b"<a", FULL)), 3.0),
    Case("12 MB of `&a` in HTML, searched", BY_MAIL, _searched(HTML, _lines(b"&" + b"a" * 32, FULL)), 3.0),
    Case(
        "12 MB of UTF-7, searched",
        BY_MAIL,
        _searched(b"Content-Type: text/plain; charset=utf-7\r\n", _lines(b"+AOk", FULL)),
        3.0,
    ),
    Case(
        "800 KB of encoded words in a Subject, searched",
        "1 MiB of header is parsed",
        _searched(b"Subject:" + b" =?utf-8?q?=C3=A9?=\r\n" * 40_000, b"x"),
        3.0,
    ),
    Case(
        "combining marks in a search key",
        "the length of the key",
        lambda target: _literal(target, b"SEARCH TEXT", MARKS.encode()[:4_001]),
    ),
    Case(
        "combining marks in a mailbox name",
        "2,000 characters",
        lambda target: _literal(target, b"CREATE", MARKS.encode()[:4_001]),
    ),
    Case("combining marks in a user name, before login", "512 octets", _login),
    Case("combining marks in USER and PASS", "512 and 1,024 octets", _pop3_user),
)
