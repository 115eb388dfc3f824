"""Numbers, blobs and sizes of parts."""

import base64

import pytest

from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email import body_part
from tests.kit.mail.messages import multipart, part

INNER = multipart("mixed", part("text/plain", body=b"one"), part("text/html", body=b"two"), boundary="inner")
MESSAGE = multipart(
    "mixed", part("text/plain", body=b"zero"), part("message/rfc822", body=INNER),
    part("message/rfc822", "Content-Transfer-Encoding: base64", body=base64.encodebytes(INNER)),
    boundary="outer",
)  # fmt: skip


def content(octets: bytes, number: str) -> bytes | None:
    found = body_part.find(octets, number)
    return None if found is None else b"".join(body_part.decoded(*found))


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_messages_in_messages_are_leaves() -> None:
    tree = body_part.tree(parse(MESSAGE))

    assert tree.number is None
    assert [leaf.number for leaf in tree.leaves()] == ["1", "2", "3"]
    assert not tree.subparts[1].subparts


@pytest.mark.rfc("8621 §4.1.4", "MUST")
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1", b"zero"), ("2", INNER), ("2.1", b"one"), ("2.2", b"two"), ("3", INNER),
        ("3.1", b"one"), ("3.2", b"two"),
        ("4", None), ("0", None), ("1.2", None), ("3.3", None), ("2.1.2", None), ("", None), ("a", None), ("1.", None),
        ("-1", None), ("٣", None), ("1" * 20, None), ("1." * 1000 + "1", None),
    ],
)  # fmt: skip
def test_a_part_is_found_by_its_number_also_in_an_encoded_message(
    number: str, expected: bytes | None
) -> None:
    assert content(MESSAGE, number) == expected


def test_numbers_go_on_in_a_message_that_was_opened_by_its_blob_id() -> None:
    outer = body_part.blob_id("Babc", "3")
    inner = body_part.tree(parse(INNER)).subparts[1]

    assert inner.number is not None
    assert body_part.blob_id(outer, inner.number) == "Babc-3_2"
    assert content(MESSAGE, "3.2") == b"two"


def test_a_multipart_without_parts_is_a_text() -> None:
    message = (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\nall of it"
    )
    (only,) = body_part.tree(parse(message)).subparts

    assert (only.number, only.type, only.part.size) == ("1", "text/plain", 9)
    assert content(message, "1") == b"all of it"


def test_messages_in_messages_are_opened_so_deep_only() -> None:
    message = b"Subject: x\r\n\r\ninside"
    for _ in range(body_part.MAX_ENCODED_MESSAGES + 1):
        encoded = base64.encodebytes(message)
        message = part("message/rfc822", "Content-Transfer-Encoding: base64", body=encoded)

    assert content(message, ".".join(["1"] * body_part.MAX_ENCODED_MESSAGES)) is not None
    assert content(message, ".".join(["1"] * 12)) is None


@pytest.mark.rfc("8621 §4.1.4", "MUST")
@pytest.mark.parametrize(
    ("encoding", "body", "size"),
    [
        ("base64", b"aGVs\r\nbG8=\r\n", 5),
        ("quoted-printable", b"a=C3=A4=\r\nb", 4),
        ("x-uuencode", b"begin 644 x\n#0V%T\n`\nend\n", 3),
        ("8bit", b"abc\r\n", 5),
        ("foobar", b"aGVs", 4),
    ],
)
def test_a_size_is_that_of_the_blob(encoding: str, body: bytes, size: int) -> None:
    message = part("text/plain", f"Content-Transfer-Encoding: {encoding}", body=body)
    root = parse(message)

    assert body_part.size(message, root) == size == len(b"".join(body_part.decoded(message, root)))


def test_a_large_part_is_counted_in_slices() -> None:
    message = part("text/plain", "Content-Transfer-Encoding: base64", body=b"AAAA" * 100_000)
    slices = []

    assert body_part.size(message, parse(message), lambda: slices.append(1)) == 300_000
    assert len(slices) > 20
