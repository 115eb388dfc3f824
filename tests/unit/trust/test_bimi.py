"""The BIMI result of a message."""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.mail.header import Header
from pillarbox.trust.bimi import Bimi, Checked, Found, Image, Sender, check, concluded, image_of, look, sender
from pillarbox.trust.bimi.evaluation import MAX_FROM_OCTETS
from pillarbox.trust.bimi.record import Assertion, parse
from pillarbox.trust.bimi.verdict import VALID_AFTER_FAILURE_S, VALID_S
from pillarbox.trust.dmarc import Authors, evaluate_message
from pillarbox.trust.questions import Fetch, FetchFailed, Page
from pillarbox.trust.results import MethodResult, Property, Result
from tests.kit.asking import Answers
from tests.kit.dmarc import DnsOfRecords, dkim, dns
from tests.kit.marks import NOW, NOW_S, SVG, Issuer, logotype

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
    """The result of a message whose indicator is fetched at once."""
    record = answers(records).to(look(sender))
    if not isinstance(record, Found):
        return Bimi(record)
    return concluded(sender, record, checked(record, pages, roots).verdict)


def checked(
    record: Found, pages: Mapping[str, Page | FetchFailed] = PAGES, roots: tuple[bytes, ...] = ()
) -> Checked:
    assertion = record.assertion
    evidence = pages.get(assertion.evidence) if roots else None
    return check(pages[assertion.location], evidence, organization="example.com", roots=roots, now_s=NOW_S)


def answers(records: DnsOfRecords) -> Answers:
    return Answers(
        {
            (name, Kind.TXT): (
                text
                if isinstance(text, Failure)
                else tuple(each.encode() for each in ((text,) if isinstance(text, str) else text))
            )
            for name, text in records.items()
        },
        {},
    )


DEFAULT = "default._bimi.example.com"


DIGEST = hashlib.sha256(SVG).hexdigest()


def of(bimi: Bimi) -> dict[str, str]:
    return {f"{each.kind}.{each.name}": each.value for each in bimi.described.properties}


def test_an_indicator_without_evidence() -> None:
    bimi = found(by(), {DEFAULT: RECORD})
    assert bimi.image == Image("example.com", DIGEST)
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
            Property("policy", "logo-preference", "personal"),
        ),
    )


def test_what_is_kept_names_the_image_and_what_is_written_does_not() -> None:
    bimi = found(by(), {DEFAULT: RECORD})
    others = MethodResult("dmarc", Result.PASS, "example.com")
    assert image_of((others, bimi.kept)) == bimi.image
    assert image_of((bimi.described,)) is None
    failed = found(by(), {DEFAULT: PLAIN}, {L: FetchFailed("no")})
    assert failed.kept == failed.described
    assert image_of((failed.kept,)) is None
    named = replace(failed.described, properties=bimi.kept.properties)
    assert image_of((named,)) is None, "it has failed"


def test_an_indicator_with_evidence() -> None:
    root = Issuer("root")
    pages = {**PAGES, A: Page("application/pem-certificate-chain", root.mark())}
    bimi = found(by(), {DEFAULT: RECORD}, pages, (root.octets,))
    assert bimi.image == Image("example.com", DIGEST)
    assert of(bimi)["policy.authority"] == "pass"
    assert of(bimi)["policy.authority-uri"] == A
    packed = {**pages, L: Page("image/svg+xml", gzip.compress(SVG))}
    assert found(by(), {DEFAULT: RECORD}, packed, (root.octets,)).image == bimi.image


