"""What a download says of itself, so that nothing in it runs on our origin."""

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.blobs import download_fields as downloads
from pillarbox.protocol.jmap.blobs import file_name
from pillarbox.protocol.jmap.blobs.ranges import Range

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f"


def fields(type_: str | None, name: str = "x") -> dict[str, str]:
    return dict(downloads.fields(downloads.media_type(type_), name, '"t"'))


@pytest.mark.rfc("8620 §6.2", "MUST")
@pytest.mark.parametrize(
    ("type_", "shown"),
    [
        ("image/png", True),
        ("IMAGE/JPEG", True),
        ("text/plain; charset=utf-8", True),
        ("audio/ogg", True),
        ("video/mp4", True),
        ("image/svg+xml", False),
        ("text/html", False),
        ("text/html;x", False),
        ("text/html; a=text/plain", False),
        ("application/xhtml+xml", False),
        ("text/xml", False),
        ("application/pdf", False),
        ("application/javascript", False),
        ("multipart/x-mixed-replace", False),
        ("message/rfc822", False),
    ],
)
def test_the_type_is_as_asked_and_runs_nothing(type_: str, shown: bool) -> None:
    found = fields(type_)
    assert found["content-type"] == type_
    assert found["content-disposition"].startswith("inline" if shown else "attachment")
    assert found["x-content-type-options"] == "nosniff"
    assert found["content-security-policy"] == "sandbox; default-src 'none'"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["cache-control"] == "private, immutable, max-age=31536000"
    assert found["etag"] == '"t"'


@pytest.mark.parametrize(
    "type_",
    [
        None,
        "",
        "text",
        "text/",
        "/html",
        "text/html\r\nset-cookie: a=b",
        "t\0/x",
        "text/ht ml",
        "text/plaïn",
        "a/" + "b" * 300,
    ],
)
def test_what_is_no_type_is_octets(type_: str | None) -> None:
    assert fields(type_)["content-type"] == downloads.UNKNOWN_TYPE


@pytest.mark.rfc("6266 §4.3", "SHOULD")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plan.pdf", 'attachment; filename="plan.pdf"'),
        ("my plan.pdf", 'attachment; filename="my plan.pdf"'),
        ("Entwürfe.txt", "attachment; filename=\"Entw_rfe.txt\"; filename*=UTF-8''Entw%C3%BCrfe.txt"),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        ("100%25.txt", "attachment; filename=\"100_25.txt\"; filename*=UTF-8''100%2525.txt"),
        ("../../etc/passwd", 'attachment; filename=".._.._etc_passwd"'),
        ("C:\\a", 'attachment; filename="C:_a"'),
        ("a\r\nset-cookie: b", 'attachment; filename="aset-cookie: b"'),
        ("", "attachment"),
        ("..", "attachment"),
        ("\u202e", "attachment"),
        ("invoice\u202egpj.exe", 'attachment; filename="invoicegpj.exe"'),
        (
            "\U0001f469\u200d\U0001f4bb",
            "attachment; filename=\"___\"; filename*=UTF-8''%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB",
        ),
    ],
)
def test_names(name: str, value: str) -> None:
    assert file_name.disposition("attachment", name) == value


@pytest.mark.parametrize(
    "letter", [*BIDI, "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ufeff", "\u00ad"]
)
def test_letters_that_lie_are_taken_out(letter: str) -> None:
    assert file_name.clean(f"a{letter}b.txt") == "ab.txt"


@pytest.mark.rfc("8187 §3.2", "MUST")
@given(st.text())
def test_any_name_is_one_field_and_read_as_what_it_is(name: str) -> None:
    value = file_name.disposition("attachment", name)
    assert value.isascii()
    assert value.isprintable()
    message = Message()
    message["content-disposition"] = value
    cleaned = file_name.clean(name)
    assert len(cleaned.encode()) <= file_name.MAX_NAME_OCTETS
    _, star, encoded = value.partition("; filename*=UTF-8''")
    if star:
        assert unquote(encoded) == cleaned
    elif cleaned:
        assert message.get_filename() == cleaned


def test_a_very_long_name_is_cut_between_letters() -> None:
    assert file_name.clean("ä" * 1000) == "ä" * 127


def test_several_ranges() -> None:
    wanted = (Range(0, 2), Range(5, 9))
    parts = downloads.parts(wanted, 9, "text/plain", "xyz")
    body = parts.headers[0] + b"01" + parts.headers[1] + b"5678" + parts.end
    assert parts.size(wanted) == len(body)
    assert body == (
        b"\r\n--xyz\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/9\r\n\r\n01"
        b"\r\n--xyz\r\ncontent-type: text/plain\r\ncontent-range: bytes 5-8/9\r\n\r\n5678\r\n--xyz--\r\n"
    )
