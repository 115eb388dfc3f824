from typing import Any

import pytest

from pillarbox.mail import bodystructure
from pillarbox.mail.bodystructure import BodyStructure
from pillarbox.mail.part_parser import Limits, parse
from tests.kit.imap.grammar import read_body


def message(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1")


def rendered(octets: bytes, *, rev2: bool = True) -> BodyStructure:
    return BodyStructure(*bodystructure.of_revision(bodystructure.render(parse(octets)), rev2=rev2))


def body(octets: bytes) -> bytes:
    return rendered(octets).body


def structure(octets: bytes) -> bytes:
    return rendered(octets).bodystructure


def read(octets: bytes) -> list[Any]:
    return read_body(structure(octets), extended=True)


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_text_without_a_type_is_plain_ascii() -> None:
    octets = message("Subject: x", "", "hello", "world", "")
    assert body(octets) == b'("TEXT" "PLAIN" ("charset" "us-ascii") NIL NIL "7BIT" 14 2)'
    assert structure(octets) == b'("TEXT" "PLAIN" ("charset" "us-ascii") NIL NIL "7BIT" 14 2 NIL NIL NIL NIL)'


@pytest.mark.rfc("2557 §4", "MAY")
@pytest.mark.rfc("1864 §2", "MAY")
@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_all_fields_of_one_part() -> None:
    octets = message(
        "Content-Type: application/xhtml+xml; e=mc*mc;",
        "Content-Transfer-Encoding: 8bit",
        "Content-Disposition: inline; foo=bar; one=1",
        "Content-Language: en, en-US (comment), en-CA",
        "Content-ID: <477345345@example.org>",
        "Content-Description: Homage to 70's TV",
        "Content-Location: (before) http://www.example.org/a/",
        "  b.html (after)",
        "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
        "",
        "12345",
    )
    assert structure(octets) == (
        b'("APPLICATION" "XHTML+XML" ("e" "mc*mc") "<477345345@example.org>" "Homage to 70\'s TV" "8BIT" 5'
        b' "Q2hlY2sgSW50ZWdyaXR5IQ==" ("inline" ("foo" "bar" "one" "1")) ("en" "en-US" "en-CA")'
        b' "http://www.example.org/a/b.html")'
    )
    assert body(octets) == (
        b'("APPLICATION" "XHTML+XML" ("e" "mc*mc") "<477345345@example.org>" "Homage to 70\'s TV" "8BIT" 5)'
    )


@pytest.mark.rfc("9051 §7.5.2", "MUST")
def test_multipart() -> None:
    octets = message(
        'Content-Type: multipart/mixed; boundary="foo',
        ' bar"',
        "",
        "--foo bar",
        "Content-Type: text/x-myown; charset=us-ascii",
        "",
        "hello",
        "",
        "--foo bar--",
    )
    assert body(octets) == b'(("TEXT" "X-MYOWN" ("charset" "us-ascii") NIL NIL "7BIT" 7 1) "MIXED")'
    assert structure(octets) == (
        b'(("TEXT" "X-MYOWN" ("charset" "us-ascii") NIL NIL "7BIT" 7 1 NIL NIL NIL NIL) "MIXED"'
        b' ("boundary" "foo bar") NIL NIL NIL)'
    )


@pytest.mark.rfc("9051 §7.5.2", "MUST")
@pytest.mark.parametrize("subtype", ["rfc822", "global"])
def test_message_in_a_message(subtype: str) -> None:
    octets = message(f"Content-Type: message/{subtype}", "", "Subject: inner", "", "a", "b", "")
    assert structure(octets) == (
        b'("MESSAGE" "%b" NIL NIL NIL "7BIT" 24'
        b' (NIL "inner" NIL NIL NIL NIL NIL NIL NIL NIL)'
        b' ("TEXT" "PLAIN" ("charset" "us-ascii") NIL NIL "7BIT" 6 2 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)'
        % subtype.upper().encode()
    )


GLOBAL = message(
    "Content-Type: multipart/mixed; boundary=b", "", "--b", "Content-Type: message/global", "", "Subject: \xfc", "",
    "a", "--b", "Content-Type: message/rfc822", "", "Content-Type: message/global", "", "Subject: inner", "", "b",
    "--b--",
)  # fmt: skip


@pytest.mark.rfc("3501 §9", "MUST")
def test_imap4rev1_knows_no_envelope_of_a_message_global() -> None:
    rev2, rev1 = rendered(GLOBAL), rendered(GLOBAL, rev2=False)
    assert rev2.body.count(b"inner") == 1
    assert rev1.body == (
        b'(("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 15)'
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 51 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)'
        b' ("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 19) 4) "MIXED")'
    )
    read_body(rev1.body, rev2=False)
    read_body(rev1.bodystructure, extended=True, rev2=False)
    assert b'"GLOBAL" NIL NIL NIL "7BIT" 15 NIL NIL NIL NIL)' in rev1.bodystructure
    # beside others, which are the same for both
    others = [b"(%d)" % number for number in range(200)]
    assert bodystructure.of_revision(others, rev2=False) is others
    mixed = [*others, bodystructure.render(parse(GLOBAL)).body, *others]
    assert bodystructure.of_revision(mixed, rev2=False) == [*others, rev1.body, *others]
    assert bodystructure.of_revision(mixed, rev2=True) == [*others, rev2.body, *others]


