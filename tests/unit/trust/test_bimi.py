"""The BIMI result of a message."""

import gzip
import hashlib
from base64 import b64decode
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.mail.header import Header
from pillarbox.trust.bimi import FIELDS_ONLY_WE_WRITE, Bimi, Sender, evaluate, sender
from pillarbox.trust.dmarc import Authors, evaluate_message
from pillarbox.trust.questions import Fetch, FetchFailed, Page
from pillarbox.trust.results import MethodResult, Property, Result
from tests.kit.asking import Answers
from tests.kit.dmarc import DnsOfRecords, dkim, dns
from tests.kit.marks import NOW_S, SVG, Issuer, logotype

L, A = "https://example.com/logo.svg", "https://example.com/mark.pem"
RECORD = f"v=BIMI1; l={L}; a={A}; avp=personal;"
PLAIN = f"v=BIMI1; l={L}"
REJECT: DnsOfRecords = {"example.com": "v=DMARC1; p=reject"}
PAGES = {L: Page("image/svg+xml", SVG)}


def by(
    author: str = "example.com",
    records: DnsOfRecords = REJECT,
    *,
    selector: str = "default",
    local_part: str = "news",
    authors: Authors | None = None,
) -> Sender:
    asking = evaluate_message(authors or Authors((author,), 1, 1), [dkim(author)])
    return Sender(dns(records).to(asking), local_part, selector)


def found(
    sender: Sender,
    records: DnsOfRecords,
    pages: Mapping[str, Page | FetchFailed] = PAGES,
    roots: tuple[bytes, ...] = (),
) -> Bimi:
    return answers(records, pages).to(evaluate(sender, roots, NOW_S))


def answers(records: DnsOfRecords, pages: Mapping[str, Page | FetchFailed] = PAGES) -> Answers:
    return Answers(
        {
            (name, Kind.TXT): (
                text
                if isinstance(text, Failure)
                else tuple(each.encode() for each in ((text,) if isinstance(text, str) else text))
            )
            for name, text in records.items()
        },
        pages,
    )


DEFAULT = "default._bimi.example.com"


def test_an_indicator_without_evidence() -> None:
    bimi = found(by(), {DEFAULT: RECORD})
    assert (bimi.image, bimi.location, bimi.evidence, bimi.preference) == (SVG, L, "", "personal")
    assert bimi.described == MethodResult(
        "bimi",
        Result.PASS,
        "example.com",
        "",
        (
            Property("header", "d", "example.com"),
            Property("header", "selector", "default"),
            Property("policy", "authority", "none"),
            Property("policy", "indicator-uri", L),
            Property("policy", "indicator-hash", hashlib.sha256(SVG).hexdigest()[-8:]),
            Property("policy", "logo-preference", "personal"),
        ),
    )


def test_an_indicator_with_evidence() -> None:
    root = Issuer("root")
    pages = {**PAGES, A: Page("application/pem-certificate-chain", root.mark())}
    bimi = found(by(), {DEFAULT: RECORD}, pages, (root.octets,))
    assert (bimi.image, bimi.evidence) == (SVG, A)
    assert Property("policy", "authority", "pass") in bimi.described.properties
    assert Property("policy", "authority-uri", A) in bimi.described.properties
    packed = {**pages, L: Page("image/svg+xml", gzip.compress(SVG))}
    assert found(by(), {DEFAULT: RECORD}, packed, (root.octets,)).image == SVG


def test_evidence_that_does_not_hold() -> None:
    root, other = Issuer("root"), Issuer("other")
    different = SVG.replace(b"red", b"blue")
    for page, words in (
        (Page("", other.mark()), "no root"),
        (Page("", root.mark(["other.example"])), "other domains"),
        (FetchFailed("connection refused"), "could not be fetched: connection refused"),
    ):
        bimi = found(by(), {DEFAULT: RECORD}, {**PAGES, A: page}, (root.octets,))
        assert words in bimi.described.reason
        assert bimi.described.result is Result.FAIL
        assert Property("policy", "authority", "fail") in bimi.described.properties
        assert not bimi.fields
    forged = {**PAGES, A: Page("", root.mark(extension=logotype(different)))}
    bimi = found(by(), {DEFAULT: RECORD}, forged, (root.octets,))
    assert bimi.described.reason == "the indicator is not the one of the mark certificate"


