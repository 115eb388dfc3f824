"""MIME parameters as they stand, and as text."""

import pytest

from pillarbox.mail import parameter


def pairs(value: bytes) -> list[tuple[bytes, bytes]]:
    return list(parameter.parse(value).parameters)


def decoded(value: bytes) -> dict[str, str]:
    return parameter.decode(parameter.parse(value).parameters)


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"text/plain", "text/plain"),
        (b"TEXT/Plain; charset=x", "text/plain"),
        (b" text / plain ;x=y", "text/plain"),
        (b"(first) text/plain (last)", "text/plain"),
        (b'"text/plain"', "text/plain"),
        (b"attachment", "attachment"),
        (b'attachment filename="a"', "attachment"),
        (b"image/svg+xml;", "image/svg+xml"),
        (b"; charset=x", ""),
        (b"", ""),
        (b"text/pl\xe4in", "text/pl\ufffdin"),
    ],
)
def test_the_token_comes_first(value: bytes, token: str) -> None:
    assert parameter.parse(value).token == token


@pytest.mark.rfc("2045 §5.1", "MUST")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"a/b; x=y; Z=w", [(b"x", b"y"), (b"Z", b"w")], id="plain"),
        pytest.param(b'a/b; x="y; z=\\"w\\""', [(b"x", b'y; z="w"')], id="quoted"),
        pytest.param(b"a/b;;x=y;", [(b"x", b"y")], id="empty ones"),
        pytest.param(b"a/b; x = y ; z= w", [(b"x", b"y"), (b"z", b"w")], id="spaces"),
        pytest.param(b"a/b; x=y (a (nested) comment); z=w", [(b"x", b"y"), (b"z", b"w")], id="comments"),
        pytest.param(
            b"a/b; x=(a (b)) y; z= (c;d) w", [(b"x", b"y"), (b"z", b"w")], id="comments before values"
        ),
        pytest.param(b'a/b; x=(a) "y"', [(b"x", b"y")], id="comment before quotes"),
        pytest.param(
            b"a/b; name=(1) a.pdf; filename*0 = (2).pdf",
            [(b"name", b"(1) a.pdf"), (b"filename*0", b"(2).pdf")],
            id="names that begin with a parenthesis",
        ),
        pytest.param(b'a/b; x="(no comment)"', [(b"x", b"(no comment)")], id="quoted parentheses"),
        pytest.param(b"a/b; name=My Report(1).pdf", [(b"name", b"My Report(1).pdf")], id="unquoted spaces"),
        pytest.param(b'a/b; x="y', [(b"x", b"y")], id="quote never closed"),
        pytest.param(b'a/b; x="y" junk; z=w', [(b"x", b"y"), (b"z", b"w")], id="junk after a quote"),
        pytest.param(b'a/b; x=y z="w"', [(b"x", b"y"), (b"z", b"w")], id="semicolon forgotten"),
        pytest.param(b'a/b x="y" z=w', [(b"x", b"y"), (b"z", b"w")], id="both forgotten"),
        pytest.param(b"a/b; x=; y=z", [(b"x", b""), (b"y", b"z")], id="empty value"),
        pytest.param(b"a/b; novalue; y=z", [(b"y", b"z")], id="no value"),
        pytest.param(b"a/b; boundary=----=_Part=1", [(b"boundary", b"----=_Part=1")], id="equals signs"),
        pytest.param(b"a/b; x=\xe4", [(b"x", b"\xe4")], id="8 bit"),
        pytest.param(b"a/b; =y; x=z", [(b"x", b"z")], id="no name"),
        pytest.param(b"a/b; x=y (never closed; z=w", [(b"x", b"y")], id="comment never closed"),
    ],
)
def test_parameters_are_split(value: bytes, expected: list[tuple[bytes, bytes]]) -> None:
    assert pairs(value) == expected


@pytest.mark.rfc("2231 §3", "MUST")
def test_sections_are_joined_by_their_numbers() -> None:
    assert decoded(b'a/b; url*1="host/x"; URL*0="ftp://"') == {"url": "ftp://host/x"}


@pytest.mark.rfc("2231 §4", "MUST")
def test_charset_and_language_and_percent_signs() -> None:
    assert decoded(b"a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A") == {
        "title": "This is ***fun***"
    }
    assert decoded(b"a/b; f*=iso-8859-1''%A3%20rates") == {"f": "£ rates"}
    assert decoded(b"a/b; f*=''x%y") == {"f": "x%y"}


@pytest.mark.rfc("2231 §4.1", "MUST")
def test_sections_may_be_encoded_one_by_one() -> None:
    value = b"a/b; t*0*=utf-8'en'This%20is%20%2A; t*1*=%C3; t*2*=%A9; t*3=\" isn't%20it\""

    assert decoded(value) == {"t": "This is *é isn't%20it"}


def test_extended_forms_win_over_plain_ones_and_the_first_over_later_ones() -> None:
    assert decoded(b"a/b; f=old; f*=utf-8''n%C3%A9w; f*=x''y; g=1; G=2") == {"f": "néw", "g": "1"}


def test_what_senders_do_instead_of_rfc_2231_is_read_too() -> None:
    assert decoded(b'a/b; f="=?utf-8?q?n=C3=A9w?="') == {"f": "néw"}
    assert decoded(b"a/b; f=n\xc3\xa9w; g=n\xe9w") == {"f": "néw", "g": "néw"}


def test_parameters_beyond_the_limits_are_ignored() -> None:
    many = b"a/b" + b"".join(b"; p%d=x" % number for number in range(1_000))
    assert len(pairs(many)) == parameter.MAX_PARAMETERS
    assert len(pairs(b"a/b; x=" + b"y" * 100_000)[0][1]) < parameter.MAX_VALUE_OCTETS


@pytest.mark.parametrize(
    "octets", [b"a", b" ", b'"', b"(", b"\\", b";", b"=", b"a ", b'a="', b'a= b="', b"(\\"]
)
def test_hostile_values_take_linear_time(octets: bytes) -> None:
    parameter.parse(b"a/b; x=" + octets * (60_000 // len(octets)))