@pytest.mark.rfc("9051 §9", "MUST")
def test_what_the_grammar_wants_and_the_message_lacks() -> None:
    no_parts = message("Content-Type: multipart/mixed; boundary=x", "", "nothing")
    # ... and shows all there is as that one part
    assert read(no_parts)[0][0][:8] == [
        b"TEXT",
        b"PLAIN",
        [(b"charset", b"us-ascii")],
        None,
        None,
        b"7BIT",
        7,
        0,
    ]
    assert b'"MIXED"' in body(no_parts)
    unread = message(
        "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", "U3ViamVjdDogeA=="
    )
    assert read(unread)[7] == [None] * 10


def test_beyond_the_limit_of_depth_all_is_well_formed() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\n" * 30
    shallow = bodystructure.render(parse(octets, Limits(depth=3)))
    assert read_body(shallow.bodystructure, extended=True)
    assert shallow.bodystructure.count(b'"RFC822"') == 3


@pytest.mark.rfc("9051 §7.5.2", "SHOULD")
@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ([(b"filename", b"long name.txt")], 'filename*0="long na"; filename*1="me.txt"'),
        ([(b"filename", b"ab")], "filename*1=b; filename*0=a"),
        ([(b"filename*", b"utf-8''%C3%A4b%20c")], "filename*0*=utf-8''%C3%A4; filename*1=\"b c\""),
        ([(b"filename*", b"''a%C3")], "filename*0=a; filename*1*=%C3"),
        ([(b"filename*", b"utf-8'de'%C3%A4")], "filename*=utf-8'de'%C3%A4"),
        ([(b"filename", b"x"), (b"filename*", b"''y")], "filename=x; filename*=''y"),
        ([(b"Filename", b"=?utf-8?q?x?=")], 'Filename="=?utf-8?q?x?="'),
    ],
)
def test_continued_parameters_are_joined(shown: list[tuple[bytes, bytes]], written: str) -> None:
    octets = message(f"Content-Disposition: attachment; {written}", "", "")
    assert read(octets)[9] == (b"attachment", shown)


def test_eight_bit_parameters_travel_as_literals() -> None:
    octets = message('Content-Type: text/plain; name="\xe4.txt"', "", "")
    assert b'("name" {5}\r\n\xe4.txt "charset" "us-ascii")' in structure(octets)


def test_the_number_of_languages_is_limited() -> None:
    octets = message("Content-Language: " + "de," * 1000, "", "")
    assert len(read(octets)[10]) == bodystructure.MAX_LANGUAGES


def test_beyond_the_limit_parts_are_shown_with_their_size_alone() -> None:
    part = ("--b", "Content-Type: message/rfc822", "", "Content-Type: text/x", "From: a@b", "", "x")
    octets = message("Content-Type: multipart/mixed; boundary=b", "", *part * 10, "--b--")
    whole = bodystructure.render(parse(octets))
    leaf = [b"APPLICATION", b"OCTET-STREAM"]

    for max_octets in range(0, len(whole.bodystructure) + 100, 7):
        limited = bodystructure.render(parse(octets), max_octets)
        shown = read_body(limited.bodystructure, extended=True)
        plain = read_body(limited.body)
        assert len(limited.bodystructure) <= max_octets + 80 * len(list(parse(octets).walk()))
        if shown[0] == b"APPLICATION":
            continue  # not even the multipart
        kinds = [each[:2] for each in shown[0]]
        kept = kinds.index(leaf) if leaf in kinds else 10
        assert kinds == [[b"MESSAGE", b"RFC822"]] * kept + [leaf] * (10 - kept)
        assert [each[:2] for each in plain[0]] == kinds
    assert limited == whole


def test_many_messages_with_long_lists_cost_no_more_than_the_limit() -> None:
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: " + b"a@b," * 1000 + b"\r\n\r\nx\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + inner * 400
    rendered = bodystructure.render(parse(octets))

    assert len(rendered.bodystructure) <= bodystructure.MAX_RENDERED_OCTETS + 80 * 800
    (shown, *_) = read_body(rendered.bodystructure, extended=True)
    assert shown[0][0] == b"MESSAGE"
    assert shown[399][0] == b"APPLICATION"
