"""BODY[...] and BINARY[...] within one message (RFC 9051 §6.4.5.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.header import Header
from pillarbox.mail.part_parser import parse
from pillarbox.mail.summary import CACHED_FIELDS, summarize
from pillarbox.mail.transfer import UnknownEncoding
from pillarbox.protocol.imap.fetch_items import BodySection, Partial, SectionText
from pillarbox.server.imap.sections import (
    Extent,
    body_section,
    cut,
    decoded,
    header_fields,
    narrowed,
    select_cached_fields,
)

MESSAGE = b"""From: user@domain.org
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary="foo
 bar"

Prologue

--foo bar
Content-Type: text/x-myown

hello

--foo bar
Content-Type: message/rfc822

From: sub@domain.org
Subject: submsg
Content-Type: multipart/alternative; boundary="sub1"

Sub prologue
--sub1
Content-Type: text/html

<p>Hello world</p>

--sub1
Content-Type: text/plain

Hello another world

--sub1--
Sub epilogue

--foo bar--
Epilogue
""".replace(b"\n", b"\r\n")

PLAIN = b"Subject: s\r\nTo: a@b\r\n\r\nbody1\r\n\r\n"


def section(
    message: bytes, *part: int, text: SectionText = SectionText.ALL, fields: tuple[bytes, ...] = ()
) -> bytes | None:
    found = body_section(parse(message), BodySection(b"", part=part, text=text, fields=fields))
    return message[found.start : found.end] if isinstance(found, Extent) else found


@pytest.mark.rfc("9051 §6.4.5.1", "MUST")
@pytest.mark.parametrize(
    ("part", "text", "expected"),
    [
        ((), SectionText.ALL, MESSAGE),
        ((), SectionText.HEADER, MESSAGE[: MESSAGE.index(b"Prologue")]),
        ((), SectionText.TEXT, MESSAGE[MESSAGE.index(b"Prologue") :]),
        ((1,), SectionText.ALL, b"hello\r\n"),
        ((1,), SectionText.MIME, b"Content-Type: text/x-myown\r\n\r\n"),
        ((1,), SectionText.HEADER, None),
        ((1,), SectionText.TEXT, None),
        ((2,), SectionText.MIME, b"Content-Type: message/rfc822\r\n\r\n"),
        ((2, 1), SectionText.ALL, b"<p>Hello world</p>\r\n"),
        ((2, 1), SectionText.MIME, b"Content-Type: text/html\r\n\r\n"),
        ((2, 2), SectionText.ALL, b"Hello another world\r\n"),
        ((3,), SectionText.ALL, None),
        ((2, 3), SectionText.ALL, None),
        ((1, 1), SectionText.ALL, None),
    ],
)
def test_sections_of_a_nested_message(
    part: tuple[int, ...], text: SectionText, expected: bytes | None
) -> None:
    assert section(MESSAGE, *part, text=text) == expected


def test_header_and_text_of_a_numbered_part_are_the_enclosed_message_s() -> None:
    header = section(MESSAGE, 2, text=SectionText.HEADER)
    assert header is not None
    assert header.startswith(b"From: sub@domain.org")
    assert header.endswith(b"\r\n\r\n")
    text = section(MESSAGE, 2, text=SectionText.TEXT)
    assert text is not None
    assert text.startswith(b"Sub prologue")
    assert header + text == section(MESSAGE, 2)


def test_a_message_without_parts_has_part_one() -> None:
    assert section(PLAIN, 1) == section(PLAIN, text=SectionText.TEXT) == b"body1\r\n\r\n"
    assert section(PLAIN, 2) is None


@pytest.mark.rfc("9051 §6.4.5.1", "MUST")
def test_header_fields_are_chosen_without_regard_to_case_and_end_with_an_empty_line() -> None:
    fields = (b"from", b"x-none", b"content-type")
    assert section(MESSAGE, text=SectionText.HEADER_FIELDS, fields=fields) == (
        b'From: user@domain.org\r\nContent-Type: multipart/mixed; boundary="foo\r\n bar"\r\n\r\n'
    )
    assert section(MESSAGE, text=SectionText.HEADER_FIELDS_NOT, fields=fields) == b"Mime-Version: 1.0\r\n\r\n"
    assert section(MESSAGE, text=SectionText.HEADER_FIELDS, fields=(b"x-none",)) == b"\r\n"


@pytest.mark.parametrize(
    "names", [{b"from"}, {b"content-type", b"subject"}, {b"to"}, CACHED_FIELDS, CACHED_FIELDS - {b"from"}]
)
def test_fields_from_the_digest_are_those_of_the_header(names: set[bytes]) -> None:
    root = parse(MESSAGE)
    wanted = frozenset(names)
    digest = summarize(MESSAGE).cached_fields
    assert select_cached_fields([digest], wanted) == [header_fields(root.header, wanted)]


LINES = st.sampled_from(
    [
        b"From: a\r\n",
        b"FROM : b\r\n",
        b"Sender: c\r\n",
        b"List-Unsubscribe: k\r\n",
        b"list-unsubscribe-Post\t: l\r\n",
        b":\r\n",
        b"To:\r\n",
        b"To: d.\r\n .\r\n\t..\r\n",
        b"X-Mailer:. \r\n  to: e\r\n",
        b"Subject: \xfc\r\n",
        b"date:f\r\r\n",
        b"Date\0:g\r\n",
        b"Message-ID: <h>\r\n from: i\r\n",
        b"List-Id: From: j\r\n",
    ]
)


@given(
    st.lists(st.lists(LINES, max_size=6).map(b"".join), max_size=70),
    st.sets(st.sampled_from(sorted(CACHED_FIELDS)), min_size=1),
)
def test_many_digests_keep_their_fields_apart(headers: list[bytes], names: set[bytes]) -> None:
    wanted = frozenset(names)
    digests = [summarize(header + b"\r\n").cached_fields for header in headers]
    assert select_cached_fields(digests, wanted) == [
        header_fields(Header(header), wanted) for header in headers
    ]


def test_no_digests_no_fields() -> None:
    assert select_cached_fields([], frozenset({b"from"})) == []


@pytest.mark.rfc("9051 §6.4.5", "MUST")
def test_a_partial_beyond_the_end_is_empty() -> None:
    assert cut(b"body", Partial(2, 10)) == b"dy"
    assert cut(b"body", Partial(4, 1)) == b""
    assert cut(b"body", None) == b"body"
    assert narrowed(Extent(10, 20), Partial(5, 100)) == Extent(15, 20)
    assert narrowed(Extent(10, 20), Partial(50, 100)) == Extent(20, 20)


@pytest.mark.rfc("3516 §4.3", "MUST")
def test_binary_decodes_leaves_and_refuses_what_it_does_not_know() -> None:
    encoded = parse(b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n")
    assert decoded(b"aGVsbG8=\r\n", encoded) == b"hello"
    unknown = parse(b"Content-Transfer-Encoding: x-own\r\n\r\nabc\r\n")
    with pytest.raises(UnknownEncoding):
        decoded(b"abc\r\n", unknown)
