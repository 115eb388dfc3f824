"""Headers: fields found by name, octets written back unchanged."""

import pytest

from pillarbox.mail import header
from pillarbox.mail.header import Field, Header
from tests.kit.mail.invariants import check_header


def parsed(octets: bytes) -> Header:
    found, _ = Header.parse(octets)
    check_header(found)
    return found


@pytest.mark.rfc("5322 §2.1", "MUST")
def test_the_body_begins_after_the_first_empty_line() -> None:
    octets = b"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore"
    found, body_start = Header.parse(octets)

    assert octets[body_start:] == b"body\r\n\r\nmore"
    assert found.octets == b"A: 1\r\nB: 2\r\n\r\n"
    assert found.separator == b"\r\n"
    assert found.fields == (Field(b"A", b"A: 1\r\n"), Field(b"B", b"B: 2\r\n"))


@pytest.mark.rfc("5322 §2.2.3", "MUST")
def test_folded_lines_are_one_value() -> None:
    found = parsed(b"Subject: one\r\n two\r\n\tthree\r\nTo: x\r\n\r\n")

    assert found.first("subject") == b"one two\tthree"
    assert found.fields[0].body == b"one two\tthree"
    assert found.first("to") == b"x"


@pytest.mark.rfc("5322 §1.2.2", "MUST")
def test_names_are_case_insensitive_and_the_topmost_field_is_first() -> None:
    found = parsed(b"Received: b\r\nRECEIVED: a\r\nFrom: x\r\n\r\n")

    assert found.all("received") == [b"b", b"a"]
    assert found.first("Received") == b"b"
    assert "from" in found
    assert "to" not in found
    assert found.first("to") is None
    assert [field.key for field in found.fields] == ["received", "received", "from"]


@pytest.mark.rfc("5322 §4.5", "MUST")
def test_white_space_before_the_colon_belongs_to_no_name() -> None:
    assert parsed(b"Subject \t: x\r\n\r\n").first("subject") == b"x"


@pytest.mark.parametrize(
    ("octets", "value", "body"),
    [
        pytest.param(b"Subject: x\nTo: y\n\nbody", b"x", b"body", id="bare LF"),
        pytest.param(b"Subject: x\r\nTo: y\n\r\nbody", b"x", b"body", id="mixed line ends"),
        pytest.param(b"From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\nbody", b"x", b"body", id="mbox line"),
        pytest.param(b">From a@b\nSubject: x\n\nbody", b"x", b"body", id="quoted mbox line"),
        pytest.param(b"\xef\xbb\xbfSubject: x\r\n\r\nbody", b"x", b"body", id="byte order mark"),
        pytest.param(b"Subject: x\r\nno field\r\nTo: y\r\n\r\nbody", b"x", b"body", id="stray line"),
        pytest.param(b"Subject: x\0y\r\n\r\nbody", b"x\0y", b"body", id="NUL"),
        pytest.param(b"Subject: x\ry\r\n\r\nbody", b"x\ry", b"body", id="bare CR"),
        pytest.param(b"Subject: \xc3\xa9\r\n\r\nbody", b"\xc3\xa9", b"body", id="8 bit"),
        pytest.param(b"Subject: x\r\n \r\nTo: y\r\n\r\nbody", b"x", b"body", id="white line continues"),
        pytest.param(b"Subject:\r\n x\r\n\r\nbody", b"x", b"body", id="value on the second line"),
        pytest.param(b"Subject: x", b"x", b"", id="ends in a field"),
        pytest.param(
            b"Subject: x\r\nThis is text.\r\nAnd more.",
            b"x",
            b"This is text.\r\nAnd more.",
            id="no separator",
        ),
        pytest.param(b"Just text.\r\n\r\nMore: text", None, b"Just text.\r\n\r\nMore: text", id="no header"),
        pytest.param(b"\r\nSubject: x\r\n", None, b"Subject: x\r\n", id="empty header"),
        pytest.param(b"\nbody", None, b"body", id="empty header, bare LF"),
        pytest.param(b"", None, b"", id="nothing"),
    ],
)
def test_broken_headers_are_read_as_far_as_they_go(octets: bytes, value: bytes | None, body: bytes) -> None:
    found, body_start = Header.parse(octets)

    check_header(found)
    assert found.first("subject") == value
    assert octets[body_start:] == body
    assert found.octets == octets[:body_start]


