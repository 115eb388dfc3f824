"""Names and passwords of Basic authentication."""

from base64 import b64encode

import pytest

from pillarbox.protocol.http.credentials import MAX_CREDENTIALS_OCTETS, basic


def field(text: str | bytes) -> bytes:
    return b"Basic " + b64encode(text.encode() if isinstance(text, str) else text)


@pytest.mark.rfc("7617 §2", "MUST")
@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (field("anna:secret"), ("anna", "secret")),
        (field("anna:a:b:c"), ("anna", "a:b:c")),
        (field("änna:пароль"), ("änna", "пароль")),
        (field(":"), ("", "")),
        (b"bAsIc  " + b64encode(b"a:b"), ("a", "b")),
    ],
)
def test_basic(sent: bytes, wanted: tuple[str, str]) -> None:
    assert basic(sent) == wanted


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"Basic",
        b"Basic ",
        b"Basic !!!",
        b"Basic YQ",
        b"Basic YTpi\x00",
        field("no colon"),
        field(b"\xff:\xff"),
        b"Bearer YTpi",
        b"BasicYTpi",
        b"Digest username=a",
        field("a:" + "b" * MAX_CREDENTIALS_OCTETS),
    ],
)
def test_what_is_none_is_none(sent: bytes) -> None:
    assert basic(sent) is None
