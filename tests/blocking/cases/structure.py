"""Messages that are dear to parse: long lines and headers, many parts and addresses. Sent by a stranger, then read."""

from collections.abc import Callable
from functools import partial
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import POP3_REPLY, last_line

LARGE: Final = 45_000_000
"""Octets, somewhat below the largest message."""

ITEMS: Final = (
    b"(ENVELOPE BODY BODYSTRUCTURE PREVIEW BODY.PEEK[HEADER]<0.9> BODY.PEEK[HEADER.FIELDS (X-Y)] BODY.PEEK[1.MIME]"
    b" BODY.PEEK[TEXT]<0.9> BODY.PEEK[1.1]<0.9> BINARY.PEEK[1]<0.9> BINARY.SIZE[1])"
)

_MULTIPART: Final = b"Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def filled(before: bytes, piece: bytes, after: bytes, octets: int = LARGE) -> bytes:
    """A message of about so many octets: a piece repeated between a beginning and an end."""
    return before + piece * ((octets - len(before) - len(after)) // len(piece)) + after


def nested_messages(levels: int) -> bytes:
    """Messages in messages, each to thousands of people."""
    people = b",\r\n ".join([b"a@b," * 200] * 20)
    return (b"From: %b\r\nTo: %b\r\nContent-Type: message/rfc822\r\n\r\n" % (people, people)) * levels


def many_messages() -> bytes:
    """4 MB of messages beside one another, each by a thousand people."""
    part = b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: " + b"a@b," * 1000 + b"\r\n\r\nx\r\n"
    return _MULTIPART + part * 999


def described_parts() -> bytes:
    """4 MB of parts whose fields are shown in BODYSTRUCTURE."""
    return _MULTIPART + (b"--b\r\nContent-Description: " + b'"x' * 2000 + b"\r\n\r\nx\r\n") * 999


def simple() -> bytes:
    """256 KiB just simple enough to be read in the loop: 64 parts, 4 KiB of addresses, text that shows nothing."""
    people = b"To: %b\r\n" % b",\r\n ".join([b"a:b@c;," * 40] * 14)
    part = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<a " * 1_270 + b"\r\n"
    return people + _MULTIPART + part * 62


def lists() -> bytes:
    """Lists of words, which are the slowest to read as addresses, within the longest header."""
    fields = (b"From", b"Sender", b"Reply-To", b"To", b"Cc", b"Bcc")
    return b"".join(name + b": " + b"a \r\n " * 50_000 + b"\r\n" for name in fields) + b"\r\nx\r\n"


def comments() -> bytes:
    """Comments in comments, in an address, a date and a type."""
    nested = b"(" * 100_000 + b")" * 100_000
    return b"From: %b a@b\r\nDate: %b 1 Jan 2020\r\nContent-Type: %b text/plain\r\n\r\n" % ((nested,) * 3)


def _sent(make: Callable[[], bytes], target: Target) -> str:
    """Deliver it, then read what a client may ask of it."""
    said = [target.deliver(make()).partition(" OK ")[0], target.fetch_newest(ITEMS)]
    said.append(target.imap_command(b"SEARCH HEADER X-Y z", mailbox="INBOX"))
    with target.pop3() as wire:
        newest = wire.exchange(b"STAT\r\n", POP3_REPLY).split()[1]
        got = wire.exchange(b"TOP %b 1000000\r\n" % newest, rb"^\.\r\n\Z|^-ERR[^\r\n]*\r\n\Z")
        said.append(last_line(got))
    return target.all_of(said)


def _kept(make: Callable[[], bytes], target: Target) -> str:
    """Append it, then read what a client may ask of it."""
    message = make()
    with target.imap() as wire:
        wire.exchange(b"c APPEND INBOX {%d}\r\n" % len(message), rb"^\+ [^\r\n]*\r\n")
        said = last_line(wire.exchange(message + b"\r\n", rb"^c [^\r\n]*\r\n\Z"))
    return target.all_of([said, target.fetch_newest(ITEMS)])


_HEADER: Final = "a header has at most 2 MiB"
_FIELDS: Final = "4,000 fields are read, within 1 MiB"
_SLICES: Final = "read in slices"
_PARTS: Final = "1,000 parts; the others are one"
_RENDERED: Final = "ENVELOPE and BODYSTRUCTURE have at most 512 KiB"
_BOUNDARY: Final = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n"

MESSAGES: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("a line of 45 MB without a colon", _HEADER, lambda: filled(b"", b"x", b"\r\n\r\nx")),
    ("one field of 45 MB", _HEADER, lambda: filled(b"X-Y: ", b"x", b"\r\n\r\nx")),
    ("one folded field of 45 MB", _HEADER, lambda: filled(b"To: ", b"a@b,\r\n ", b"\r\n\r\nx")),
    ("45 MB of fields", _FIELDS, lambda: filled(b"", b"X-Y: z\r\n", b"\r\nx")),
    ("45 MB of lone LF", _SLICES, lambda: filled(b"Subject: x\r\n\r\n", b"\n", b"", LARGE // 2)),
    ("45 MB of lone CR", _SLICES, lambda: filled(b"Subject: x\r\n\r\n", b"\r", b"x")),
    ("a text of one line, 45 MB", _SLICES, lambda: filled(b"Subject: x\r\n\r\n", b"x", b"")),
    ("millions of empty parts", _PARTS, lambda: filled(_MULTIPART, b"--b\r\n\r\n", b"")),
    (
        "millions of lines that begin like a boundary",
        _SLICES,
        lambda: filled(_MULTIPART, b"--bx\r\n", b""),
    ),
    (
        "45 MB of white space after a boundary",
        "998 octets of it are read",
        lambda: filled(_MULTIPART + b"--b", b" ", b"x\r\n"),
    ),
    (
        "multiparts in multiparts, around 45 MB",
        "30 levels",
        lambda: filled(
            b"".join(_BOUNDARY % (b"b%d" % level) + b"--b%d\r\n" % level for level in range(200)),
            b"x\r\n",
            b"",
        ),
    ),
    (
        "messages in messages, around 45 MB",
        "30 levels",
        lambda: filled(b"Content-Type: message/rfc822\r\n\r\n" * 200, b"x\r\n", b""),
    ),
    ("messages in messages, each to 4,000 people", _RENDERED, lambda: nested_messages(29)),
    ("999 messages side by side, each by 1,000 people", _RENDERED, many_messages),
    ("999 parts with long descriptions", _RENDERED, described_parts),
    ("groups and HTML of 256 KiB", "read in the loop: 64 parts, 4 KiB of addresses", simple),
    ("six lists of 50,000 words", "80,000 tokens of a list are read", lists),
    ("comments in comments, 100,000 deep", "256 KiB of a field are read", comments),
    (
        "a parameter in 200,000 sections",
        "200 parameters, within 64 KiB",
        lambda: filled(b"Content-Type: text/plain", b";\r\n a*0=b", b"\r\n\r\nx", 2_000_000),
    ),
    (
        "References to 100,000 messages",
        "128 are kept, of 128 KiB",
        lambda: filled(b"References:", b" <a@b>\r\n", b"\r\nx", 900_000),
    ),
)

_APPENDED: Final = 6
"""SMTP repairs line ends and puts fields on top: the first are also sent as they are, by a client."""

CASES = (
    *(Case(f"{name}, by a stranger", limit, partial(_sent, make)) for name, limit, make in MESSAGES),
    *(Case(f"{name}, by APPEND", limit, partial(_kept, make)) for name, limit, make in MESSAGES[:_APPENDED]),
)