def test_the_fields() -> None:
    bimi = found(by(), {DEFAULT: RECORD})
    header, _ = Header.parse(bimi.fields + b"\r\n")
    assert header.first("BIMI-Location") == f"v=BIMI1;\tl={L};".encode()
    assert b64decode(header.first("BIMI-Indicator") or b"") == SVG
    assert header.first("BIMI-Logo-Preference") == b"avp=personal;"
    assert header.names - {b""} == {name.encode() for name in FIELDS_ONLY_WE_WRITE}
    assert max(map(len, bimi.fields.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    ("records", "result", "words"),
    [
        ({}, Result.NONE, "no assertion record"),
        ({DEFAULT: (PLAIN, PLAIN)}, Result.NONE, "no assertion record"),
        ({DEFAULT: (PLAIN, "v=spf1 -all")}, Result.PASS, ""),
        ({DEFAULT: "v=BIMI1; l=; a=;"}, Result.DECLINED, ""),
        ({DEFAULT: "v=BIMI1; l=http://x"}, Result.FAIL, "l= is no https URI"),
        ({DEFAULT: f"v=BIMI1; l=; a={A}"}, Result.FAIL, "no location"),
        ({DEFAULT: Failure("SERVFAIL")}, Result.TEMPERROR, "SERVFAIL"),
    ],
)
def test_records(records: DnsOfRecords, result: Result, words: str) -> None:
    bimi = found(by(), records)
    assert bimi.described.result is result
    assert words in bimi.described.reason
    assert bool(bimi.fields) == (result is Result.PASS)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (FetchFailed("status 404", "status"), "could not be fetched: status 404"),
        (Page("image/svg+xml", b"<html/>"), "element that is not allowed"),
        (Page("image/svg+xml", b"\x1f\x8bx"), "no gzip file"),
        (Page("image/svg+xml", b"x" * 40_000), "too large"),
    ],
)
def test_images_that_are_not_shown(page: Page | FetchFailed, words: str) -> None:
    bimi = found(by(), {DEFAULT: PLAIN}, {L: page})
    assert (bimi.described.result, bimi.image) == (Result.FAIL, b"")
    assert words in bimi.described.reason


@pytest.mark.parametrize(
    "records",
    [
        {"example.com": "v=DMARC1; p=none"},
        {"example.com": "v=DMARC1; p=reject; sp=none"},
        {"example.com": "v=DMARC1; p=quarantine; pct=99"},
        {"example.com": "v=DMARC1; p=quarantine; t=y"},
        {"news.example.com": "v=DMARC1; p=reject", "example.com": "v=DMARC1; p=none"},
        {"news.example.com": "v=DMARC1; p=none", "example.com": "v=DMARC1; p=reject"},
        {"news.example.com": "v=DMARC1; p=reject", "com": "v=DMARC1; p=reject; psd=y"},
        {},
    ],
)
def test_a_policy_that_is_not_enforced(records: DnsOfRecords) -> None:
    asked = answers({"default._bimi.news.example.com": PLAIN})
    bimi = asked.to(evaluate(by("news.example.com", records), (), NOW_S))
    assert bimi.described.result is Result.SKIPPED
    assert asked.asked == []


@pytest.mark.parametrize(
    "tags", ["p=reject", "p=quarantine", "p=reject; pct=10", "p=quarantine; pct=100; sp=reject"]
)
def test_a_policy_that_is_enforced(tags: str) -> None:
    assert found(by(records={"example.com": f"v=DMARC1; {tags}"}), {DEFAULT: PLAIN}).image


