"""Names and passwords of Basic authentication, and tokens."""

from base64 import b64encode

import pytest

from pillarbox.protocol.http.credentials import MAX_CREDENTIALS_OCTETS, basic, bearer


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


@pytest.mark.rfc("6750 §2.1", "MUST")
@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (b"Bearer abcd-efgh", "abcd-efgh"),
        (b"bEARER   a.b_c~d+e/f==", "a.b_c~d+e/f=="),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"Bearer ==", None),
        (b"Bearer a=b", None),
        (b"Bearer a b", None),
        (b"Bearer \xc3\xa4", None),
        (b"Bearer " + b"a" * MAX_CREDENTIALS_OCTETS, None),
        (field("a:b"), None),
    ],
)
def test_bearer(sent: bytes, wanted: str | None) -> None:
    assert bearer(sent) == wanted
