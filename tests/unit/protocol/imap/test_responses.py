"""Rendered responses are well-formed and say what they were given."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import fetch_responses, limits, response_codes, responses, strings
from pillarbox.protocol.imap.commands import StatusItem
from pillarbox.protocol.imap.cursor import Cursor
from tests.kit.imap.responses import (
    Atom,
    Continuation,
    Data,
    Fetched,
    NotWellFormed,
    Numbered,
    Response,
    Responses,
    Status,
    read_response,
    read_responses,
)

SOME = NumberSet(((1, 3), (7, 7)))


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (responses.ok(b"a1", "Done"), Status(b"a1", b"OK", None, None, b"Done")),
        (responses.ok(b"*", "Hi", response_codes.uid_next(4)), Status(b"*", b"OK", b"UIDNEXT", b"4", b"Hi")),
        (responses.no(b"a", "No", response_codes.TRYCREATE), Status(b"a", b"NO", b"TRYCREATE", None, b"No")),
        (responses.bad(b"*", "What"), Status(b"*", b"BAD", None, None, b"What")),
        (
            responses.bye("End", response_codes.UNAVAILABLE),
            Status(b"*", b"BYE", b"UNAVAILABLE", None, b"End"),
        ),
        (responses.ok(b"a", "Grüße"), Status(b"a", b"OK", None, None, b"Gr??e")),
        (responses.continuation(), Continuation(b"OK")),
        (responses.capability([b"IMAP4rev1", b"AUTH=X"]), Data(b"CAPABILITY", [b"IMAP4rev1", b"AUTH=X"])),
        (responses.enabled([]), Data(b"ENABLED")),
        (responses.enabled([b"QRESYNC"]), Data(b"ENABLED", [b"QRESYNC"])),
        (responses.identification(None), Data(b"ID", [None])),
        (
            responses.identification([("name", 'a "b"'), ("os", None)]),
            Data(b"ID", [[b"name", b'a "b"', b"os", None]]),
        ),
        (responses.namespace(), Data(b"NAMESPACE", [[[b"", b"/"]], None, None])),
        (responses.separator(), Data(b"LIST", [[b"\\Noselect"], b"/", b""])),
        (responses.listed("INBOX", utf8=False), Data(b"LIST", [[], b"/", b"INBOX"])),
        (
            responses.listed("ü", ["\\HasChildren", "\\Sent"], utf8=False, verb=b"LSUB"),
            Data(b"LSUB", [[b"\\HasChildren", b"\\Sent"], b"/", b"&APw-"]),
        ),
        (
            responses.listed("ü", utf8=True, child_info=True, old_name="ö"),
            Data(
                b"LIST", [[], b"/", "ü".encode(), [b"CHILDINFO", [b"SUBSCRIBED"], b"OLDNAME", ["ö".encode()]]]
            ),
        ),
        (
            responses.status(
                "a b",
                [
                    (StatusItem.MESSAGES, 5),
                    (StatusItem.SIZE, 2**40),
                    (StatusItem.MAILBOXID, "F7"),
                    (StatusItem.APPENDLIMIT, None),
                ],
                utf8=False,
            ),
            Data(
                b"STATUS",
                [b"a b", [b"MESSAGES", 5, b"SIZE", 2**40, b"MAILBOXID", [b"F7"], b"APPENDLIMIT", None]],
            ),
        ),
        (responses.flags("\\Seen $x"), Data(b"FLAGS", [[b"\\Seen", b"$x"]])),
        (responses.exists(5), Numbered(5, b"EXISTS")),
        (responses.recent(0), Numbered(0, b"RECENT")),
        (responses.vanished(SOME), Data(b"VANISHED", [b"1:3,7"])),
        (responses.vanished(SOME, earlier=True), Data(b"VANISHED", [[b"EARLIER"], b"1:3,7"])),
    ],
)
def test_response(octets: bytes, expected: Response) -> None:
    assert read_response(octets) == expected


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (response_codes.capability([b"A", b"B"]), b"CAPABILITY A B"),
        (response_codes.permanent_flags("\\Seen", more=True), b"PERMANENTFLAGS (\\Seen \\*)"),
        (response_codes.permanent_flags("", more=False), b"PERMANENTFLAGS ()"),
        (response_codes.uid_validity(3), b"UIDVALIDITY 3"),
        (response_codes.unseen(3), b"UNSEEN 3"),
        (response_codes.highest_modseq(3), b"HIGHESTMODSEQ 3"),
        (response_codes.mailbox_id("F3"), b"MAILBOXID (F3)"),
        (response_codes.append_uid(3, SOME), b"APPENDUID 3 1:3,7"),
        (response_codes.copy_uid(3, SOME, NumberSet(((9, 12),))), b"COPYUID 3 1:3,7 9:12"),
        (response_codes.modified(SOME), b"MODIFIED 1:3,7"),
    ],
)
def test_code(code: bytes, text: bytes) -> None:
    assert code == text
    assert isinstance(read_response(responses.ok(b"*", "x", code)), Status)


@pytest.mark.rfc("9051 §7.5.1", "MUST")
def test_expunges_count_down_what_went_before() -> None:
    assert (
        responses.expunged([3, 4, 7, 11]) == b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 5 EXPUNGE\r\n* 8 EXPUNGE\r\n"
    )
    assert responses.expunged([]) == b""
    assert responses.vanished(EMPTY) == b""


# Strings


@pytest.mark.parametrize(
    ("octets", "utf8", "written"),
    [
        (b"", False, b'""'),
        (b'a "b" \\', False, b'"a \\"b\\" \\\\"'),
        (b"a\r\nb", False, b"{4}\r\na\r\nb"),
        ("é".encode(), False, b"{2}\r\n\xc3\xa9"),
        ("é".encode(), True, b'"\xc3\xa9"'),
        (b"\xff", True, b"{1}\r\n\xff"),
        (b"x" * 1001, False, b"{1001}\r\n" + b"x" * 1001),
    ],
)
@pytest.mark.rfc("9051 §4.3", "MUST")
def test_string(octets: bytes, utf8: bool, written: bytes) -> None:
    assert strings.string(octets, utf8=utf8) == written
    assert strings.nstring(octets, utf8=utf8) == written


def test_other_strings() -> None:
    assert strings.nstring(None) == b"NIL"
    assert strings.astring(b"From") == b"From"
    assert strings.astring(b"nil") == b'"nil"'
    assert strings.astring(b"") == b'""'
    assert strings.astring(b"a b") == b'"a b"'
    assert strings.binary(b"ab") == b"{2}\r\nab"
    assert strings.binary(b"a\0") == b"~{2}\r\na\0"


@given(st.binary(max_size=40).filter(lambda octets: b"\0" not in octets), st.booleans())
@settings(max_examples=150)
def test_every_string_reads_back(octets: bytes, utf8: bool) -> None:
    for written in (strings.string(octets, utf8=utf8), strings.astring(octets, utf8=utf8)):
        response = read_response(b"* ID (" + written + b" NIL)\r\n")
        assert isinstance(response, Data)
        value = response.arguments[0][0]
        assert (b"%d" % value if isinstance(value, int) else value) == octets
        literal = [octets] if written.startswith(b"{") else []
        text = b"{%d}\r\n" % len(octets) if literal else written
        assert Cursor(text, literal).astring(limits.MAX_SEARCH_TEXT) == octets


# FETCH in bulk


def test_fetch_lines() -> None:
    octets = b"".join(
        fetch_responses.lines(
            [1, 2],
            [
                fetch_responses.numbers(b"UID", [4, 5]),
                fetch_responses.flags(["\\Seen", ""]),
                fetch_responses.modseqs([8, 9]),
                fetch_responses.listed(b"EMAILID", [b"M1", b"M2"]),
                fetch_responses.literals(b"BODY[TEXT]", [b"y%d", b""]),
                fetch_responses.octets(
                    b'BODY[HEADER.FIELDS ("100%d")]<0>', [strings.literal(b"x\r\n"), b"NIL"]
                ),
            ],
        )
    )
    label = b'BODY[HEADER.FIELDS ("100%d")]<0>'
    assert read_responses(octets) == [
        Fetched(
            1,
            {
                b"UID": 4,
                b"FLAGS": [Atom(b"\\Seen")],
                b"MODSEQ": [8],
                b"EMAILID": [b"M1"],
                b"BODY[TEXT]": b"y%d",
                label: b"x\r\n",
            },
        ),
        Fetched(
            2,
            {
                b"UID": 5,
                b"FLAGS": [],
                b"MODSEQ": [9],
                b"EMAILID": [b"M2"],
                b"BODY[TEXT]": b"",
                label: None,
            },
        ),
    ]


def test_fetch_lines_come_in_chunks_of_a_write() -> None:
    count = 20000
    chunks = list(fetch_responses.lines(range(1, count + 1), [fetch_responses.flags(["\\Seen"] * count)]))
    assert b"".join(chunks) == b"".join(b"* %d FETCH (FLAGS (\\Seen))\r\n" % n for n in range(1, count + 1))
    assert max(map(len, chunks)) <= 2 * fetch_responses.CHUNK_OCTETS
    assert len(chunks) < 20
    large = list(
        fetch_responses.lines(range(1, 101), [fetch_responses.octets(b"BODY[]", [b"x" * 30000] * 100)])
    )
    assert max(map(len, large[1:])) <= 2 * fetch_responses.CHUNK_OCTETS


@given(st.lists(st.integers(0, 2**32 - 1)), st.integers(1, 10_000))
def test_numbers_are_written_as_they_are(numbers: list[int], first: int) -> None:
    assert list(fetch_responses.Decimals(numbers)[:]) == [b"%d" % number for number in numbers]
    run = range(first, first + 100)
    assert list(fetch_responses.Decimals(run)[10:20]) == [b"%d" % number for number in run[10:20]]


def test_the_value_of_one_line() -> None:
    assert fetch_responses.literals(b"BODY[]", [b"two"]).value() == b"{3}\r\ntwo"
    assert fetch_responses.modseqs([10**10]).value() == b"(10000000000)"


def test_no_rows_no_octets() -> None:
    assert list(fetch_responses.lines([], [fetch_responses.numbers(b"UID", [])])) == []


# The strict reader itself


@pytest.mark.parametrize(
    "octets",
    [
        b"* 1 FETCH (UID 1  FLAGS ())\r\n",
        b"* 1 FETCH ()\r\n",
        b"* 1 FETCH (UID 1 UID 1)\r\n",
        b"* 1 FETCH (UID 01)\r\n",
        b"* 0 FETCH (UID 1)\r\n",
        b'* 1 FETCH (BODY[] "a\\b")\r\n',
        b"* LIST () \r\n",
        b"* NONSENSE\r\n",
        b"a1 OK\r\n",
        b"* SEARCH 0\r\n",
        b"* SEARCH  1\r\n",
        b"* OK fine\n",
        b"* FLAGS (a)) \r\n",
    ],
)
def test_what_is_not_well_formed_is_noticed(octets: bytes) -> None:
    with pytest.raises(NotWellFormed):
        read_responses(octets)


def test_responses_in_pieces() -> None:
    octets = b"* 1 FETCH (BODY[] {10}\r\n* 2\r\n{3}\r\n)\r\na OK Done\r\n"
    reader = Responses()
    found = [response for octet in octets for response in reader.feed(bytes([octet]))]
    assert found == read_responses(octets)
    assert len(found) == 2