@pytest.mark.parametrize(
    ("names", "author", "holds"),
    [
        (["example.com"], "news.example.com", True),
        (["news.example.com"], "news.example.com", True),
        (["default._bimi.news.example.com"], "news.example.com", True),
        (["default._bimi.EXAMPLE.com"], "news.example.com", True),
        (["summer._bimi.example.com"], "news.example.com", False),
        (["other.example.com"], "news.example.com", False),
        (["default._bimi.other.example.com"], "news.example.com", False),
        (["news.example.com"], "example.com", False),
        (["example.com.evil.example", "anexample.com"], "example.com", False),
    ],
)
def test_whom_a_mark_certificate_is_for(names: list[str], author: str, holds: bool) -> None:
    root = Issuer("root")
    record = Found(parse(RECORD.encode()) or Assertion(), author, "default")
    verdict = checked(record, {**PAGES, A: Page("", root.mark(names))}, (root.octets,)).verdict
    bimi = concluded(by(author, REJECT), record, verdict)
    assert bool(bimi.image) == holds
    assert of(bimi)["policy.authority"] == ("pass" if holds else "fail")


def test_how_long_a_verdict_holds() -> None:
    root, record = Issuer("root"), Found(parse(RECORD.encode()) or Assertion(), "example.com", "default")
    soon = NOW + timedelta(hours=1)

    def until(page: Page | FetchFailed, mark: Page | FetchFailed) -> int:
        return checked(record, {L: page, A: mark}, (root.octets,)).verdict.until_s - NOW_S

    page, failed = PAGES[L], FetchFailed("no")
    assert until(page, Page("", root.mark())) == VALID_S
    assert until(page, Page("", root.mark(until=soon))) == 3601
    assert until(Page("", b"no image"), Page("", root.mark())) == VALID_S
    assert until(failed, Page("", root.mark())) == VALID_AFTER_FAILURE_S
    assert until(page, failed) == VALID_AFTER_FAILURE_S
    assert VALID_AFTER_FAILURE_S < VALID_S


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
        assert of(bimi)["policy.authority"] == "fail"
        assert bimi.image is None
    forged = {**PAGES, A: Page("", root.mark(extension=logotype(different)))}
    bimi = found(by(), {DEFAULT: RECORD}, forged, (root.octets,))
    assert bimi.described.reason == "the indicator is not the one of the mark certificate"


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
    assert bool(bimi.image) == (result is Result.PASS)


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
    assert (bimi.described.result, bimi.image) == (Result.FAIL, None)
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
    result = asked.to(look(by("news.example.com", records)))
    assert isinstance(result, MethodResult)
    assert result.result is Result.SKIPPED
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
    record = questions.to(look(by("news.example.com", selector=selector, local_part=local_part)))
    assert [each.name for each in questions.asked if not isinstance(each, Fetch)] == asked
    assert isinstance(record, Found)
    assert f"{record.selector}._bimi.{record.domain}" == counts


def test_a_local_part_whose_record_cannot_be_looked_up() -> None:
    records: DnsOfRecords = {DEFAULT: f"{PLAIN}; lps=", "news._bimi.example.com": Failure("SERVFAIL")}
    assert found(by(), records).described.result is Result.TEMPERROR


def test_the_sender_of_a_header() -> None:
    evaluation = by().dmarc
    header, _ = Header.parse(b'From: "X" <News.Team@example.com>\r\nBIMI-Selector: v=BIMI1; s=summer\r\n\r\n')
    assert sender(header, evaluation, selector_is_signed=True) == Sender(evaluation, "News.Team", "summer")
    assert sender(header, evaluation, selector_is_signed=False).selector == "default"
    assert sender(Header(b""), evaluation, selector_is_signed=True) == Sender(evaluation, "", "default")
    long, _ = Header.parse(b"From: " + b"x " * MAX_FROM_OCTETS + b"<news@example.com>\r\n\r\n")
    assert sender(long, evaluation, selector_is_signed=True).local_part == ""


@given(st.lists(st.binary()))
def test_no_records_are_an_error(texts: list[bytes]) -> None:
    records = [b"v=BIMI1;" + text for text in texts]
    for each in (texts, records):
        Answers({(DEFAULT, Kind.TXT): Answer(tuple(each), 1)}, {}).to(look(by()))


@given(st.binary(), st.binary())
def test_no_pages_are_an_error(image: bytes, mark: bytes) -> None:
    for evidence, roots in ((None, ()), (Page("", mark), (b"x",)), (Page("", mark), ())):
        check(Page("", image), evidence, organization="example.com", roots=roots, now_s=NOW_S)
