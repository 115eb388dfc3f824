"""Parts become a message."""

from collections.abc import Iterator

import msgspec
import pytest

from pillarbox.mail import seven_bit
from pillarbox.mail.composing.entity import OPAQUE, Entity, Leaf, Multipart, pieces
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.transfer import decode

UTF_8 = (("charset", "utf-8"),)


class Octets(msgspec.Struct):
    """A source in memory, which writes down what is read of it."""

    octets: bytes
    largest: int = 0

    @property
    def size(self) -> int:
        return len(self.octets)

    def read(self, start: int, end: int) -> bytes:
        self.largest = max(self.largest, end - start)
        return self.octets[start:end]


def text(content: str) -> Leaf:
    return Leaf("text/plain", UTF_8, b"", content)


def blob(octets: bytes, media_type: str = "image/png") -> Leaf:
    return Leaf(media_type, (), b"", Octets(octets))


def written(root: Entity, seed: str = "seed") -> bytes:
    return b"".join(pieces(b"MIME-Version: 1.0\r\n", root, seed))


def leaves(part: Part) -> Iterator[Part]:
    if part.media_type != "multipart":
        yield part
    else:
        for child in part.children:
            yield from leaves(child)


def body(octets: bytes, part: Part) -> bytes:
    return decode(octets[part.body_start : part.end], part.encoding)


def test_a_text_alone() -> None:
    assert written(text("hi\n")) == (
        b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\nhi\r\n"
    )


def test_a_multipart() -> None:
    assert written(Multipart("multipart/mixed", (), b"X: y\r\n", (text("a"), text("b\n")))).split(
        b"\r\n"
    ) == [
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/mixed; boundary="=_5a443836c3f4e0243e0db072.0000"',
        b"X: y",
        b"",
        b"--=_5a443836c3f4e0243e0db072.0000",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 7bit",
        b"",
        b"a",
        b"--=_5a443836c3f4e0243e0db072.0000",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 7bit",
        b"",
        b"b",
        b"",
        b"--=_5a443836c3f4e0243e0db072.0000--",
        b"",
    ]


def test_every_part_comes_back() -> None:
    contents = ["a", "", "-- \nx", "日本語\n", "--=_x\n", "From x", "a\rb"]
    octets = b"\0\xff\r\n" * 100
    root = Multipart(
        "multipart/mixed",
        (),
        b"",
        (
            Multipart("multipart/alternative", (), b"", tuple(text(content) for content in contents)),
            blob(octets),
            blob(b""),
        ),
    )
    message = written(root)
    assert message.isascii()
    *texts, image, nothing = leaves(parse(message))
    assert [body(message, part) for part in texts] == [
        content.replace("\n", "\r\n").encode() for content in contents
    ]
    assert body(message, image) == octets
    assert body(message, nothing) == b""
    assert seven_bit.in_final_form(message)


@pytest.mark.rfc("2046 §5.1.1", "MUST")
def test_no_boundary_is_the_beginning_of_another() -> None:
    root: Entity = text("x")
    for _ in range(12):
        root = Multipart("multipart/mixed", (), b"", (root, text("y")))
    message = written(root)
    assert len(list(leaves(parse(message)))) == 13
    boundaries = {line for line in message.split(b"\r\n") if line.startswith(b"--=_")}
    opening = sorted(line for line in boundaries if not line.endswith(b"--"))
    assert len(opening) == 12
    assert not any(b.startswith(a) for a in opening for b in opening if a != b)


def test_the_same_seed_gives_the_same_message() -> None:
    root = Multipart("multipart/mixed", (), b"", (text("a"),))
    assert written(root) == written(root)
    assert written(root) != written(root, "other")


MAIL = b"Subject: x\r\n\r\nhi\r\n"


@pytest.mark.rfc("2046 §5.2.1", "MUST")
@pytest.mark.parametrize(
    ("mail", "encoding", "stands"),
    [
        (MAIL, "7bit", MAIL),
        (b"Subject: x\n\nhi\n", "7bit", MAIL),
        ("Subject: é\r\n\r\nhi\r\n".encode(), "8bit", "Subject: é\r\n\r\nhi\r\n".encode()),
    ],
)
def test_a_message_is_not_encoded(mail: bytes, encoding: str, stands: bytes) -> None:
    message = written(Multipart("multipart/mixed", (), b"", (text("a"), blob(mail, "message/rfc822"))))
    root = parse(message)
    part = root.children[1]
    assert (part.content_type, part.encoding) == ("message/rfc822", encoding)
    assert message[part.body_start : part.end] == stands
    assert root.encoding == ("8bit" if encoding == "8bit" else "7bit")
    assert seven_bit.in_final_form(message)


@pytest.mark.parametrize("mail", [b"a\0b", b"a\rb", b"Subject: x\r\n\r\n" + b"x" * 999])
def test_but_one_that_cannot_stand_in_a_message_is_a_file(mail: bytes) -> None:
    leaf = Leaf("message/rfc822", (("name", "x.eml"), ("charset", "x")), b"", Octets(mail))
    message = written(Multipart("multipart/mixed", (), b"", (leaf,)))
    (part,) = parse(message).children
    assert (part.content_type, part.encoding, part.parameters) == (OPAQUE, "base64", {"name": "x.eml"})
    assert body(message, part) == mail


@pytest.mark.parametrize("media_type", ["message/global", "application/pdf", "text/plain"])
def test_other_blobs_are_base64(media_type: str) -> None:
    message = written(blob(MAIL, media_type))
    part = parse(message)
    assert (part.content_type, part.encoding) == (media_type, "base64")
    assert body(message, part) == MAIL
    assert message.endswith(b"\r\n")


def test_a_boundary_that_an_enclosed_message_has_is_not_used() -> None:
    def of(*enclosed: bytes) -> tuple[Multipart, bytes]:
        root = Multipart("multipart/mixed", (), b"", tuple(blob(mail, "message/rfc822") for mail in enclosed))
        return root, parse(written(root)).mime.boundary or b""

    taken: list[bytes] = []
    for _ in range(4):
        root, boundary = of(*taken)
        assert not any(boundary in mail for mail in taken)
        taken.append(b"Subject: x\r\n\r\n--" + boundary + b"--\r\n")
        message = written(root)
        assert [message[part.body_start : part.end] for part in parse(message).children] == taken[:-1]
    root, boundary = of(*taken)
    message = written(root)
    *others, last = parse(message).children  # all that are tried are taken: the last one is a file
    assert [body(message, part) for part in (*others, last)] == taken
    assert (others[0].encoding, last.encoding) == ("7bit", "base64")


def test_a_large_blob_is_never_whole() -> None:
    source = Octets(bytes(range(256)) * 40_000)
    largest = max(map(len, pieces(b"", Leaf("a/b", (), b"", source), "seed")))
    assert source.largest <= 64 * 1024
    assert largest <= 128 * 1024
    enclosed = Octets(MAIL * 100_000)
    root = Multipart(
        "multipart/mixed", (), b"", (Leaf("message/rfc822", (), b"", enclosed), text("é\n" * 500_000))
    )
    assert max(map(len, pieces(b"", root, "seed"))) <= 256 * 1024
    assert enclosed.largest <= 64 * 1024
