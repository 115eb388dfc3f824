"""The part tree by octet ranges, for good mail and bad."""

import pytest

from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from tests.kit.mail.invariants import check_message
from tests.kit.mail.lines import lines, mixed


def tree(octets: bytes) -> object:
    """Types, and bodies of leaves, as nested tuples."""

    def shape(part: Part) -> object:
        if part.children:
            return (part.content_type, *map(shape, part.children))
        return (part.content_type, octets[part.body_start : part.end].decode("latin-1"))

    return shape(check_message(octets))


@pytest.mark.rfc("2045 §5.2", "MUST")
@pytest.mark.parametrize(
    "field",
    [
        "Subject: x",
        "Content-Type:",
        "Content-Type: nonsense",
        "Content-Type: /",
        "Content-Type: text/",
        "Content-Type: ;",
    ],
)
def test_without_a_readable_type_it_is_plain_text(field: str) -> None:
    part = parse(lines(field, "", "hello"))

    assert (part.content_type, part.encoding, part.charset) == ("text/plain", "7bit", None)


def test_the_first_of_two_types_counts() -> None:
    assert parse(b"Content-Type: text/html\r\nContent-Type: image/png\r\n\r\n").content_type == "text/html"


def test_types_and_encodings_are_lower_case_and_free_of_comments() -> None:
    part = parse(
        b"Content-Type: TEXT (my) / HTML (own) ; Charset=UTF-8 (really)\r\n"
        b"Content-Transfer-Encoding: (well) BASE64 ; x\r\n\r\n"
    )

    assert (part.content_type, part.encoding) == ("text/html", "base64")
    assert part.raw_parameters == ((b"Charset", b"UTF-8"),)
    assert part.charset == "UTF-8"


@pytest.mark.rfc("2046 §5.1.1", "MUST")
def test_the_line_end_before_a_boundary_is_the_boundarys() -> None:
    octets = mixed(
        "preamble", "--b", "", "one", "", "--b", "Content-Type: text/html", "", "two", "--b--", "epilogue"
    )

    assert tree(octets) == ("multipart/mixed", ("text/plain", "one\r\n"), ("text/html", "two"))


@pytest.mark.rfc("2046 §5.1.1", "MUST")
def test_a_boundary_stands_alone_on_its_line_but_for_white_space() -> None:
    octets = mixed("--b \t", "", "text --b", " --b", "--bb", "--b- -", "--b", "", "two", "--b--  ")

    assert tree(octets) == (
        "multipart/mixed",
        ("text/plain", "text --b\r\n --b\r\n--bb\r\n--b- -"),
        ("text/plain", "two"),
    )


def test_lines_are_counted_as_bodystructure_reports_them() -> None:
    octets = mixed(
        "--b",
        "",
        "one",
        "two",
        "--b",
        "",
        "one",
        "two",
        "",
        "--b",
        "Content-Type: image/png",
        "",
        "x",
        "",
        "--b--",
    )
    plain, ended, image = parse(octets).children

    assert (plain.lines, ended.lines, image.lines) == (1, 2, 0)
    assert (plain.size, ended.size) == (8, 10)
    assert parse(b"\r\none\r\ntwo\r\n").lines == 2


@pytest.mark.rfc("2046 §5.2.1", "MUST")
def test_an_enclosed_message_is_its_one_child() -> None:
    octets = mixed(
        "--b",
        "Content-Type: message/rfc822",
        "",
        "Subject: inner",
        "Content-Type: multipart/alternative; boundary=c",
        "",
        "--c",
        "",
        "plain",
        "--c",
        "Content-Type: text/html",
        "",
        "html",
        "--c--",
        "--b--",
    )

    assert tree(octets) == (
        "multipart/mixed",
        ("message/rfc822", ("multipart/alternative", ("text/plain", "plain"), ("text/html", "html"))),
    )
    message = parse(octets).children[0]
    assert message.is_message()
    assert message.lines == octets[message.body_start : message.end].count(b"\n") == 10


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode"])
def test_an_encoded_message_is_a_leaf(encoding: str) -> None:
    octets = lines(
        "Content-Type: message/rfc822", f"Content-Transfer-Encoding: {encoding}", "", "U3ViamVjdDogeA=="
    )

    assert not parse(octets).children
    assert not parse(octets).is_message()


def test_an_internationalized_message_is_a_message() -> None:
    assert tree(lines("Content-Type: message/global", "", "Subject: ü", "", "x")) == (
        "message/global",
        ("text/plain", "x"),
    )


@pytest.mark.rfc("2046 §5.1.5", "MUST")
def test_the_parts_of_a_digest_are_messages_by_default() -> None:
    octets = lines(
        "Content-Type: multipart/digest; boundary=b", "", "--b", "", "Subject: one", "", "1",
        "--b", "Content-Type: text/plain", "", "not a message", "--b--",
    )  # fmt: skip

    assert tree(octets) == (
        "multipart/digest",
        ("message/rfc822", ("text/plain", "1")),
        ("text/plain", "not a message"),
    )


# --- malformed


def test_bare_line_feeds_end_lines() -> None:
    octets = mixed("--b", "", "one", "--b", "", "two", "--b--").replace(b"\r\n", b"\n")

    assert tree(octets) == ("multipart/mixed", ("text/plain", "one"), ("text/plain", "two"))


