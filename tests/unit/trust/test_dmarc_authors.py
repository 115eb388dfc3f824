"""The author domains of a message (RFC 9989 §5.3.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.header import MAX_FIELDS, Header
from pillarbox.trust.dmarc.authors import MAX_DOMAINS, MAX_FROM_OCTETS, Authors, authors
from tests.kit.corpora import needs_corpora, single_messages


def of(*values: bytes) -> Authors:
    header, _ = Header.parse(b"".join(b"From: " + value + b"\r\n" for value in values) + b"\r\n")
    return authors(header)


@pytest.mark.rfc("9989 §5.3.1", "MUST")
@pytest.mark.parametrize(
    ("value", "domains"),
    [
        (b"a@example.org", ("example.org",)),
        (b'"A <a@evil.example>"@victim.example', ("victim.example",)),
        (b"\"'X, Y' via L\" <l@lists.example>", ("lists.example",)),
        (b'"\\"Acme, Inc.\\"" <o@example.org>', ("example.org",)),
        (b"ceo@victim.example <a@evil.example>", ("evil.example",)),
        (b"a@example.org (b@evil.example)", ("example.org",)),
        (b"Group: a@one.example, b@two.example;", ("one.example", "two.example")),
        (b"a@EXAMPLE.org, b@example.ORG.", ("example.org",)),
        ("a@bücher.example".encode(), ("xn--bcher-kva.example",)),
        (b"a@xn--bcher-kva.example", ("xn--bcher-kva.example",)),
        (b"<@relay.example:a@example.org>", ("example.org",)),
        (b"a@\r\n example.org", ("example.org",)),
    ],
)
def test_domains(value: bytes, domains: tuple[str, ...]) -> None:
    found = of(value)
    assert (found.domains, found.problem) == (domains, "")


@pytest.mark.parametrize("value", [b"", b"Automated:;", b"nobody", b"a@[192.0.2.1]", b"<>"])
def test_no_domain(value: bytes) -> None:
    found = of(value)
    assert (found.domains, found.problem) == ((), "")


def test_no_field() -> None:
    assert authors(Header.parse(b"Subject: x\r\n\r\n")[0]) == Authors((), 0, 0)


@pytest.mark.rfc("9989 §11.5", "MUST")
def test_two_fields_are_told_in_both_orders() -> None:
    for pair in ((b"a@one.example", b"b@two.example"), (b"b@two.example", b"a@one.example")):
        found = of(*pair)
        assert set(found.domains) == {"one.example", "two.example"}
        assert (found.fields, found.problem) == (2, "2 From fields")


def test_several_domains() -> None:
    many = [b"a@d%d.example" % number for number in range(MAX_DOMAINS + 1)]
    assert of(b", ".join(many[:-1])).problem == ""
    assert of(b", ".join(many)).problem == f"more than {MAX_DOMAINS} author domains"
    assert len(of(b", ".join(many)).domains) == MAX_DOMAINS


@pytest.mark.parametrize(
    "value",
    [b"a@victim..example", b"a@-.example", b"a@victim.example\xff", b"a@=?utf-8?q?victim?=.example", b"a@[x"],
)
def test_what_cannot_be_read_is_told(value: bytes) -> None:
    assert "no valid domain" in of(value).problem


@pytest.mark.rfc("9989 §11.5", "MUST")
@pytest.mark.parametrize(
    "value",
    [
        b"ceo@victim.example <>",
        b"ceo@victim.example <x>",
        b'"ceo@victim.example" <@>',
        b"=?utf-8?Q?ceo=40victim.example?=",
        b"=?utf-8?B?Y2VvQHZpY3RpbS5leGFtcGxl?= <>",
        "ceo\uff20victim.example".encode(),
        b"ceo@victim.example@evil.example",
        b"X <ceo@victim.example@evil.example>",
        b"<ceo@victim.example\0@evil.example>",
        b"ceo@victim.example:;",
        b'"Boss <ceo@victim.example>": a@evil.example;',
        b"=?utf-8?q?ceo=40victim.example?=:;",
        b"(ceo@victim.example)",
    ],
)
def test_what_only_looks_like_an_address_is_told(value: bytes) -> None:
    assert "looks like an author's address" in of(value).problem


@pytest.mark.rfc("9989 §11.5", "MUST")
@pytest.mark.parametrize(
    "value",
    [
        b"ceo@victim.example a@evil.example",
        b"ceo@victim.example (x) a@evil.example, b@evil.example",
        b"ceo@vic(x)tim.example",
        b"ceo@vic tim.example",
        b"<a@evil.example> ceo@victim.example",
        b'ceo@evil.example "x"',
    ],
)
def test_where_programs_disagree_about_the_author_it_is_told(value: bytes) -> None:
    assert "programs disagree" in of(value).problem


@pytest.mark.rfc("9989 §11.5", "MUST")
@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: x\r\n\x0bFrom: ceo@victim.example\r\n\r\n",
        b"Subject: x\r\nFrom\0: ceo@victim.example\r\n\r\n",
        b"Subject: x\rFrom: ceo@victim.example\r\n\r\n",
        b"From: a@evil.example\r\nSubject: x\r\x01from \x7f: ceo@victim.example\r\n\r\n",
        b"Subject: x\r\nno field\r\nFrom: ceo@victim.example\r\n",
    ],
)
def test_what_may_be_taken_for_an_author_is_told(octets: bytes) -> None:
    assert "may be taken for a From field" in authors(Header.parse(octets)[0]).problem


@pytest.mark.parametrize(
    "octets",
    [
        b"From: a@good.example\r\nSubject: x\x0b\r\n\r\n",
        b"From: a@good.example\r\nno field\r\n",
        b"text without a header\r\nFrom: a@good.example\r\n",
        b"Subject: \x0bFrom: ceo@victim.example\r\n\r\n",
        b"Subject: x\r\n From: ceo@victim.example\r\n\r\n",
        b"Subject: x\r\nX-From: ceo@victim.example\x01\r\n\r\n",
    ],
)
def test_what_nobody_takes_for_an_author_is_not(octets: bytes) -> None:
    assert not authors(Header.parse(octets)[0]).problem


def test_what_is_not_read_is_told() -> None:
    assert "longer" in of(b"x:;" * 5000 + b"a@victim.example").problem
    header, _ = Header.parse(
        b"From: a@one.example\r\n" + b"X: y\r\n" * MAX_FIELDS + b"From: a@two.example\r\n\r\n"
    )
    assert "longer" in authors(header).problem
    assert "longer" in of(b"(" + b"x" * MAX_FROM_OCTETS + b") a@victim.example").problem


@needs_corpora
def test_real_mail_has_readable_authors() -> None:
    found = [authors(Header.parse(octets)[0]) for _, octets in single_messages()]
    unclear = [each for each in found if "no valid domain" in each.problem]
    assert len(unclear) <= len(found) // 50, unclear


@given(st.binary())
def test_no_octets_are_an_error(octets: bytes) -> None:
    authors(Header.parse(b"From: " + octets)[0])


@given(
    st.lists(
        st.sampled_from(
            [b"a", b"@", b"<", b">", b".", b'"', b"(", b")", b",", b";", b":", b"\\", b" ", b"x.example"]
        )
    )
)
def test_no_tokens_are_an_error(tokens: list[bytes]) -> None:
    of(b"".join(tokens))
