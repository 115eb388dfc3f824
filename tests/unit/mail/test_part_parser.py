"""The part tree by octet ranges, for good mail and bad."""

import pytest

from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import MAX_PADDING_OCTETS, Limits, parse
from pillarbox.mail.slices import SLICE_OCTETS
from tests.kit.mail.invariants import check_limited, check_message


def lines(*text: str) -> bytes:
    return "\r\n".join(text).encode()


def tree(octets: bytes) -> object:
    """Types, and bodies of leaves, as nested tuples."""

    def shape(part: Part) -> object:
        if part.children:
            return (part.content_type, *map(shape, part.children))
        return (part.content_type, octets[part.body_start : part.end].decode("latin-1"))

    return shape(check_message(octets))


def mixed(*text: str, boundary: str = "b") -> bytes:
    return lines(f"Content-Type: multipart/mixed; boundary={boundary}", "", *text)


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


# --- limits


def test_beyond_the_depth_limit_parts_are_leaves() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\n" * 10 + b"\r\nx"

    def depth(part: Part) -> int:
        return 1 + max(map(depth, part.children), default=0)

    assert depth(parse(octets)) == 11
    assert depth(parse(octets, Limits(depth=4))) == 4
    check_message(b"Content-Type: message/rfc822\r\n\r\n" * 10_000)


def test_beyond_the_part_limit_no_parts_are_parsed() -> None:
    octets = mixed(*("--b", "", "x") * 100, "--b--")

    assert len(list(parse(octets, Limits(parts=10)).walk())) == 10
    assert len(list(parse(octets).walk())) == 101


# --- sections and fields


def test_sections_are_numbered_as_imap_does() -> None:
    # The example of RFC 9051 §6.4.5.1.
    def multi(subtype: str, boundary: str, *parts: list[str]) -> list[str]:
        opened = [line for part in parts for line in (f"--{boundary}", *part)]
        return [f"Content-Type: multipart/{subtype}; boundary={boundary}", "", *opened, f"--{boundary}--"]

    def leaf(mime: str) -> list[str]:
        return [f"Content-Type: {mime}", "", mime]

    def message(inner: list[str]) -> list[str]:
        return ["Content-Type: message/rfc822", "", *inner]

    forms = multi("alternative", "e", leaf("text/plain"), leaf("text/richtext"))
    root = check_message(
        lines(
            *multi(
                "mixed", "a",
                leaf("text/plain"),
                leaf("application/octet-stream"),
                message(multi("mixed", "b", leaf("text/plain"), leaf("application/octet-stream"))),
                multi(
                    "mixed", "c",
                    leaf("image/gif"),
                    message(multi("mixed", "d", leaf("text/plain"), forms)),
                ),
            )
        )
    )  # fmt: skip

    expected = {
        (1,): "text/plain", (2,): "application/octet-stream", (3,): "message/rfc822", (3, 1): "text/plain",
        (3, 2): "application/octet-stream", (4,): "multipart/mixed", (4, 1): "image/gif",
        (4, 2): "message/rfc822", (4, 2, 1): "text/plain", (4, 2, 2): "multipart/alternative",
        (4, 2, 2, 1): "text/plain", (4, 2, 2, 2): "text/richtext",
    }  # fmt: skip
    for section, content_type in expected.items():
        part = root.find(section)
        assert part is not None
        assert part.content_type == content_type
    assert root.find(()) is root
    for section in ((0,), (5,), (1, 1), (3, 3), (4, 2, 2, 3), (2, 1, 1)):
        assert root.find(section) is None


@pytest.mark.rfc("9051 §6.4.5.1", "MUST")
def test_a_message_that_is_not_multipart_has_one_part() -> None:
    root = parse(b"\r\nhello")

    assert root.find((1,)) is root
    assert root.find((2,)) is None
    assert root.find((1, 1)) is None


@pytest.mark.rfc("3282 §2", "MUST")
@pytest.mark.rfc("2183 §2", "MUST")
def test_fields_that_describe_a_part() -> None:
    part = parse(
        b"Content-Type: image/png; name=old.png\r\n"
        b"Content-Disposition: ATTACHMENT; filename*=utf-8''%C3%A9.png; size=3\r\n"
        b"Content-ID: <x@y>\r\nContent-Description: a picture\r\nContent-Language: de, en-GB (British)\r\n"
        b"Content-Location: http://a/\r\n b\r\nContent-MD5: Q2hlY2s=\r\n\r\n"
    )

    assert part.disposition is not None
    assert part.disposition.type == "attachment"
    assert part.disposition.parameters == {"filename": "é.png", "size": "3"}
    assert part.disposition.raw_parameters[0] == (b"filename*", b"utf-8''%C3%A9.png")
    assert part.filename == "é.png"
    assert part.content_id == b"<x@y>"
    assert part.description == b"a picture"
    assert part.language == (b"de", b"en-GB")
    assert part.location == b"http://a/b"
    assert part.md5 == b"Q2hlY2s="