def test_a_header_within_offsets_does_not_look_beyond_them() -> None:
    octets = b"xx\nA: 1\r\nB: 2\r\n\r\nbody"
    found, body_start = Header.parse(octets, 3, 9)

    assert (found.octets, body_start) == (b"A: 1\r\n", 9)


def test_an_empty_value_is_a_value() -> None:
    assert parsed(b"Subject:\r\nTo: x\r\n\r\n").first("subject") == b""


def test_fields_are_taken_out_by_name_and_the_rest_stays() -> None:
    found = parsed(b"Bcc: a,\r\n b\r\nFrom: x\r\nbcc: c\r\nTo:y\r\n\r\n").without("Bcc", "to")

    assert found.octets == b"From: x\r\n\r\n"


def test_fields_beyond_the_limit_are_kept_but_not_parsed() -> None:
    octets = b"A: 1\r\n" * header.MAX_FIELDS + b"B: 2\r\nC: 3\r\n\r\n"
    found, _ = Header.parse(octets)

    assert len(found.fields) == header.MAX_FIELDS + 1
    assert found.fields[-1] == Field(b"", b"B: 2\r\nC: 3\r\n")
    assert found.first("b") is None
    assert found.octets == octets
    assert found.cut


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
@pytest.mark.parametrize("count", [1, header.MAX_FIELDS - 1, header.MAX_FIELDS])
def test_a_header_within_the_limits_is_not_cut(count: int, end: bytes) -> None:
    assert not parsed(b"A: 1\r\n" * count + end).cut
    assert not parsed(b"A: 1\r\n" + b"A: " + b"x" * header.MAX_OCTETS + b"\r\n" + end).cut


def test_octets_beyond_the_limit_are_kept_but_not_parsed() -> None:
    octets = b"A: " + b"x" * header.MAX_OCTETS + b"\r\n y\r\nB: 2\r\n\r\n"
    found, _ = Header.parse(octets)

    assert [field.name for field in found.fields] == [b"A", b""]
    assert found.first("a") == b"x" * header.MAX_OCTETS + b" y"
    assert found.first("b") is None
    assert found.octets == octets
    assert found.cut


def test_headers_are_equal_by_their_octets() -> None:
    assert parsed(b"A: 1\r\n\r\n") == parsed(b"A: 1\r\n\r\n")
    assert parsed(b"A: 1\r\n\r\n") != parsed(b"A: 1\n\n")
    assert len({parsed(b"A: 1\r\n\r\n"), parsed(b"A: 1\r\n\r\n")}) == 1


@pytest.mark.parametrize("name", ["", ":", "subject ", "From a@b", "sub\nject", "x:y"])
def test_what_is_no_name_finds_nothing(name: str) -> None:
    found = parsed(b"From a@b: x\r\nsubject\r\n: y\r\nsub\n ject: z\r\nSubject: x\r\n\r\n")

    assert found.first(name) is None
    assert found.all(name) == []
    assert name not in found
    assert found.all("subject") == [b"x"]


def test_a_name_alone_on_its_line_is_no_field() -> None:
    assert parsed(b"A: 1\nSubject\nSubject: x\n\n").first("subject") == b"x"


