"""What proxies tell is believed as far as they are trusted, and refused where it cannot be read."""

import pytest

from pillarbox.protocol.http.forwarded import Forwarded, ForwardedWrong, forwarded

TRUSTED = {"10.0.0.1", "10.0.0.2", "2001:db8::9"}


def told(*fields: tuple[str, str]) -> Forwarded:
    return forwarded(
        [(name.encode(), value.encode("latin-1")) for name, value in fields], TRUSTED.__contains__
    )


@pytest.mark.rfc("7239 §4", "MUST")
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("for=192.0.2.1", Forwarded("192.0.2.1")),
        ('For="192.0.2.1:4711"', Forwarded("192.0.2.1")),
        ('for="[2001:DB8::1]"', Forwarded("2001:db8::1")),
        ('for="[2001:db8::1]:4711";proto=HTTPS', Forwarded("2001:db8::1", "https")),
        ("for=192.0.2.1;host=A.example;proto=http;by=10.0.0.1", Forwarded("192.0.2.1", "http", "a.example")),
        ("for=unknown", Forwarded()),
        ("for=_hidden", Forwarded()),
        # the nearest proxy adds at the right; who asks may have written the rest
        ("for=203.0.113.9, for=192.0.2.1", Forwarded("192.0.2.1")),
        ("for=203.0.113.9;proto=https, for=192.0.2.1;proto=http", Forwarded("192.0.2.1", "http")),
        ("for=192.0.2.1, for=10.0.0.2", Forwarded("192.0.2.1")),
        ("for=192.0.2.1 , for=10.0.0.2,for=10.0.0.1", Forwarded("192.0.2.1")),
        ("for=10.0.0.2, for=10.0.0.1", Forwarded("10.0.0.2")),
        ("for=192.0.2.1, for=unknown", Forwarded()),
        ('for="::ffff:192.0.2.1"', Forwarded("192.0.2.1")),
    ],
)
def test_forwarded(value: str, wanted: Forwarded) -> None:
    assert told(("forwarded", value)) == wanted


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ([("x-forwarded-for", "192.0.2.1")], Forwarded("192.0.2.1")),
        ([("x-forwarded-for", "203.0.113.9, 192.0.2.1")], Forwarded("192.0.2.1")),
        ([("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.1")], Forwarded("192.0.2.1")),
        ([("x-forwarded-for", "192.0.2.1, 10.0.0.2, 2001:db8::9")], Forwarded("192.0.2.1")),
        ([("x-forwarded-for", "2001:db8::1")], Forwarded("2001:db8::1")),
        ([("x-forwarded-for", "[2001:db8::1]:80")], Forwarded("2001:db8::1")),
        (
            [("x-forwarded-proto", "http, https"), ("x-forwarded-host", "x, a:443")],
            Forwarded("", "https", "a:443"),
        ),
        ([("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.1")], Forwarded("192.0.2.1")),
        ([("x-forwarded-other", "whatever")], Forwarded()),
        ([], Forwarded()),
    ],
)
def test_older_fields(fields: list[tuple[str, str]], wanted: Forwarded) -> None:
    assert told(*fields) == wanted


@pytest.mark.rfc("7239 §8.1", "SHOULD")
@pytest.mark.parametrize(
    "fields",
    [
        [("forwarded", "")],
        [("forwarded", "for")],
        [("forwarded", "for=")],
        [("forwarded", "for=192.0.2.1,")],
        [("forwarded", "for=192.0.2.1;")],
        [("forwarded", "for=192.0.2.1;for=192.0.2.2")],
        [("forwarded", "for=192.0.2.1 proto=http")],
        [("forwarded", 'for="192.0.2.1')],
        [("forwarded", 'for="192.0.2.1\\"')],
        [("forwarded", "for=2001:db8::1")],
        [("forwarded", "for=[2001:db8::1]")],
        [("forwarded", 'for="[2001:db8::1"')],
        [("forwarded", 'for="[2001:db8::1]x"')],
        [("forwarded", 'for="[fe80::1%eth0]"')],
        [("forwarded", "for=localhost")],
        [("forwarded", "for=192.0.2.256")],
        [("forwarded", "for=192.0.2.01")],
        [("forwarded", 'for="192.0.2.1:x"')],
        [("forwarded", "proto=ftp")],
        [("forwarded", 'host="a/b"')],
        [("forwarded", "for=\xff")],
        [("forwarded", ", ".join(["for=10.0.0.1"] * 21))],
        [("x-forwarded-for", "192.0.2.1,")],
        [("x-forwarded-for", ", ".join(["10.0.0.1"] * 21))],
        [("x-forwarded-for", "192.0.2.1 192.0.2.2")],
        [("x-forwarded-for", "unknown")],
        [("x-forwarded-for", "192.0.2.1\x00")],
        [("x-forwarded-for", "\u0661\u0669\u0662.0.2.1".encode().decode("latin-1"))],
        [("x-forwarded-proto", "gopher")],
        [("x-forwarded-host", "a@b")],
        # one of the two was not written by the proxy
        [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "192.0.2.2")],
        [("forwarded", "proto=http"), ("x-forwarded-proto", "https")],
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(ForwardedWrong):
        told(*fields)
