"""What is written costs no more than its length deserves, whatever it is."""

from collections.abc import Callable, Iterable

import pytest

from pillarbox.mail.composing import parameters, values, words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.encodings import (
    LineScan,
    TextScan,
    base64_lines,
    crlf_lines,
    quoted_printable,
    text_lines,
)
from pillarbox.mail.composing.folding import MAX_FIELD_OCTETS, NotWritable, field, raw_field
from tests.kit.linear import assert_linear

UNITS = ("a", " ", "a ", "  a", "é", "é ", "=?", '"', "\\", "\t", "x" * 80 + " ", "日本")


def tolerant(call: Callable[[str], object]) -> Callable[[str], object]:
    def run(text: str) -> None:
        try:
            call(text)
        except NotWritable:
            pass

    return run


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(
    "call",
    [
        lambda text: field("Subject", words.text(text, 9)),
        lambda text: field("To", words.phrase(text)),
        lambda text: raw_field("X", " " + text),
    ],
    ids=["text", "phrase", "raw"],
)
def test_fields(call: Callable[[str], object], unit: str) -> None:
    assert_linear(tolerant(call), lambda size: unit * (size // len(unit)), MAX_FIELD_OCTETS, within_s=0.5)


@pytest.mark.parametrize("unit", UNITS)
def test_file_names(unit: str) -> None:
    def call(text: str) -> None:
        for name in ("name", "filename"):
            parameters.value_words("a/b", [(name, text)])

    assert_linear(
        tolerant(call), lambda size: unit * (size // len(unit)), parameters.MAX_VALUE_OCTETS, within_s=0.1
    )


def test_lists() -> None:
    def addresses(count: int) -> None:
        field("To", address_list([MailboxGroup("G", [Mailbox("É" * 20, f"a{n}@b") for n in range(count)])]))

    def ids(count: int) -> None:
        field("References", values.message_ids([f"{n}@b" for n in range(count)]))

    assert_linear(addresses, lambda count: count, 4000)
    assert_linear(ids, lambda count: count, 20_000)


def exhaust(pieces: Iterable[bytes]) -> None:
    for _ in pieces:
        pass


def scanned(text: str) -> None:
    text_scan, line_scan = TextScan(), LineScan([b"=_mark"])
    for lines in text_lines(text):
        text_scan.add(lines)
        line_scan.add(lines)


@pytest.mark.parametrize(
    "unit",
    ["a", "\n", "\r", "\r\n", " \n", "=", "é", "From ", "\nFrom ", "--=_", "=_mar", "x" * 998 + "\n", "\0"],
)
@pytest.mark.parametrize(
    "call",
    [
        scanned,
        lambda text: exhaust(quoted_printable(text_lines(text))),
        lambda text: exhaust(base64_lines(text_lines(text))),
        lambda text: exhaust(crlf_lines(text_lines(text))),
    ],
    ids=["scan", "quoted-printable", "base64", "line-ends"],
)
def test_bodies(call: Callable[[str], object], unit: str) -> None:
    assert_linear(call, lambda size: unit * (size // len(unit)), 2_000_000)