def test_a_missing_end_boundary_ends_with_the_enclosing_part() -> None:
    inner = ("Content-Type: multipart/mixed; boundary=c", "", "--c", "", "inner")

    assert tree(mixed("--b", *inner, "--b", "", "outer")) == (
        "multipart/mixed",
        ("multipart/mixed", ("text/plain", "inner")),
        ("text/plain", "outer"),
    )


def test_a_boundary_with_nothing_after_it_opens_no_part() -> None:
    assert tree(mixed("--b", "", "one", "--b", "")) == ("multipart/mixed", ("text/plain", "one"))


def test_boundaries_one_after_another_enclose_an_empty_part() -> None:
    assert tree(mixed("--b", "--b", "", "two", "--b--")) == (
        "multipart/mixed",
        ("text/plain", ""),
        ("text/plain", "two"),
    )


def test_a_part_with_a_header_only_keeps_its_fields() -> None:
    octets = mixed("--b", "Content-Type: image/png", "--b", "Content-Type: text/html", "", "--b--")
    root = check_message(octets)

    assert tree(octets) == ("multipart/mixed", ("image/png", ""), ("text/html", ""))
    assert root.children[0].header.octets == b"Content-Type: image/png\r\n"
    assert root.children[1].header.octets == b"Content-Type: text/html\r\n\r\n"


def test_a_part_without_header_or_empty_line_is_all_text() -> None:
    assert tree(mixed("--b", "Dear all,", "", "text", "--b--")) == (
        "multipart/mixed",
        ("text/plain", "Dear all,\r\n\r\ntext"),
    )


@pytest.mark.parametrize(("outer", "inner"), [("b", "bb"), ("bb", "b"), ("b", "b--")])
def test_one_boundary_may_begin_another(outer: str, inner: str) -> None:
    octets = mixed(
        f"--{outer}", f'Content-Type: multipart/related; boundary="{inner}"', "",
        f"--{inner}", "", "in", f"--{inner}--",
        f"--{outer}", "", "out", f"--{outer}--", boundary=outer,
    )  # fmt: skip

    if inner == "b--":  # which is how boundary `b` closes
        assert tree(octets) == ("multipart/mixed", ("multipart/related", ""))
    else:
        assert tree(octets) == (
            "multipart/mixed",
            ("multipart/related", ("text/plain", "in")),
            ("text/plain", "out"),
        )


def test_nested_multiparts_of_one_boundary_end_with_their_own_closing_lines() -> None:
    octets = mixed(
        "--b", "Content-Type: multipart/alternative; boundary=b", "", "--b", "", "in", "--b--",
        "--b", "", "out", "--b--",
    )  # fmt: skip

    assert tree(octets) == (
        "multipart/mixed",
        ("multipart/alternative", ("text/plain", "in")),
        ("text/plain", "out"),
    )


def test_where_no_line_is_the_boundary_one_that_begins_with_it_will_do() -> None:
    assert tree(mixed("--b garbage", "", "one", "--b-- garbage", "rest")) == (
        "multipart/mixed",
        ("text/plain", "one"),
    )


@pytest.mark.parametrize("count", [5, 19, 20, 21, 100])
def test_many_lines_may_begin_like_the_boundary(count: int) -> None:
    near = "\r\n".join(["--bX"] * count)

    assert tree(mixed(near, "--b", "", near, "--b", "", "two", "--b--")) == (
        "multipart/mixed",
        ("text/plain", near),
        ("text/plain", "two"),
    )
    assert tree(mixed("--b", "", near)) == ("multipart/mixed", ("text/plain", near))


@pytest.mark.parametrize(
    "line", [b"--bX\n", b"--b" + b" " * 60 + b"X\n", b"--" * 30 + b"\n", b"\n", b"x: y\n", b" x\n", b"x\n"]
)
def test_hostile_bodies_take_linear_time(line: bytes) -> None:
    body = line * (1_000_000 // len(line))
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20))
    for octets in (body, b"Content-Type: multipart/mixed; boundary=b\n\n" + body, nested + body):
        parse(octets)


def test_a_header_ends_at_its_own_boundary() -> None:
    octets = lines(
        "Content-Type: multipart/mixed; boundary=b", "--b", "Content-Type: text/html", "", "x", "--b--"
    )

    assert tree(octets) == ("multipart/mixed", ("text/html", "x"))


def test_a_boundary_may_end_with_a_space_that_its_lines_have_or_lack() -> None:
    for line in ("--b ", "--b"):
        octets = lines('Content-Type: multipart/mixed; boundary="b "', "", line, "", "x", line + "--")
        assert tree(octets) == ("multipart/mixed", ("text/plain", "x"))


@pytest.mark.rfc("2231 §3", "MUST")
def test_a_boundary_may_come_in_sections() -> None:
    octets = lines(
        "Content-Type: multipart/mixed; boundary*0=lo; boundary*1=ng", "", "--long", "", "x", "--long--"
    )

    assert tree(octets) == ("multipart/mixed", ("text/plain", "x"))


@pytest.mark.parametrize("parameters", ["", "; boundary=", '; boundary=""', "; boundary=absent"])
def test_a_multipart_without_parts_is_a_leaf(parameters: str) -> None:
    assert tree(lines(f"Content-Type: multipart/mixed{parameters}", "", "text")) == (
        "multipart/mixed",
        "text",
    )
