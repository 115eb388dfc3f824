"""The numbers of sections, and the fields that describe a part."""

import pytest

from pillarbox.mail.part_parser import parse
from tests.kit.mail.invariants import check_message
from tests.kit.mail.lines import lines


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
