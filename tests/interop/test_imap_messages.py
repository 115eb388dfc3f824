"""IMAP on the wire: what lies in a message, found by section, structure and search, with octets counted."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.demo import Demo
from tests.interop.imap import Imap, Literal, connected
from tests.kit.imap.responses import Atom

pytestmark = pytest.mark.interop

INNER = (
    b"From: sub@domain.org\r\nDate: Sun, 12 Aug 2012 12:34:56 +0300\r\nSubject: submsg\r\n\r\nHello world\r\n"
)
MESSAGE = (
    b"From: user@domain.org\r\nDate: Sat, 24 Mar 2007 23:00:00 +0200\r\nMime-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="foo bar"\r\n\r\nRoot MIME prologue\r\n\r\n--foo bar\r\n'
    b"Content-Type: text/x-myown; charset=us-ascii\r\n\r\nhello\r\n\r\n--foo bar\r\n"
    b"Content-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n--foo bar\r\n"
    b'Content-Type: multipart/alternative; boundary="sub1"\r\n\r\nSub MIME prologue\r\n--sub1\r\n'
    b"Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>Hello world</p>\r\n\r\n--sub1\r\n"
    b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYW5vdGhlciBwYXJ0\r\n--sub1--\r\n"
    b"Sub MIME epilogue\r\n\r\n--foo bar--\r\nRoot MIME epilogue\r\n"
)
SECTIONS = {
    "": MESSAGE,
    "HEADER": MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "TEXT": MESSAGE.partition(b"\r\n\r\n")[2],
    "1": b"hello\r\n",
    "1.MIME": b"Content-Type: text/x-myown; charset=us-ascii\r\n\r\n",
    "2": INNER,
    "2.MIME": b"Content-Type: message/rfc822\r\n\r\n",
    "2.HEADER": INNER.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
    "2.TEXT": b"Hello world\r\n",
    "2.1": b"Hello world\r\n",
    "3.1": b"<p>Hello world</p>\r\n",
    "3.1.MIME": b"Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    "3.2": b"YW5vdGhlciBwYXJ0",
    "HEADER.FIELDS (FROM X-NONE)": b"From: user@domain.org\r\n\r\n",
    "2.HEADER.FIELDS (SUBJECT)": b"Subject: submsg\r\n\r\n",
    "2.HEADER.FIELDS.NOT (DATE SUBJECT)": b"From: sub@domain.org\r\n\r\n",
}


@pytest.mark.rfc("9051 §6.4.5.1", "MUST")
def test_sections(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer(), select="INBOX") as imap:
        imap.append("INBOX", [MESSAGE], synchronizing=True)
        imap.ok(b"NOOP")
        for section, octets in SECTIONS.items():
            name = section.encode()
            assert imap.ok(b"FETCH 1 BODY.PEEK[%b]" % name).fetched[1][b"BODY[%b]" % name] == octets
            for start, count in ((0, 5), (3, 4), (0, 10_000), (len(octets), 1), (10_000, 10)):
                answer = imap.ok(b"FETCH 1 BODY.PEEK[%b]<%d.%d>" % (name, start, count))
                assert answer.fetched[1][b"BODY[%b]<%d>" % (name, start)] == octets[start : start + count]
        together = b" ".join(b"BODY.PEEK[%b]" % section.encode() for section in SECTIONS)
        [items] = imap.ok(b"FETCH 1 (%b)" % together).fetched.values()
        assert {label[5:-1].decode(): octets for label, octets in items.items()} == SECTIONS


def test_what_is_no_part_has_no_octets(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.append("INBOX", [MESSAGE])
        imap.select("INBOX")
        for section in (b"4", b"1.1.1", b"2.2", b"3.3", b"9.9.9.9"):
            answer = imap.say(b"FETCH 1 BODY.PEEK[%b]" % section)
            assert answer.word in ("OK", "NO")
            assert answer.fetched.get(1, {}).get(b"BODY[%b]" % section) in (None, b"")
        for wrong in (b"0", b"1.0", b"MIME", b"1.MIME.HEADER", b"HEADER.FIELDS ()", b"-1"):
            imap.refused(b"FETCH 1 BODY[%b]" % wrong, word="BAD")


@pytest.mark.rfc("3516 §4.2", "MUST")
def test_binary(any_provider: Demo) -> None:
    octets = bytes(range(256)) * 50
    encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    message = (
        b"Mime-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + encoded
        + b"\r\n--x\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"gr=C3=BC=C3=9Fe =\r\nall\r\n--x\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-unknown\r\n\r\nz\r\n"
        b"--x--\r\n"
    )
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.append("INBOX", [message])
        imap.select("INBOX")
        [items] = imap.ok(
            b"FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.PEEK[2] BINARY.SIZE[2])"
        ).fetched.values()
        assert items[b"BINARY[1]"] == octets
        assert items[b"BINARY.SIZE[1]"] == len(octets)
        assert items[b"BINARY[2]"] == "grüße all".encode()
        assert items[b"BINARY.SIZE[2]"] == len("grüße all".encode())
        assert imap.ok(b"FETCH 1 BINARY.PEEK[1]<250.10>").fetched[1][b"BINARY[1]<250>"] == octets[250:260]
        assert imap.refused(b"FETCH 1 BINARY.PEEK[3]").code == "UNKNOWN-CTE"
        assert b"\\Seen" not in imap.flags()[1]
        imap.ok(b"FETCH 1 BINARY[2]")
        assert b"\\Seen" in imap.flags()[1]


@pytest.mark.rfc("3516 §4.4", "MUST")
def test_a_message_with_nul_goes_in_by_a_binary_literal(any_provider: Demo) -> None:
    message = (
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\1\2\0\r\n"
    )
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.ok(b"APPEND INBOX ", Literal(message, binary=True))
        imap.select("INBOX")
        [items] = imap.ok(b"FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] RFC822.SIZE)").fetched.values()
        assert items[b"BINARY[1]"] == b"\0\1\2\0\r\n"
        assert items[b"BINARY.SIZE[1]"] == 6


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_structure(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.append("INBOX", [MESSAGE])
        imap.select("INBOX")
        [items] = imap.ok(b"FETCH 1 (BODY BODYSTRUCTURE ENVELOPE RFC822.SIZE INTERNALDATE)").fetched.values()
    sender = [[None, None, b"sub", b"domain.org"]]
    envelope = [
        b"Sun, 12 Aug 2012 12:34:56 +0300",
        b"submsg",
        sender,
        sender,
        sender,
        None,
        None,
        None,
        None,
        None,
    ]
    charset, seven = [b"charset", b"us-ascii"], b"7bit"
    inner = [b"text", b"plain", charset, None, None, seven, 13, 1]
    body = lowered(items[b"BODY"])
    assert body[0] == [b"text", b"x-myown", charset, None, None, seven, 7, 1]
    assert body[1][:7] == [b"message", b"rfc822", None, None, None, seven, len(INNER)]
    assert lowered(items[b"BODY"])[1][7] == lowered(envelope)
    assert body[1][8] == inner
    assert body[1][9] == 5
    assert body[2][0][:2] == [b"text", b"html"]
    assert body[2][1][5] == b"base64"
    assert body[2][2] == b"alternative"
    assert body[3] == b"mixed"
    structure = lowered(items[b"BODYSTRUCTURE"])
    assert structure[4] == [b"boundary", b"foo bar"]
    assert structure[5:] == [None, None, None]
    assert items[b"RFC822.SIZE"] == len(MESSAGE)


def lowered(value: object) -> Any:
    """Without regard to case, which the grammar leaves open nearly everywhere here."""
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return value.lower() if isinstance(value, bytes) else value


FOUND = [
    # number, header, body
    (
        b"From: Ann Example <ann@one.example>\r\nTo: bob@two.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= to you\r\n"
        b"Date: Mon, 01 Jan 2024 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nThe quick brown fox\r\n"
    ),
    (
        b"From: bob@two.example\r\nTo: ann@one.example\r\nCc: carol@two.example\r\nSubject: second\r\n"
        b"Date: Fri, 01 Mar 2024 00:30:00 +0200\r\nX-Spam: NO\r\nX-Empty:\r\n\r\nlazy dog \xe2\x82\xac\r\n"
    ),
    (
        b"From: carol@two.example\r\nSubject: third \xfc\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nna=EFve caf=E9 and a soft=\r\nbreak\r\n"
    ),
    MESSAGE,
]
SEARCHES = {
    "ALL": [1, 2, 3, 4],
    "1:2": [1, 2],
    "NOT 1:2": [3, 4],
    "2,4": [2, 4],
    "*": [4],
    "3:*": [3, 4],
    "UID 2:*": [2, 3, 4],
    "OR SEEN FLAGGED": [1, 2],
    "OR 1 OR 2 3": [1, 2, 3],
    "NOT (SEEN FLAGGED)": [1, 2, 3, 4],
    "UNSEEN": [2, 3, 4],
    "KEYWORD $Junk": [3],
    "UNKEYWORD $Junk": [1, 2, 4],
    "KEYWORD $JUNK": [3],
    "FROM ann": [1],
    'FROM "Ann Exam"': [1],
    "FROM two.example": [2, 3],
    "TO ann": [2],
    "CC carol": [2],
    "BCC x": [],
    "SUBJECT SECOND": [2],
    "SUBJECT third": [3],
    "HEADER X-Spam no": [2],
    'HEADER X-Empty ""': [2],
    'HEADER Subject ""': [1, 2, 3],
    'HEADER Message-ID "<1@x>"': [1],
    "BODY quick": [1],
    'BODY "QUICK BROWN"': [1],
    "BODY softbreak": [3],
    "BODY prologue": [],
    'BODY "another part"': [4],
    'TEXT "lazy dog"': [2],
    "TEXT carol": [2, 3],
    "LARGER 500": [4],
    "SMALLER 500": [1, 2, 3],
    "SENTSINCE 1-Mar-2024": [2],
    "SENTBEFORE 1-Jan-2024": [4],
    "SENTON 01-Jan-2024": [1],
    "SINCE 1-Jan-2020": [2, 3, 4],
    "BEFORE 1-Jan-2020": [1],
    "ON 5-May-2010": [1],
    "NEW": [2, 3, 4],
    "RECENT": [1, 2, 3, 4],
    "OLD": [],
    "DRAFT": [],
    "ANSWERED UNANSWERED": [],
    "YOUNGER 600": [2, 3, 4],
    "OLDER 600": [1],
    "CHARSET UTF-8 SUBJECT second": [2],
    "CHARSET US-ASCII SUBJECT second": [2],
}


@pytest.mark.rfc("9051 §6.4.4", "MUST")
def test_search(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.ok(b'APPEND INBOX (\\Seen) " 5-May-2010 12:00:00 +0000" ', Literal(FOUND[0]))
        imap.append("INBOX", [FOUND[1]], b"\\Flagged")
        imap.append("INBOX", [FOUND[2]], b"$Junk")
        imap.append("INBOX", [FOUND[3]])
        imap.select("INBOX")
        for criteria, expected in SEARCHES.items():
            assert imap.ok(b"SEARCH " + criteria.encode()).search() == expected, criteria
            assert imap.ok(b"UID SEARCH " + criteria.encode()).search() == expected, criteria
        for word, expected in {"Grüße": [1], "GRÜẞE": [1], "€": [2], "naïve café": [3], "日本": []}.items():
            key = b"SUBJECT" if word.startswith(("Gr", "GR")) else b"BODY"
            assert imap.ok(b"SEARCH CHARSET UTF-8 %b " % key, Literal(word.encode())).search() == expected, (
                word
            )
            assert (
                imap.ok(b"SEARCH CHARSET UTF-8 TEXT ", Literal(word.encode(), True)).search() == expected
            ), word
        assert imap.refused(b"SEARCH CHARSET X-NONE TEXT a").code.startswith("BADCHARSET")
        for wrong in (
            b"",
            b"NOT",
            b"OR 1",
            b"FROM",
            b"SINCE 1-Foo-2024",
            b"0",
            b"UID 0",
            b"(1",
            b"FROBNICATE",
        ):
            imap.refused(b"SEARCH " + wrong, word="BAD")


@pytest.mark.rfc("4731 §3.1", "MUST")
def test_esearch(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        imap.append("INBOX", FOUND)
        imap.append("INBOX", FOUND, b"\\Flagged")
        imap.select("INBOX")
        imap.ok(b"STORE 2,4 +FLAGS (\\Deleted)")
        imap.ok(b"EXPUNGE")
        assert imap.ok(b"SEARCH RETURN (MIN MAX COUNT ALL) UNFLAGGED").esearch() == {
            b"MIN": 1, b"MAX": 2, b"COUNT": 2, b"ALL": b"1:2",
        }  # fmt: skip
        assert imap.ok(b"UID SEARCH RETURN (MIN MAX COUNT ALL) ALL").esearch() == {
            b"MIN": 1, b"MAX": 8, b"COUNT": 6, b"ALL": b"1,3,5:8",
        }  # fmt: skip
        assert imap.ok(b"SEARCH RETURN () FLAGGED").esearch() == {b"ALL": b"3:6"}
        assert imap.ok(b"SEARCH RETURN (MIN MAX ALL) DRAFT").esearch() == {}
        assert imap.ok(b"SEARCH RETURN (COUNT) DRAFT").esearch() == {b"COUNT": 0}
        tag = imap.start(b"UID SEARCH RETURN (MAX) ALL")
        [arguments] = imap.finish(tag).data(b"ESEARCH")
        assert arguments[0] == [Atom(b"TAG"), tag]
        assert arguments[1:] == [b"UID", b"MAX", 8]
        imap.ok(b"UID SEARCH RETURN (SAVE) FLAGGED")
        assert imap.ok(b"SEARCH $").search() == [3, 4, 5, 6]
        imap.ok(b"STORE $ +FLAGS ($Saved)")
        assert imap.ok(b"SEARCH KEYWORD $Saved").search() == [3, 4, 5, 6]


def test_envelopes_and_fields_of_many_at_once(busy_provider: Demo) -> None:
    letters = [
        b"From: a%d@two.example\r\nSubject: letter %d\r\nMessage-ID: <%d@x>\r\n\r\n"
        % (number, number, number)
        for number in range(2000)
    ]
    with connected(busy_provider, busy_provider.newcomer()) as imap:
        for start in range(0, 2000, 500):
            imap.append("INBOX", letters[start : start + 500])
        imap.select("INBOX")
        found = imap.ok(b"FETCH 1:* (UID ENVELOPE FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])").fetched
        assert list(found) == list(range(1, 2001))
        for number, items in found.items():
            assert items[b"UID"] == number
            assert items[b"ENVELOPE"][9] == b"<%d@x>" % (number - 1)
            assert items[b"BODY[HEADER.FIELDS (SUBJECT)]"] == b"Subject: letter %d\r\n\r\n" % (number - 1)


@pytest.mark.parametrize("synchronizing", [True, False])
def test_literals_of_both_kinds_anywhere(any_provider: Demo, synchronizing: bool) -> None:
    def literal(octets: bytes) -> Literal:
        return Literal(octets, synchronizing)

    person = any_provider.newcomer()
    with connected(any_provider, person) as imap:
        again(imap, literal)
    with connected(any_provider, person) as imap:
        imap.ok(b"SELECT ", literal(b'a \\ " name'))


def again(imap: Imap, literal: Callable[[bytes], Literal]) -> None:
    imap.ok(b"CREATE ", literal(b'a \\ " name'))
    imap.ok(b"STATUS ", literal(b'a \\ " name'), b" (MESSAGES)")
    imap.ok(b"APPEND ", literal(b'a \\ " name'), b" ", literal(b"Subject: x\r\n\r\n"))
    imap.ok(b"SELECT ", literal(b'a \\ " name'))
    assert imap.ok(b"SEARCH SUBJECT ", literal(b"x"), b" TEXT ", literal(b"")).search() == [1]
    imap.ok(b"RENAME ", literal(b'a \\ " name'), b" ", literal(b"b"))
    imap.ok(b"RENAME b ", literal(b'a \\ " name'))
