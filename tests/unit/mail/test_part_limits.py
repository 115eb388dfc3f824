"""What becomes of messages with more parts, levels or octets of header than the parser reads."""

import pytest

from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import MAX_PADDING_OCTETS, Limits, parse
from pillarbox.mail.slices import SLICE_OCTETS
from tests.kit.mail.invariants import check_limited, check_message
from tests.kit.mail.lines import lines, mixed


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
