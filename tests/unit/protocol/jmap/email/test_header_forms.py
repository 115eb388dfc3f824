"""Header fields in each form."""

from typing import Any

import msgspec
import pytest

from pillarbox.mail.address_field import MAX_VALUE_OCTETS
from pillarbox.mail.address_tokens import MAX_ADDRESSES
from pillarbox.protocol.jmap.email import header_forms


def plain(value: object) -> Any:
    return msgspec.to_builtins(value)


def address(name: str | None, email: str) -> dict[str, str | None]:
    return {"name": name, "email": email}


@pytest.mark.rfc("8621 §4.1.2.1", "MUST")
@pytest.mark.parametrize(
    ("value", "raw"),
    [
        pytest.param(b" x ", " x ", id="spaces stay"),
        pytest.param(b" x\r\n y", " x\r\n y", id="folding stays"),
        pytest.param(b" x\n y", " x\n y", id="bare LF"),
        pytest.param(b"a\0b", "ab", id="NUL is dropped"),
        pytest.param(b"=?utf-8?q?x?=", "=?utf-8?q?x?=", id="nothing is decoded"),
        pytest.param(b"\xc3\xa4 \xe4\xff x", "ä \ufffd\ufffd x", id="what is not UTF-8"),
    ],
)
def test_raw(value: bytes, raw: str) -> None:
    assert header_forms.raw(value) == raw


@pytest.mark.rfc("8621 §4.1.2.2", "MUST")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(b"  x y ", "x y ", id="spaces in front"),
        pytest.param(b" a\r\n  b\r\n\tc", "a  b\tc", id="unfolded"),
        pytest.param(b" =?utf-8?q?a=CC=88?=", "ä", id="NFC"),
        pytest.param(b" a\xcc\x88", "ä", id="NFC of raw UTF-8"),
        pytest.param(b" =?utf-8?q?=F0=9F?=\r\n =?utf-8?q?=98=80?=", "😀", id="a character in two words"),
        pytest.param(b" x=?utf-8?q?y?=", "x=?utf-8?q?y?=", id="misplaced"),
        pytest.param(b" \xe4", "ä", id="windows-1252"),
        pytest.param(b" ", "", id="empty"),
    ],
)
def test_text(value: bytes, text: str) -> None:
    assert header_forms.text(value) == text


THE_RFCS = (
    b' "  James Smythe" <james@example.com>, Friends:\r\n jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?=\r\n'
    b" <john@example.com>;"
)
JAMES, JANE = address("James Smythe", "james@example.com"), address(None, "jane@example.com")
JOHN = address("John Smîth", "john@example.com")  # the RFC prints it as i


@pytest.mark.rfc("8621 §4.1.2.3", "MUST")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(THE_RFCS, [JAMES, JANE, JOHN], id="the RFC's"),
        pytest.param(b" undisclosed-recipients:;", [], id="empty group"),
        pytest.param(b"", [], id="empty"),
        pytest.param(b" =?utf-8?q?Doe=2C_J?= <j@x>", [address("Doe, J", "j@x")], id="comma inside of a word"),
        pytest.param(b' "Doe, J" <j@x>', [address("Doe, J", "j@x")], id="comma in quotes"),
        pytest.param(b' "a \\"b\\" \\\\c" <j@x>', [address('a "b" \\c', "j@x")], id="quoted pairs"),
        pytest.param(b" j@x (Joe)", [address("Joe", "j@x")], id="comment behind"),
        pytest.param(b" j@x (=?utf-8?q?J=C3=B6?=)", [address("Jö", "j@x")], id="encoded comment"),
        pytest.param(b" Joe (the first) <j@x>", [address("Joe", "j@x")], id="comment beside a name"),
        pytest.param(b" foo: a@b;, c@d", [address(None, "a@b"), address(None, "c@d")], id="after a group"),
        pytest.param(b' "a b"@x, "c"@x', [address(None, '"a b"@x'), address(None, "c@x")], id="addr-spec"),
        pytest.param(b" <=?utf-8?q?a?=@x>", [address(None, "=?utf-8?q?a?=@x")], id="no word in an addr-spec"),
        pytest.param(b" <@a,@b:j@x>", [address(None, "j@x")], id="source route"),
        pytest.param(b" Anna", [address(None, "Anna")], id="only a word"),
        pytest.param(b" Anna Beispiel", [address("Anna Beispiel", "")], id="only a name"),
        pytest.param(b" \xc3\xb6@\xc3\xb6.example", [address(None, "ö@ö.example")], id="RFC 6532"),
        pytest.param(b' "=?utf-8?q?J=C3=B6?=" <j@x>', [address("Jö", "j@x")], id="encoded in quotes"),
        pytest.param(
            b" =?utf-8?q?=C3?= =?utf-8?q?=B6?= <j@x>", [address("ö", "j@x")], id="a character in two words"
        ),
        pytest.param(b" \xe2\x80\xae\xe2\x81\xa6x <j@x>", [address("\u202e\u2066x", "j@x")], id="bidi"),
    ],
)
def test_addresses(value: bytes, expected: list[object]) -> None:
    assert plain(header_forms.addresses(value)) == expected


@pytest.mark.rfc("8621 §4.1.2.4", "MUST")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(THE_RFCS, [(None, [JAMES]), ("Friends", [JANE, JOHN])], id="the RFC's"),
        pytest.param(b" undisclosed-recipients:;", [("undisclosed-recipients", [])], id="empty group"),
        pytest.param(
            b" a@b, c@d, =?utf-8?q?g=2C?=: e@f;, h@i",
            [
                (None, [address(None, "a@b"), address(None, "c@d")]),
                ("g,", [address(None, "e@f")]),
                (None, [address(None, "h@i")]),
            ],
            id="together as far as they follow one another",
        ),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_grouped_addresses(value: bytes, expected: list[tuple[str | None, list[object]]]) -> None:
    found = plain(header_forms.grouped_addresses(value))

    assert found == [{"name": name, "addresses": addresses} for name, addresses in expected]


@pytest.mark.rfc("8621 §4.1.2.5", "MUST")
def test_message_ids() -> None:
    assert header_forms.message_ids(b" <a@b>\r\n <c>") == ["a@b", "c"]
    assert header_forms.message_ids(b" none") is None


@pytest.mark.rfc("8621 §4.1.2.6", "MUST")
def test_date() -> None:
    assert header_forms.sent_date(b" Thu,\r\n 15 Feb 2007 01:02:03 +0200 (x)") == "2007-02-15T01:02:03+02:00"
    assert header_forms.sent_date(b" tomorrow") is None


@pytest.mark.rfc("8621 §4.1.2.7", "MUST")
def test_urls() -> None:
    assert header_forms.urls(b" <mailto:a@b>,\r\n (x) <http://c/>") == ["mailto:a@b", "http://c/"]
    assert header_forms.urls(b" NO") is None


def test_of_very_many_addresses_the_first_are_read() -> None:
    found = header_forms.addresses(b",".join(b"a%d@b" % n for n in range(100_000)))

    assert len(found) == MAX_ADDRESSES
    assert found[-1].email == f"a{MAX_ADDRESSES - 1}@b"


def test_an_address_that_would_be_cut_is_left_out() -> None:
    long_name = b"x" * (MAX_VALUE_OCTETS - 10)

    assert plain(header_forms.addresses(b'a@b,"%b" <c@d.example>' % long_name)) == [address(None, "a@b")]
