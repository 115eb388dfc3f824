import pytest

from pillarbox.mail import threading
from pillarbox.mail.threading import message_ids


@pytest.mark.parametrize(
    ("ids", "value"),
    [
        ([], b""),
        (["a@b"], b"<a@b>"),
        (["a@b", "c@d"], b"<a@b>\r\n\t<c@d>"),
        (["a@b", "c@d"], b"<a@b><c@d><a@b>"),
        (["x@y"], b'Your message of "Fri, 1 Jan" <x@y>'),
        (["x@y"], b"mail from Fred <x@y> and <no id>"),
        (["a@b"], b"a@b"),
        (["a@b", "c@d"], b"a@b, c@d"),
        ([], b"<a@b"),
        ([], b"<>"),
        (["ab@c"], b"<a\r\n b@c>"),
        (["a@b"], b"< a@b >"),
        (["c@d"], b"<a@b <c@d>"),
        (["a@[1.2.3.4]"], b"<a@[1.2.3.4]>"),
        (["ü@x"], "<ü@x>".encode()),
        (["\ufffd@x"], b"<\xff@x>"),
    ],
)
def test_ids(ids: list[str], value: bytes) -> None:
    assert ids == message_ids(value)


@pytest.mark.rfc("5256 §3", "MUST")
@pytest.mark.parametrize("value", [b"<01KF8J@x.com>", b'<"01KF8J"@x.com>', b'<"01\\KF8J"@x.com>'])
def test_quoting_makes_no_other_id(value: bytes) -> None:
    assert message_ids(value) == ["01KF8J@x.com"]


def test_an_unclosed_quote_hides_nothing() -> None:
    assert message_ids(b'<"a@b> <c@d>') == ["c@d"]


def test_the_root_and_the_newest_are_kept() -> None:
    value = b" ".join(b"<%d@x>" % n for n in range(threading.MAX_REFERENCES + 10))
    ids = message_ids(value)
    assert len(ids) == threading.MAX_REFERENCES
    assert (ids[0], ids[1], ids[-1]) == ("0@x", "11@x", f"{threading.MAX_REFERENCES + 9}@x")


@pytest.mark.parametrize("piece", [b"<", b'<"', b'<\\"', b'"', b"<a@", b"@", b"a@b,"])
def test_time_is_linear(piece: bytes) -> None:
    message_ids(piece * 50_000)


def test_ids_longer_than_a_line_are_none() -> None:
    assert message_ids(b"<%b@x>" % (b"a" * threading.MAX_MESSAGE_ID_OCTETS)) == []


def test_of_endless_references_both_ends_are_read() -> None:
    ids = message_ids(b"<first@x> " + b"y " * threading.MAX_VALUE_OCTETS + b"<last@x>")
    assert ids == ["first@x", "last@x"]


def test_a_lone_id_is_read_as_among_others() -> None:
    assert message_ids(b"<a@b>") == message_ids(b"<a@b> ") == ["a@b"]
    assert message_ids(b"<a>") == message_ids(b"<a> ") == []
    for octets in range(threading.MAX_MESSAGE_ID_OCTETS - 4, threading.MAX_MESSAGE_ID_OCTETS + 3):
        alone = b"<a@%b>" % (b"x" * (octets - 2))
        assert message_ids(alone) == message_ids(alone + b" ")
        assert message_ids(alone + b"<c@d>")[-1] == "c@d"