def test_fields_that_are_not_there() -> None:
    part = parse(b"Content-Type: image/png; name=old.png\r\n\r\n")

    assert part.disposition is None
    assert part.filename == "old.png"
    assert (part.content_id, part.description, part.location, part.md5) == (None, None, None, None)
    assert part.language == ()


def test_part_one_of_a_multipart_without_parts_is_its_body() -> None:
    alone = parse(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nnothing\r\n")
    assert alone.find((1,)) is alone
    assert alone.find((1, 1)) is alone.find((2,)) is None
    inside = parse(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=x\r\n"
        b"\r\nnothing\r\n--b--\r\n"
    )
    assert inside.find((1, 1)) is inside.find((1,)) is inside.children[0]
    assert inside.find((1, 1, 1)) is None


def test_parts_with_the_same_short_header_share_their_fields() -> None:
    part = b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n"
    root = parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 2 + b"--b--\r\n")
    one, other = root.children

    assert one.mime is other.mime
    assert one.mime.is_cacheable
    assert one.header_start != other.header_start


def test_a_long_header_is_not_remembered() -> None:
    octets = b"Content-Type: text/plain\r\nX: " + b"y" * 200 + b"\r\n\r\n"

    assert not parse(octets).mime.is_cacheable
    assert parse(octets).mime is not parse(octets).mime


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/plain; charset=utf-8", "utf-8"),
        ("text/plain; charset=", None),
        ("text/plain; charset=a; Charset=b", "a"),
        ("text/plain; charset=a; charset*=utf-8''b", "b"),
        ("text/plain; charset*0=ut; charset*1=f-8", "utf-8"),
        ("text/plain; charset==?utf-8?q?utf-8?=", "utf-8"),
        ("text/plain; charsets=a", None),
    ],
)
def test_the_charset_is_named(value: str, expected: str | None) -> None:
    assert parse(f"Content-Type: {value}\r\n\r\n".encode()).charset == expected


# --- beyond the limits


def test_beyond_the_part_limit_the_others_are_one_leaf() -> None:
    octets = mixed(*("--b", "", "x") * 100, "--b--", "after")
    root = check_limited(octets, Limits(parts=10))

    last = root.children[-1]
    assert [part.cut for part in root.children] == [False] * 8 + [True]
    assert (last.content_type, last.encoding, last.end) == ("application/octet-stream", "binary", len(octets))
    assert octets[last.body_start :].count(b"--b\r\n") == 91
    assert root.find((9,)) is last


def test_as_many_parts_as_the_limit_allows_are_all_parsed() -> None:
    octets = mixed(*("--b", "", "x") * 9, "--b--")

    assert not any(part.cut for part in check_limited(octets, Limits(parts=10)).walk())
    assert check_limited(octets, Limits(parts=9)).children[-1].cut


def test_inside_a_part_that_uses_up_the_limit_and_beside_it() -> None:
    inner = ["Content-Type: multipart/mixed; boundary=c", "", *("--c", "", "x") * 10, "--c--"]
    root = check_limited(mixed("--b", *inner, "--b", "", "y", "--b", "", "z", "--b--"), Limits(parts=5))

    assert [part.cut for part in root.children[0].children] == [False, False, True]
    assert [part.cut for part in root.children] == [False, True]


def test_headers_of_all_parts_share_one_limit() -> None:
    octets = mixed(*("--b", "Subject: " + "s" * 91, "", "x") * 20, "--b--")
    root = check_limited(octets, Limits(header_octets=1000))

    assert [part.cut for part in root.children] == [False] * 10 + [True]


def test_a_header_beyond_the_limit_is_followed_by_nothing_that_is_divided() -> None:
    octets = lines("Content-Type: message/rfc822", "", "Content-Type: message/rfc822", "", "x")
    root = check_limited(octets, Limits(header_octets=20))

    assert root.cut
    assert root.children == ()


def test_what_is_nested_too_deeply_says_so() -> None:
    octets = lines(*("Content-Type: message/rfc822", "") * 10, "x")
    *outer, last = check_limited(octets, Limits(depth=4)).walk()

    assert last.cut
    assert not any(part.cut for part in outer)
    assert last.lines == octets[last.body_start :].count(b"\n")


def test_a_boundary_with_more_white_space_than_a_line_is_none() -> None:
    def parts(padding: str) -> int:
        return len(check_message(mixed("--b", "", "x", "--b" + padding, "", "y", "--b--")).children)

    assert parts(" " * MAX_PADDING_OCTETS) == 2
    assert parts(" " * (MAX_PADDING_OCTETS + 1)) == 1


@pytest.mark.parametrize("before", [SLICE_OCTETS - 100, SLICE_OCTETS - 3, SLICE_OCTETS, 2 * SLICE_OCTETS])
def test_a_boundary_is_found_among_many_that_only_begin_like_it(before: int) -> None:
    near = "--bx\r\n" * (before // 6)
    octets = mixed("--b", "", near + "--b  ", "", "y", "--b--")
    first, second = check_message(octets).children

    assert octets[first.body_start : first.end] == near.encode().removesuffix(b"\r\n")
    assert octets[second.body_start : second.end] == b"y"
