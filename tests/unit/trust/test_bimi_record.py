"""BIMI assertion records and selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.bimi.record import (
    DEFAULT_SELECTOR,
    MAX_RECORD_OCTETS,
    Assertion,
    local_part_selector,
    parse,
    selector,
)


@pytest.mark.parametrize(
    ("text", "assertion"),
    [
        ("v=BIMI1; l=https://example.com/a.svg", Assertion(location="https://example.com/a.svg")),
        (
            "v = BIMI1 ; a = https://example.com/a.pem ; l=https://example.com:8443/a?b#c; avp=personal; lps=; x=y;",
            Assertion(
                location="https://example.com:8443/a?b#c",
                evidence="https://example.com/a.pem",
                prefixes=(),
                preference="personal",
            ),
        ),
        ("v=BIMI1;l=;a=;", Assertion()),
        ("v=BIMI1; l=; lps= Brand-one , two", Assertion(prefixes=("brand-one", "two"))),
        (
            "v=BIMI1; l=https://e.example/a.svg; avp=Personal",
            Assertion(location="https://e.example/a.svg", preference=""),
        ),
    ],
)
def test_a_record(text: str, assertion: Assertion) -> None:
    assert parse(text.encode()) == assertion


def test_declined() -> None:
    def declined(tags: str) -> bool:
        found = parse(b"v=BIMI1;" + tags.encode())
        assert found
        return found.declined

    assert declined("l=;")
    assert declined("l=; a=; avp=brand")
    assert not declined("l=https://example.com/a.svg")
    assert not declined("l=; a=https://example.com/a.pem")
    assert not declined("")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "l=https://example.com/a.svg",
        "v=bimi1; l=",
        "v=BIMI2; l=",
        "V=BIMI1; l=",
        "v=BIMI1 l=",
        "l=; v=BIMI1",
        "v=BIMI1; l=;" + "x" * MAX_RECORD_OCTETS,
    ],
)
def test_what_is_no_record(text: str) -> None:
    assert parse(text.encode()) is None


@pytest.mark.parametrize(
    "tags",
    [
        "",
        "a=",
        "L=https://example.com/a.svg",
        "l=http://example.com/a.svg",
        "l=https://localhost/a.svg",
        "l=https://user@example.com/a.svg",
        "l=https://example.com/a,b.svg",
        "l=https://example.com/a.svg,https://example.com/b.svg",
        "l=https://example.com/a b.svg",
        "l=https://example.com:x/a.svg",
        "l=https://[/a.svg",
        "l=https://example.com/a.PNG",
        "l=https://example.com/" + "a" * 1000,
        "l=; l=",
        "l=; a=x",
        "l=; x",
        "l=; lps=a_b",
        "l=; lps=" + ",".join("abcdefghijklmnopqrstuvwxyz"),
    ],
)
def test_what_is_wrong_is_not_mended(tags: str) -> None:
    found = parse(b"v=BIMI1;" + tags.encode())
    assert found
    assert found.problem


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((b"v=BIMI1; s=Summer;",), "summer"),
        ((b"v=BIMI1; s=a.b-c",), "a.b-c"),
        ((), DEFAULT_SELECTOR),
        ((b"s=summer",), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=",), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=a..b",), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=a; s=b",), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=" + b"a" * 64,), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=" + b".".join([b"a" * 60] * 3),), DEFAULT_SELECTOR),
        ((b"v=BIMI1; s=a", b"v=BIMI1; s=b"), DEFAULT_SELECTOR),
    ],
)
def test_the_selector_of_a_message(values: tuple[bytes, ...], expected: str) -> None:
    assert selector(values) == expected


@pytest.mark.parametrize(
    ("local_part", "prefixes", "expected"),
    [
        ("news", (), "news"),
        ("Brand_.Indicators..X+y", (), "brand-indicators-x"),
        ("_news_", ("ne",), "news"),
        ("news", ("x", "new"), "news"),
        ("news", ("x",), ""),
        ("büro", (), ""),
        ("+x", (), ""),
        ("a" * 64, (), ""),
    ],
)
def test_the_selector_of_a_local_part(local_part: str, prefixes: tuple[str, ...], expected: str) -> None:
    assert local_part_selector(local_part, prefixes) == expected


@given(st.binary(), st.text())
def test_no_octets_are_an_error(octets: bytes, text: str) -> None:
    parse(octets)
    parse(b"v=BIMI1; l=https://" + octets)
    selector((octets,))
    selector((b"v=BIMI1;" + octets,))
    local_part_selector(text, ())