@pytest.mark.parametrize(
    "authors",
    [
        Authors(("example.com",), 1, 2),
        Authors(("example.com",), 2, 2, "2 From fields"),
        Authors(("example.com",), 1, 1, "an author is strange"),
    ],
)
def test_a_message_of_several_authors(authors: Authors) -> None:
    assert found(by(authors=authors), {DEFAULT: PLAIN}).described.reason == "the message has not one author"


def test_a_message_that_fails() -> None:
    failed = dns(REJECT).to(evaluate_message(Authors(("example.com",), 1, 1), []))
    assert found(Sender(failed, "a", "default"), {DEFAULT: PLAIN}).described.reason == "DMARC has not passed"


@pytest.mark.parametrize(
    ("selector", "local_part", "records", "asked", "counts"),
    [
        ("default", "a", {DEFAULT: PLAIN}, ["default._bimi.news.example.com", DEFAULT], DEFAULT),
        (
            "x",
            "a",
            {"x._bimi.example.com": PLAIN},
            ["x._bimi.news.example.com", "x._bimi.example.com"],
            "x._bimi.example.com",
        ),
        (
            "default",
            "Sales.Team",
            {"default._bimi.news.example.com": f"{PLAIN}; lps=", "sales-team._bimi.news.example.com": PLAIN},
            ["default._bimi.news.example.com", "sales-team._bimi.news.example.com"],
            "sales-team._bimi.news.example.com",
        ),
        (
            "default",
            "a",
            {DEFAULT: f"{PLAIN}; lps=a", "a._bimi.example.com": "v=BIMI1; broken"},
            ["default._bimi.news.example.com", DEFAULT, "a._bimi.example.com"],
            DEFAULT,
        ),
        ("default", "b", {DEFAULT: f"{PLAIN}; lps=a"}, ["default._bimi.news.example.com", DEFAULT], DEFAULT),
        (
            "a",
            "a",
            {"a._bimi.news.example.com": f"{PLAIN}; lps="},
            ["a._bimi.news.example.com"],
            "a._bimi.news.example.com",
        ),
    ],
)
def test_discovery(
    selector: str, local_part: str, records: DnsOfRecords, asked: list[str], counts: str
) -> None:
    questions = answers(records)
    bimi = questions.to(evaluate(by("news.example.com", selector=selector, local_part=local_part), (), NOW_S))
    names = [each.name for each in questions.asked if not isinstance(each, Fetch)]
    assert names == asked
    values = {each.name: each.value for each in bimi.described.properties}
    assert f"{values['selector']}._bimi.{values['d']}" == counts


def test_a_local_part_whose_record_cannot_be_looked_up() -> None:
    records: DnsOfRecords = {DEFAULT: f"{PLAIN}; lps=", "news._bimi.example.com": Failure("SERVFAIL")}
    assert found(by(), records).described.result is Result.TEMPERROR


def test_the_sender_of_a_header() -> None:
    evaluation = by().dmarc
    header, _ = Header.parse(b'From: "X" <News.Team@example.com>\r\nBIMI-Selector: v=BIMI1; s=summer\r\n\r\n')
    assert sender(header, evaluation, selector_is_signed=True) == Sender(evaluation, "News.Team", "summer")
    assert sender(header, evaluation, selector_is_signed=False).selector == "default"
    assert sender(Header(b""), evaluation, selector_is_signed=True) == Sender(evaluation, "", "default")


@given(st.lists(st.binary()), st.binary(), st.binary())
def test_no_answers_are_an_error(texts: list[bytes], image: bytes, mark: bytes) -> None:
    records = [b"v=BIMI1;" + text for text in texts]
    for each in (texts, records, [RECORD.encode()]):
        zone = {(DEFAULT, Kind.TXT): Answer(tuple(each), 1)}
        pages = {L: Page("", image), A: Page("", mark)}
        Answers(zone, pages).to(evaluate(by(), (b"x",), NOW_S))
        Answers(zone, pages).to(evaluate(by(), (), NOW_S))
