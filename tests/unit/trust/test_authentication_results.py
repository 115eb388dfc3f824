"""Authentication-Results (RFC 8601), written and read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.authentication_results import arc_field, claims_to_be_by, field, payload, read
from pillarbox.trust.authentication_results.reading import MAX_OCTETS, AuthenticationResults
from pillarbox.trust.authentication_results.writing import MAX_PROPERTIES, MAX_RESULTS
from pillarbox.trust.results import MethodResult, Property, Result

US = "mx.example.org"
HOSTILE = '"a) dmarc=pass (b"@evil.example'


def value(octets: bytes) -> bytes:
    return octets.partition(b":")[2]


def results(text: bytes) -> list[tuple[str, str]]:
    found = read(text)
    assert found
    return [(each.method, str(each.result)) for each in found.results]


@pytest.mark.rfc("8601 §2.2", "MUST")
def test_a_field() -> None:
    written = field(
        US,
        [
            MethodResult(
                "spf", Result.PASS, "a.example", "", (Property("smtp", "mailfrom", "joe@a.example"),)
            ),
            MethodResult(
                "dkim",
                Result.FAIL,
                "a.example",
                "body hash differs",
                (
                    Property("header", "d", "a.example"),
                    Property("header", "s", "s1"),
                    Property("header", "b", "ab/c="),
                ),
            ),
            MethodResult("bimi", Result.DECLINED),
        ],
    )
    assert written == (
        b"Authentication-Results: mx.example.org;\r\n"
        b"\tspf=pass smtp.mailfrom=joe@a.example;\r\n"
        b'\tdkim=fail reason="body hash differs" header.d=a.example header.s=s1\r\n'
        b'\t  header.b="ab/c=";\r\n'
        b"\tbimi=declined\r\n"
    )


def test_no_results() -> None:
    assert field(US, []) == b"Authentication-Results: mx.example.org;\r\n\tnone\r\n"
    assert payload(US, []) == "mx.example.org; none"
    assert results(value(field(US, []))) == []


@pytest.mark.rfc("8617 §4.1.1", "MUST")
def test_a_field_of_an_arc_set() -> None:
    written = arc_field(3, US, [MethodResult("arc", Result.PASS)])
    assert written == b"ARC-Authentication-Results: i=3; mx.example.org;\r\n\tarc=pass\r\n"
    found = read(value(written))
    assert found == AuthenticationResults(US, 1, (MethodResult("arc", Result.PASS),), 3)


def test_an_identifier_that_needs_quotes() -> None:
    written = field("example.org/mx 1", [])
    assert written.startswith(b'Authentication-Results: "example.org/mx 1";')
    found = read(value(written))
    assert found
    assert found.authserv_id == "example.org/mx 1"


@pytest.mark.rfc("8601 §7.1", "MUST")
@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "x; dmarc=pass",
        'x" ; dmarc=pass header.from="y',
        "x) dmarc=pass (",
        "x\\",
        "x\r\n\tdmarc=pass",
        "x\r\nAuthentication-Results: mx.example.org; dmarc=pass",
        "joe\u2028@x",
        "é",
        '"; dmarc=pass; "@evil.example',
        "dmarc=pass@evil.example",
        "x.DMARC =pass",
    ],
)
def test_text_of_a_sender_is_no_result(text: str) -> None:
    """Neither for a reader of the grammar nor for a filter that looks for the words."""
    written = field(
        US,
        [
            MethodResult(
                "spf",
                Result.FAIL,
                "",
                text,
                (Property("smtp", "mailfrom", text), Property("smtp", "helo", text)),
            )
        ],
    )
    assert results(value(written)) == [("spf", "fail")]
    assert written.count(b";") == 1
    assert written.isascii()
    assert not re.search(rb"[()\\]", written)
    assert re.fullmatch(rb"(?:[^\r\n]{1,998}\r\n)(?:\t[^\r\n]{1,997}\r\n)*", written)
    assert b"dmarc=" not in written.lower().replace(b" ", b"")


def test_an_address_is_written_as_such_or_as_its_domain_where_this_is_one() -> None:
    def of(text: str) -> str:
        words = payload(US, [MethodResult("spf", Result.PASS, "", "", (Property("smtp", "mailfrom", text),))])
        return words.partition("mailfrom=")[2]

    assert of("a.b+c=d@example.org") == "a.b+c=d@example.org"
    assert of("@example.org") == "@example.org"
    assert of(HOSTILE) == "evil.example"
    assert of("ünï@example.org") == "example.org"
    assert of("2001:db8::1") == '"2001:db8::1"'
    assert of("@.") == '"@."'
    assert of("a@b..c") == '"a@b..c"'


def test_limits_of_what_is_written() -> None:
    many = [MethodResult("dkim", Result.PASS, "", "", (Property("header", "d", "x"),) * 99)] * 99
    found = read(value(field("x", many[:3])))
    assert found
    assert [len(each.properties) for each in found.results] == [MAX_PROPERTIES] * 3
    assert field("x", many).count(b"dkim=") == MAX_RESULTS
    long = field(
        "x" * 5000,
        [MethodResult("spf", Result.PASS, "", "y" * 5000, (Property("smtp", "helo", "z" * 5000),))],
    )
    assert max(map(len, long.split(b"\r\n"))) <= 998


def test_names_that_are_none_are_left_out() -> None:
    odd = [
        MethodResult("a b", Result.PASS),
        MethodResult("spf", Result.PASS, "", "", (Property("x;y", "z", "1"),)),
    ]
    assert payload(US, odd) == "mx.example.org; spf=pass"


FOREIGN = [
    (
        (
            b"spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=pass (signature was verified)"
            b" header.d=a.example;dmarc=pass action=none header.from=a.example;compauth=pass reason=100"
        ),
        [("spf", "pass"), ("dkim", "pass"), ("dmarc", "pass"), ("compauth", "pass")],
    ),
    (b"mx.microsoft.com 1; spf=pass; dkim=pass header.d=a.example;;", [("spf", "pass"), ("dkim", "pass")]),
    (b"mx.example; dkim=pass header.d=x; ; dkim-atps=neutral", [("dkim", "pass"), ("dkim-atps", "neutral")]),
    (b"mx.example; dkim=dkim_pass; spf=pass", [("spf", "pass")]),
    (b"mx.example; dmarc=success(p=REJECT); spf=fail", [("spf", "fail")]),
    # RFC 8601 appendix B
    (b"example.org 1; none", []),
    (
        b"example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net",
        [("auth", "pass"), ("spf", "pass")],
    ),
    (
        (
            b"foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
            b" policy (A dot can go here) . (like that) expired (this surprised me)"
            b" = (as I wasn't expecting it) 1362471462"
        ),
        [("dkim", "fail")],
    ),
    (b"example.org 2; spf=pass", []),
    (b"example.org; dkim/2=pass", []),
    (b"example.org; SPF=PASS", [("spf", "pass")]),
    (b"", []),
    (b";;;", []),
    (b"example.org; =pass; x=; dkim; spf=pass=fail; (dkim=pass", []),
    (b'example.org; "dkim=pass"; x dkim=pass', []),
]


@pytest.mark.parametrize(("text", "expected"), FOREIGN)
def test_fields_of_others(text: bytes, expected: list[tuple[str, str]]) -> None:
    assert results(text) == expected


@pytest.mark.rfc("8601 §5", "MUST")
def test_a_field_without_an_identifier_names_nobody() -> None:
    found = read(FOREIGN[0][0])
    assert found
    assert found.authserv_id == ""


def test_properties_are_read() -> None:
    found = read(FOREIGN[0][0])
    assert found
    assert [each.domain for each in found.results[:3]] == ["a.example"] * 3
    assert found.results[3].reason == "100"
    commented = read(FOREIGN[7][0])
    assert commented
    assert commented.authserv_id == "foo.example.net"
    assert commented.results[0].properties == (Property("policy", "expired", "1362471462"),)
    odd = read(
        b'x; spf=pass smtp.mailfrom="a b"@c.example header.b=ab/c== reason="one \\"two\\"" reason=three'
    )
    assert odd
    assert odd.results[0].reason == 'one "two"'
    assert [each.value for each in odd.results[0].properties] == ["a b@c.example", "ab/c=="]


def test_a_field_that_is_too_long_is_not_read() -> None:
    assert read(b"x" * (MAX_OCTETS + 1)) is None


PIECES = st.sampled_from(
    [
        "dkim",
        "=",
        "pass",
        ";",
        "(",
        ")",
        '"',
        "\\",
        ".",
        "/",
        "1",
        " ",
        "reason",
        "header.d",
        "i=1;",
        "\r\n\t",
        "é",
        "@",
        "a",
    ]
)


@given(st.lists(PIECES).map("".join) | st.text())
def test_no_text_is_an_error(text: str) -> None:
    read(text.encode("utf-8", "replace"))
    claims_to_be_by(text.encode("utf-8", "replace"), (US, "xn--bcher-kva.example", "bücher.example"))


@given(st.binary())
def test_no_octets_are_an_error(octets: bytes) -> None:
    read(octets)


METHODS = st.sampled_from(["spf", "dkim", "dmarc", "arc", "iprev", "bimi"])
TEXTS = st.lists(PIECES).map("".join) | st.text()


@given(
    st.lists(
        st.builds(
            MethodResult,
            METHODS,
            st.sampled_from(Result),
            st.just(""),
            TEXTS,
            st.lists(st.builds(Property, st.just("smtp"), st.sampled_from(["mailfrom", "helo"]), TEXTS)).map(
                tuple
            ),
        ),
        max_size=MAX_RESULTS,
    )
)
def test_what_is_written_is_what_is_read(written: list[MethodResult]) -> None:
    found = read(value(field(US, written)))
    assert found
    assert (found.authserv_id, found.version) == (US, 1)
    assert [(each.method, each.result) for each in found.results] == [
        (each.method, each.result) for each in written
    ]


@given(
    st.lists(
        st.builds(
            MethodResult,
            METHODS,
            st.sampled_from([Result.PASS, Result.FAIL]),
            st.just(""),
            TEXTS,
            st.lists(
                st.builds(Property, st.just("smtp"), st.sampled_from(["mailfrom", "helo"]), TEXTS), max_size=3
            ).map(tuple),
        ),
        min_size=1,
    )
)
def test_authres_reads_the_same(written: list[MethodResult]) -> None:
    authres = pytest.importorskip("authres")
    parsed = authres.AuthenticationResultsHeader.parse(field(US, written[:MAX_RESULTS]).decode().strip())
    assert parsed.authserv_id == US
    assert [(each.method, each.result) for each in parsed.results] == [
        (each.method, str(each.result)) for each in written[:MAX_RESULTS]
    ]


@pytest.mark.rfc("8601 §5", "MUST")
@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        (b"Authentication-Results: mx.example.org; spf=pass\r\n", True),
        (b"Authentication-Results: MX.Example.ORG 1; spf=pass\r\n", True),
        (b'Authentication-Results:\r\n "mx.example.org"; spf=pass\r\n', True),
        (b"Authentication-Results: (x) mx.example.org; spf=pass\r\n", True),
        (b"Authentication-Results: mx.example.org.; spf=pass\r\n", True),
        ("Authentication-Results: mx.bücher.example; spf=pass\r\n".encode(), True),
        ("Authentication-Results: MX.BÜCHER.example; spf=pass\r\n".encode(), True),
        (b"Authentication-Results: mx.xn--bcher-kva.example; spf=pass\r\n", True),
        (rb"Authentication-Results: (a\)b) mx.example.org; spf=pass", True),
        (b"Authentication-Results: mx . example . org 1; spf=pass", True),
        (b"Authentication-Results: mx.(x)example.org; spf=pass", True),
        (b'Authentication-Results: "mx.example.\r\n org"; spf=pass', True),
        (b"Authentication-Results: \0mx.example.org; spf=pass", True),
        (b"Authentication-Results: mx.exa\x0bmple.org; spf=pass", True),
        (b"Authentication-Results: ; mx.example.org; spf=pass", True),
        (b"Authentication-Results: i=1; mx.example.org; spf=pass", True),
        ("Authentication-Results: \xa0\uff4dx\u3002example.org; spf=pass".encode(), True),
        (b"Authentication-Results: ((((mx.example.org; spf=pass", True),
        (b"Authentication-Results: =?utf-8?q?mx.example.org=3B?= spf=pass", True),
        (b"Authentication-Results: mx.exam=?utf-8?b?cGxl?=.org; spf=pass", True),
        (b"Authentication-Results: =?utf-8?q?other.example=3B?= spf=pass", False),
        (b"Authentication-Results: ((((other.example; spf=pass", False),
        (b"Authentication-Results: mx.example.org2; spf=pass", False),
        (b"Authentication-Results: mx.example.org.evil.example; spf=pass\r\n", False),
        ("Authentication-Results: mx.example.orgé; spf=pass\r\n".encode(), False),
        (b"Authentication-Results: other.example; spf=pass smtp.helo=mx.example.org\r\n", False),
    ],
)
def test_fields_that_claim_to_be_ours(raw: bytes, ours: bool) -> None:
    for names in ((US, "mx.xn--bcher-kva.example"), (US, "mx.bücher.example")):
        assert claims_to_be_by(raw, names) is ours


def test_what_we_write_claims_to_be_ours() -> None:
    for name in (US, "example.org/mx 1"):
        assert claims_to_be_by(field(name, []), (name,))
