"""Every expression and parser of text costs no more than its input deserves, whatever the input.

Each row has what reads the input, its limit or a size far above what mail has, and the pieces that attacks consist of:
each is repeated, alone and after an ordinary beginning.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import NamedTuple

import pytest

from pillarbox.mail import (
    address_field,
    charset,
    collation,
    date,
    encoded_word,
    html_text,
    mailbox_name,
    parameter,
    subject,
    surrogate,
    text,
    transfer,
    unitext,
    xtext,
)
from pillarbox.mail.mailbox_name import InvalidMailboxName, ListPattern
from pillarbox.mail.part_parser import parse
from tests.kit.linear import assert_linear


class Case(NamedTuple):
    """What reads an input."""

    name: str
    call: Callable[[bytes], object]
    octets: int
    """The limit of the input, or where it has none a size at which anything worse than linear shows."""
    units: tuple[bytes, ...]
    beginning: bytes = b""


def _of_text(call: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda octets: call(octets.decode())


def _pieces(label: str) -> Callable[[bytes], object]:
    size = transfer.MAX_PIECE_OCTETS

    def call(octets: bytes) -> None:
        for _ in charset.pieces(
            lambda: [octets[at : at + size] for at in range(0, len(octets), size)], label
        ):
            pass

    return call


def _words(octets: bytes) -> None:
    html, size = octets.decode(), transfer.MAX_PIECE_OCTETS
    for _ in html_text.words(html[at : at + size] for at in range(0, len(html), size)):
        pass


def _preview(octets: bytes) -> None:
    text.preview(octets, parse(octets))


def _canonical(name: str) -> None:
    try:
        mailbox_name.canonical(name)
    except InvalidMailboxName:
        pass


def _name(wire: bytes) -> None:
    try:
        mailbox_name.decode(wire, utf8=False)
    except InvalidMailboxName:
        pass


def _strict(octets: bytes) -> None:
    try:
        transfer.decode_strict(octets, "base64")
    except transfer.UnknownEncoding:
        pass


HTML = (
    b"<", b"<a", b"<a ", b"<a <b>", b"<br ", b"<br/", b"<p<", b"</", b"</p", b"<!", b"<!--", b"<!---->", b"--", b">",
    b"<style>", b"</style", b"</style ", b"<style></style>", b"<!-- <style>", b"&", b"&#", b"&#1;", b"&a", b"&lt;",
    b" ", b"a ", b"<script", b"<x>a", b"&#x0",
)  # fmt: skip
WORDS = (
    b"=?", b"=?a?Q?", b"?=", b"=?utf-8?q?", b"=?a*", b"=?utf-8?Q?x?= ", b"=?utf-8?b?w6k=?= ", b"=?a?q??= =?b?q??=",
    b" ", b"\r\n ", b"=?x\xff", b"\n",
)  # fmt: skip
PARAMETERS = (
    b"a", b"a ", b" ", b";", b";a=", b";a=b", b';a="', b'"', b'\\"', b"=", b"a=", b"(", b"()", b"(\\", b"a (", b'="',
    b";a*1*=%41", b";a*0=x", b"*", b"a*b", b'a ="', b"/ ", b"<", b"\n",
)  # fmt: skip
MARKS = (
    "\u0301\u0323".encode(),
    "\u0301".encode(),
    "\u0345".encode(),
    "\ufdfa".encode(),
    "Σ".encode(),
    "ﾊﾞ".encode(),
)

CASES = [
    Case("base64", lambda octets: transfer.decode(octets, "base64"), 2_000_000, (b"A=", b"A", b"!", b"\n")),
    Case("strict base64", _strict, 2_000_000, (b"A=", b"A", b"!", b"=")),
    Case(
        "quoted-printable",
        lambda octets: transfer.decode(octets, "quoted-printable"),
        2_000_000,
        (b"=", b"= ", b" ", b" \n", b"=\r", b"=\n", b"=A", b"x", b"\n", b"x "),
    ),
    Case(
        "uuencode",
        lambda octets: transfer.decode(octets, "x-uuencode"),
        500_000,
        (b"!!\n", b"begin ", b"begin 644 x\n", b"\nbegin 6", b"M\n", b"M", b"\r", b"\n"),
    ),
    *(
        Case(label, _pieces(label), 1_000_000, units)
        for label, units in {
            "utf-7": (b"+", b"+AOk", b"AOk", b"+-", b"\xff", b"+\n"),
            "utf-8": (b"\xff", b"\xf0", b"\xf0\x9f", b"\xc3\xa9"),
            "utf-16": (b"\xd8", b"\xdc", b"a"),
            "iso-2022-jp": (
                *(
                    b"\x1b",
                    b"\x1b$B",
                    b"\x1b(B",
                    b"\x1b$B!",
                    b"\x1b$B-b\x1b(B",
                    b"\x1b(Ia\x1b(D!!",
                    b"\x1bNa",
                ),
                *(b"\x1b$B-b", b"\x0ea\x0f", b"\xff!"),
            ),
            "iso-2022-kr": (b"\x1b", b"\x0e", b"\x1b$)C", b"\x0e0!\x0fa"),
            "hz-gb-2312": (b"~", b"~{", b"~}", b"~{!"),
            "gb18030": (b"\x81", b"\x81\x30", b"\xff", b"\x80a", b"\xe3\x32\x9a\x36", b"\xa8\xbc\x80"),
            "euc-jp": (b"\x8f", b"\x8e\xff", b"\xad\xe2", b"\xa1\xc1\xff", b"a\xff", b"\x8f\xa1\xa1a"),
            "big5": (b"\x81", b"\x87\x7a", b"a\xff", b"\xa1\x45\x81\x40", b"\xff"),
            "windows-1252": (b"\x81", b"\xff"),
            "shift_jis": (b"\x81", b"\xff", b"\xa1"),
            "unknown": (b"\xff", b"a", b"\xc3\xa9"),
        }.items()
    ),
    Case("encoded words", encoded_word.decode, 500_000, WORDS),
    Case("encoded words in pieces", lambda raw: list(encoded_word.pieces(raw)), 500_000, WORDS, b"Subject: "),
    Case("html", _words, 500_000, HTML, b"<p>"),
    Case(
        "preview of html",
        _preview,
        2 * text.MAX_PREVIEW_OCTETS,
        HTML,
        b"Content-Type: text/html\r\n\r\n<style>" + b"x" * 200,
    ),
    Case(
        "preview of text",
        _preview,
        2 * text.MAX_PREVIEW_OCTETS,
        (b">\n", b"\n>", b"On x:\n", b" ", b"a:\n>", b"On ", b"x wrote:\n", "\u200b".encode(), b"\0"),
        b"\r\n",
    ),
    Case("parameters", parameter.parse_any, parameter.MAX_VALUE_OCTETS, PARAMETERS, b"text/plain; a=b"),
    Case("comments", parameter.strip_comments, parameter.MAX_VALUE_OCTETS, PARAMETERS),
    Case(
        "decoded parameters",
        lambda value: parameter.decode(parameter.parse_any(value).parameters),
        parameter.MAX_VALUE_OCTETS,
        (*PARAMETERS, b";a*0*=%41", b";a=" + WORDS[5]),
        b"text/plain",
    ),
    Case(
        "date",
        date.parse_any,
        100_000,  # far beyond its limit
        (b"(", b"()", b"((", b" ", b"1", b"a", b"Mon, ", b"+0000 ", b"1:", b"("),
        b"Mon, 1 Jan 2024 10:00:00 +0000 ",
    ),
    Case(
        "base subject",
        _of_text(subject.reduce),
        200_000,
        (b"[fwd:", b"re:", b"re[x]:", b"[x]", b"[", b"]", b" ", b"(fwd)", b"re ", b"\t", b"fwd [x] "),
        b"Re: ",
    ),
    Case(
        "collation", _of_text(collation.collate), 2 * address_field.MAX_SORT_CHARACTERS, MARKS, "ß".encode()
    ),
    Case(
        "surrogate",
        surrogate.ascii_header,
        200_000,
        ("é".encode(), b";a=", b';a="\\', b';a="', b"<", b'"', b",", b"(", b"\n "),
        "Subject: é\r\nContent-Type: é\r\nTo: é".encode(),
    ),
    Case(
        "unitext",
        _of_text(lambda given: (unitext.decode(given), unitext.encode(given))),
        100_000,
        (b"\\x{", b"\\x{41}", b"\\", "é".encode()),
    ),
    Case(
        "xtext",
        _of_text(lambda given: (xtext.is_xtext(given), xtext.decode(given), xtext.encode(given))),
        100_000,
        (b"+", b"+4", b"+41", b"a", b"="),
    ),
    Case(
        "mailbox name",
        _of_text(_canonical),
        200_000,  # far beyond its limit
        (b"/", b"a/", b"INBOX/", *MARKS),
        "é".encode(),
    ),
    Case("modified UTF-7", _name, 200_000, (b"&", b"&-", b"&AOk-", b"&AOk-x", b"AAAA", b"\xff"), b"&"),
    Case(
        "LIST pattern",
        _of_text(lambda pattern: ListPattern(pattern).matches("a/" * 200)),
        1_000_000,
        (b"*", b"%", b"*%", b"a%", b"%/", b"a*", b"/"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_no_input_costs_more_than_its_length_deserves(case: Case) -> None:
    for beginning, unit in product({b"", case.beginning}, case.units):
        assert_linear(case.call, partial(_repeated, beginning, unit), case.octets)


def _repeated(beginning: bytes, unit: bytes, octets: int) -> bytes:
    return beginning + unit * (octets // len(unit))


def test_what_is_quadratic_is_noticed() -> None:
    def quadratic(text: str) -> int:
        return sum(1 for _ in text for _ in text)

    with pytest.raises(AssertionError, match="cost"):
        assert_linear(quadratic, "x".__mul__, 1_500, within_s=60)
    with pytest.raises(AssertionError, match="bound"):
        assert_linear(quadratic, "x".__mul__, 1_500, within_s=0.0001)