def test_lines_are_found_by_name_as_they_came() -> None:
    found = parsed(b"To: a\r\nX: y\r\nSubject : b\r\n c\nto:d\r\nstray\r\nCc: e\r\n\r\n")

    assert found.lines({b"to", b"subject"}) == b"To: a\r\nSubject : b\r\n c\nto:d\r\n"
    assert found.lines({b"bcc"}) == b""
    assert "x" in found
    assert found.all("to") == [b"a", b"d"]  # however often it was asked before


@pytest.mark.parametrize("octets", [b"To: a\r\nCc: b", b"To: a\r\nCc: b\r", b"To: a\nCc:"])
def test_a_last_line_without_its_end_stays_so(octets: bytes) -> None:
    assert Header(octets).lines({b"to", b"cc"}) == octets


def test_lines_beyond_the_limits_are_not_found() -> None:
    many = Header(b"A: 1\r\n" * header.MAX_FIELDS + b"B: 2")
    large = Header(b"A: 1\r\nB: " + b"x" * header.MAX_OCTETS + b"\r\nC: 3\r\n")

    assert many.lines({b"a", b"b"}) == b"A: 1\r\n" * header.MAX_FIELDS
    assert large.lines({b"a", b"c"}) == b"A: 1\r\n"
    assert large.first("c") is None


def test_a_byte_order_mark_hides_no_name_but_the_line_stays_as_it_is() -> None:
    found = parsed(b"\xef\xbb\xbfSubject: x\r\n\xef\xbb\xbfTo: y\r\n\r\n")

    assert found.names >= {b"subject"}
    assert b"to" not in found.names
    assert found.lines({b"subject"}) == b""


@pytest.mark.parametrize("end", [b"", b"\r\n\r\nbody"])
def test_a_header_ends_with_the_last_line_that_ends_within_the_limit(end: bytes) -> None:
    top = b"A: 1\r\nB: " + b"x" * 200 + b"\r\n"
    octets = top + b"C: " + b"y" * header.MAX_HEADER_OCTETS + end
    found, body_start = Header.parse(octets)

    assert body_start == len(top)
    assert found.octets == top
    assert found.first("b") == b"x" * 200
    assert found.cut


def test_a_first_line_beyond_the_limit_is_text() -> None:
    found, body_start = Header.parse(b"A: " + b"x" * header.MAX_HEADER_OCTETS + b"\r\n\r\n")

    assert body_start == 0
    assert found.cut


def test_a_header_that_ends_with_the_limit_is_whole() -> None:
    line = b"A: " + b"x" * 1019 + b"\r\n"
    fields = line * (header.MAX_HEADER_OCTETS // len(line))
    found, body_start = Header.parse(fields)

    assert body_start == header.MAX_HEADER_OCTETS == len(fields)
    assert not Header.parse(line + b"\r\n" + fields)[0].cut
    assert found.cut == (header.MAX_OCTETS < header.MAX_HEADER_OCTETS)  # its later fields are not parsed


def test_a_stray_line_in_a_long_header_ends_it_where_no_empty_line_is_near() -> None:
    octets = b"A: 1\r\nstray line\r\n" + b"B: 2\r\n" * (header.MAX_HEADER_OCTETS // 5) + b"\r\n"
    found, body_start = Header.parse(octets)

    assert octets[:body_start] == b"A: 1\r\n"
    assert found.cut  # other readers may see more of it


@pytest.mark.parametrize("octets", [b"x" * 999 + b": y\r\n\r\n", b"x" + b" " * 999 + b": y\r\n\r\n"])
def test_a_name_that_fits_on_no_line_is_no_name(octets: bytes) -> None:
    assert Header.parse(octets)[1] == 0


def test_fields_by_name_are_as_received() -> None:
    fields = parsed(b"A: 1\r\nb : 2\r\n 3\r\nnonsense\r\na:4\n\r\n").by_name()
    assert fields[b"a"] == [b"A: 1\r", b"a:4"]
    assert fields[b"b"] == [b"b : 2\r\n 3\r"]
    assert set(fields) == {b"a", b"b", b""}
